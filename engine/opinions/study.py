"""What an opinion study asks, about which pictures, and the rules of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.errors import StudioError
from engine.rules import counted

RATINGS, BEST, PAIRS, REAL = "ratings", "best", "pairs", "real"
KINDS = {
    RATINGS: "Ratings from 1 to 5",
    BEST: "The best one of all",
    PAIRS: "Which of two is better",
    REAL: "Real or made, after a short look",
}
QUESTIONS = {
    "style": "How clearly is it drawn in the wanted style?",
    "content": "How well is what the original shows kept?",
    "overall": "How good is it overall?",
}
SCORES = {1: "bad", 2: "poor", 3: "fair", 4: "good", 5: "excellent"}  # ITU-T P.910, absolute category rating
ORIGINAL = "the original"  # how the hidden control is called among the methods
EQUAL = "equal"
CONSENT = (
    "You will be shown pictures and asked what you think of them. Your answers are kept with a random number, the time "
    "that each took, and nothing else: no name, no address. You may stop at any time and go on by the same link, and "
    "ask whoever sent it to delete your answers by that number."
)
FEWEST_METHODS, MOST_METHODS = 2, 12
MOST_CONTENTS = 100
MOST_TRIALS = 300  # that a person can be asked for
MOST_NAME, MOST_TEXT = 80, 2000  # characters


class StudyRefused(StudioError):
    """A study that cannot be made, found or answered.

    Args:
        field: of the study's making, that is to blame; empty where none is.
    """

    def __init__(self, message: str, field: str = ""):
        self.field = field
        super().__init__(message)


@dataclass(frozen=True)
class Study:
    """A study as it was made; it never changes, but that it is closed one day.

    Attributes:
        token: what a link to it holds; cannot be guessed.
        kind: of `KINDS`.
        methods: whose pictures are compared, the hidden control among them.
        contents: what the pictures show, such as the name of the photo; each has a picture of each method.
        pictures: the file of each method's picture, by content and method; its name says nothing.
        originals: the file of each content's original; may lack some, or all.
        repeats: how many pictures are shown a second time to see whether a participant answers alike.
        seed: of all orders.
        least_seconds: how long a picture is looked at before an answer counts.
        glimpse_seconds: of "real": for how long it can be seen.
        created_at, closed_at: unix seconds; None while it is open.
        question: in place of the usual one; empty for the usual one.
        at_home: whether whoever made it judges alone, in the studio; no link opens it.
        subject: what the methods are, for the feature that made it; opinions do not look into it.
    """

    id: str
    token: str
    title: str
    kind: str
    methods: tuple[str, ...]
    contents: tuple[str, ...]
    pictures: Mapping[str, Mapping[str, str]]
    originals: Mapping[str, str]
    repeats: int
    seed: int
    least_seconds: float
    glimpse_seconds: float
    consent: str
    created_at: float
    closed_at: float | None = None
    question: str = ""
    at_home: bool = False
    subject: Mapping[str, Any] = field(default_factory=dict)

    @property
    def questions(self) -> dict[str, str]:
        """What each trial asks, by the name under which answers are kept."""
        if self.kind == RATINGS:
            if self.question:
                return {"overall": self.question}
            return {name: text for name, text in QUESTIONS.items() if name != "content" or self.originals}
        ask = {BEST: "Which one is the best?", PAIRS: "Which one is better?", REAL: "Was it real, or made?"}
        return {self.kind: self.question or ask[self.kind]}

    @property
    def control(self) -> str | None:
        """The method that is the original itself, if it is hidden among the others."""
        return ORIGINAL if ORIGINAL in self.methods else None


def trials_of(kind: str, methods: int, contents: int, repeats: int) -> int:
    """How many times a participant is asked."""
    each = {RATINGS: methods, REAL: methods, BEST: 1, PAIRS: methods * (methods - 1) // 2}[kind]
    return each * contents + repeats


def check_study(
    kind: str, title: str, methods: tuple[str, ...], contents: tuple[str, ...], repeats: int, seconds: tuple[float, ...]
) -> None:
    """Refuse what cannot be a study.

    Args:
        seconds: the least and the glimpse's.

    Raises:
        StudyRefused: with the first rule that is broken.
    """
    if kind not in KINDS:
        raise StudyRefused(f"A study is one of {', '.join(KINDS)}; got {kind!r}.")
    if not 1 <= len(title.strip()) <= MOST_NAME:
        raise StudyRefused(f"A study has a title of 1 to {MOST_NAME} characters; got {len(title.strip())}.", "title")
    if not FEWEST_METHODS <= len(methods) <= MOST_METHODS:
        raise StudyRefused(
            f"A study compares {FEWEST_METHODS} to {MOST_METHODS} methods; got {len(methods)}. Give the pictures of "
            "each method as a folder of its own.",
            "methods",
        )
    if kind == REAL and ORIGINAL not in methods:
        raise StudyRefused(
            "A study of real or made pictures hides the originals among them. Name their folder.", "originals"
        )
    if EQUAL in methods:
        raise StudyRefused(f"No method can be called {EQUAL!r}: it is an answer. Give it another name.", "methods")
    if not 1 <= len(contents) <= MOST_CONTENTS:
        raise StudyRefused(
            f"A study is about 1 to {MOST_CONTENTS} contents that every method has a picture of; got {len(contents)}. "
            "Pictures of the same content have the same file name, without its ending, in each folder.",
            "methods",
        )
    asked = trials_of(kind, len(methods), len(contents), repeats)
    if asked > MOST_TRIALS:
        raise StudyRefused(
            f"A participant can be asked {MOST_TRIALS} times at most; {counted(len(methods), 'method')} and "
            f"{counted(len(contents), 'content')} ask {asked} times. Take fewer contents.",
            "contents",
        )
    if not 0 <= repeats <= asked - repeats:
        raise StudyRefused(
            f"Of {asked - repeats} questions 0 to {asked - repeats} can be repeated; got {repeats}. "
            "Repeat fewer, or take more contents.",
            "repeats",
        )
    if not 0 <= seconds[0] <= 60:
        raise StudyRefused(f"Looking takes 0 to 60 s; got {seconds[0]:g}.", "least_seconds")
    if not 0.1 <= seconds[1] <= 60:
        raise StudyRefused(f"A glimpse takes 0.1 to 60 s; got {seconds[1]:g}.", "glimpse_seconds")
