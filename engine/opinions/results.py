"""What came out of a study: means with intervals, who agrees with whom, and a plain word."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from engine.opinions.estimates import Estimate, estimate, wanted
from engine.opinions.records import Participant
from engine.opinions.study import BEST, PAIRS, RATINGS, REAL, Study
from engine.opinions.tables import coded, given, repeatability, scores, wins
from engine.opinions.trials import trials_for
from engine.rules import counted

CARELESS = 0.3  # repeatability below it, with at least so many repeats:
FEWEST_REPEATS = 3
STRENGTH_RESAMPLES = 200
NEUTRAL = {RATINGS: "points", BEST: "of the choices", PAIRS: "of the comparisons", REAL: "taken for real"}


@dataclass(frozen=True)
class Row:
    """One method at one question.

    Attributes:
        score: the mean opinion score, or the share.
        to_best: how much less than the best one, in pairs of answers about the same content by the same person; None
            for the best one itself.
        strength: of "pairs", by Bradley and Terry, with its interval; None otherwise.
    """

    method: str
    score: Estimate
    to_best: Estimate | None
    strength: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class Question:
    """The methods at one question, the best one first.

    Attributes:
        alpha: Krippendorff's; None where there is too little to compute it.
        verdict: in a sentence.
    """

    name: str
    text: str
    rows: tuple[Row, ...]
    alpha: float | None
    verdict: str


@dataclass(frozen=True)
class Person:
    """A participant, as the results see them.

    Attributes:
        repeatability: see `tables.repeatability`.
        careless: whether the repeats say so.
        seconds: median time for an answer.
    """

    id: str
    answers: int
    asked: int
    repeatability: float
    repeats: int
    careless: bool
    seconds: float


@dataclass(frozen=True)
class Results:
    """All of it.

    Attributes:
        first_place: how often what stood first was chosen, where several pictures stood beside each other, and what
            chance gives; None for single pictures.
    """

    study: Study
    questions: tuple[Question, ...]
    people: tuple[Person, ...]
    left_out: int
    first_place: tuple[float, float] | None


def results_of(study: Study, participants: Sequence[Participant], without_careless: bool = False) -> Results:
    """Count what was answered.

    Args:
        without_careless: leave out the answers of those whom the repeats show to answer by chance.
    """
    people = tuple(_person(study, participant) for participant in participants)
    careless = {person.id for person in people if person.careless} if without_careless else set()
    counted_in = [each for each in participants if each.answers and each.id not in careless]
    questions = tuple(_question(study, counted_in, name, text) for name, text in study.questions.items())
    return Results(study, questions, people, len(careless), _first_place(study, counted_in))


def _person(study: Study, participant: Participant) -> Person:
    alike, repeats = repeatability(study, participant)
    seconds = [answer.seconds for answer in participant.answers]
    return Person(
        participant.id,
        len(participant.answers),
        len(trials_for(study, participant.id)),
        alike,
        repeats,
        repeats >= FEWEST_REPEATS and alike < CARELESS,
        float(np.median(seconds)) if seconds else math.nan,
    )


def _question(study: Study, participants: Sequence[Participant], name: str, text: str) -> Question:
    tables = scores(study, participants, name)
    found = {method: estimate(table) for method, table in tables.items()}
    # The control is no competitor: it is the original itself.
    order = sorted(found, key=lambda method: (method == study.control, -_or_least(found[method].mean)))
    best = order[0]
    strengths = _strengths(study, participants) if study.kind == PAIRS else {}
    rows = tuple(
        Row(
            method,
            found[method],
            estimate(tables[method] - tables[best]) if method != best else None,
            strengths.get(method),
        )
        for method in order
    )
    alpha = _alpha(coded(study, participants, name), "ordinal" if study.kind == RATINGS else "nominal")
    return Question(name, text, rows, alpha, _verdict(study, rows))


def _or_least(value: float) -> float:
    return value if value == value else -math.inf


def _alpha(codes: np.ndarray, level: Literal["ordinal", "nominal"]) -> float | None:
    import krippendorff

    if len(codes) < 2 or len(np.unique(codes[~np.isnan(codes)])) < 2:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            alpha = float(krippendorff.alpha(reliability_data=codes, level_of_measurement=level))
        except (ValueError, ZeroDivisionError):
            return None
    return alpha if math.isfinite(alpha) else None


def _strengths(study: Study, participants: Sequence[Participant]) -> dict[str, tuple[float, float, float]]:
    """Bradley and Terry's strengths, 0 in the middle, with intervals over participants and contents."""
    if not participants:
        return {}
    import choix

    won = wins(study, participants)
    chance = np.random.default_rng(0)
    people, contents = won.shape[:2]

    def fitted(of_people: np.ndarray, of_contents: np.ndarray) -> np.ndarray:
        counts = np.einsum("p,c,pcij->ij", of_people, of_contents, won)
        return np.asarray(choix.ilsr_pairwise_dense(counts, alpha=0.01))

    middle = fitted(np.ones(people), np.ones(contents))
    drawn = np.stack(
        [
            fitted(
                chance.multinomial(people, np.full(people, 1 / people)),
                chance.multinomial(contents, np.full(contents, 1 / contents)),
            )
            for _ in range(STRENGTH_RESAMPLES)
        ]
    )
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    return {m: (float(middle[i]), float(low[i]), float(high[i])) for i, m in enumerate(study.methods)}


def _first_place(study: Study, participants: Sequence[Participant]) -> tuple[float, float] | None:
    if study.kind not in (BEST, PAIRS):
        return None
    chosen = [(each.trial.shown, each.answer.values[study.kind]) for each in given(study, participants)]
    decided = [shown[0] == value for shown, value in chosen if value in shown]
    width = 2 if study.kind == PAIRS else len(study.methods)
    return (sum(decided) / len(decided), 1 / width) if decided else None


def _verdict(study: Study, rows: Sequence[Row]) -> str:
    """Who is best, or why that cannot be told."""
    first, *others = [row for row in rows if row.method != study.control]
    people = first.score.participants
    if not people:
        return "Nobody has answered yet."
    if not others:
        return f"{first.method} is the only method beside the originals."
    second = others[0]
    difference = second.to_best
    assert difference is not None
    if math.isnan(difference.low):
        return "An interval needs at least two participants and two contents."
    if difference.excludes_zero:
        return (
            f"{first.method} is better than {second.method}, the next: by {-difference.mean:.2f} {NEUTRAL[study.kind]} "
            f"({-difference.high:.2f} to {-difference.low:.2f})."
        )
    needed = wanted(difference)
    more = (
        "more pictures would be needed, since they disagree more than people do"
        if needed is None
        else f"about {max(needed, people + 1)} would be needed if the difference is as large as it looks"
    )
    return (
        f"Whether {first.method} is better than {second.method} cannot be told with {_people(people)}; {more}."
        if difference.mean
        else f"{first.method} and {second.method} are level with {_people(people)}."
    )


def _people(count: int) -> str:
    return counted(count, "participant")
