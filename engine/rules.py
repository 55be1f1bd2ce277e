"""Rules for single values of a request; each gives the problems that a value has, an empty list when it has none.

A range is declared once, beside the request that it is for; commands and pages say what it says.
"""

import math
import re
import unicodedata
from dataclasses import dataclass
from typing import Any

from engine.errors import Problem

MAX_PROMPT_CHARACTERS = 4000
LONGEST_HEADING = 240  # characters of a job's title: about four lines beside the form

# What a paste brings along. All line ends become "\n"; characters without a glyph that only say where a line
# may break, or begin a file, are no part of any word: soft hyphen, zero width space, word joiner, the invisible
# operators, the deprecated U+206A to U+206F, BOM and the marks of annotations.
_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_NO_TEXT = re.compile("[\u00ad\u200b\u2060-\u2064\u206a-\u206f\ufeff\ufff9-\ufffb]")
# They show letters in another order than they are read in. All other format characters are text: joiners of Persian,
# Hindi and emoji, direction marks and isolates, the tags in flags.
_OVERRIDES = "\u202d\u202e"

# How problems call the fields: the words beside them on the page.
LABELS = {
    "prompt": "Prompt",
    "negative_prompt": "Negative prompt",
    "seed": "Seed",
    "num_inference_steps": "Steps",
    "guidance_scale": "Guidance scale",
    "width": "Width",
    "height": "Height",
    "enlarged": "Times as large",
    "num_images": "Images",
    "scheduler": "Scheduler",
    "backend": "Engine",
    "weight": "Weight",
    "variation_seed": "Variation seed",
    "variation_strength": "Variation strength",
    "image": "Start picture",
    "mask": "Mask",
    "feather": "Feather",
    "strength": "Strength",
    "long_side": "Long side",
    "solver": "Solver",
    "solver_steps": "Solver steps",
    "style_steps": "Style steps",
    "factor": "Factor",
    "redraw_strength": "Strength of the second pass",
    "upscaler": "Upscaler",
    "seeds": "Pictures for each caption",
    "captions": "Captions to draw",
    "cost_side": "Side that is timed",
    "runs": "Timed runs",
    "side": "Short side",
    "contents": "Contents, at most",
    "repeats": "Questions asked twice",
    "least_seconds": "Look at least (seconds)",
    "glimpse_seconds": "Real or made: seen for (seconds)",
}


def finite(value: Any) -> float | None:
    """A number that others wrote as a finite float; None for everything else, such as whole numbers of 400 digits."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def field_label(field: str) -> str:
    """A field that is not listed is called by its own name."""
    return LABELS.get(field) or field.replace("_", " ").capitalize()


@dataclass(frozen=True, slots=True)
class Whole:
    """The rule of a whole number, and what it is when nobody says; as text it is the range, such as "1 to 150"."""

    low: int
    high: int
    default: int = 0

    def __str__(self) -> str:
        return f"{self.low} to {self.high}"

    def problems(self, field: str, value: Any) -> list[Problem]:
        """None where the value keeps the rule."""
        if isinstance(value, bool) or not isinstance(value, int) or not self.low <= value <= self.high:
            return [Problem(field, f"{field_label(field)} must be a whole number from {self}; got {value!r}.")]
        return []


@dataclass(frozen=True, slots=True)
class Real:
    """The rule of a finite number, and what it is when nobody says; as text it is the range, such as "-2 to 2"."""

    low: float
    high: float
    default: float = 0.0

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}"

    def __contains__(self, value: Any) -> bool:
        return finite(value) is not None and self.low <= value <= self.high

    def problems(self, field: str, value: Any) -> list[Problem]:
        """None where the value keeps the rule."""
        if value in self:
            return []
        return [Problem(field, f"{field_label(field)} must be a number from {self}; got {value!r}.")]


def cleaned(value: str) -> str:
    """A text without what a paste brings along unseen; every character that is seen, or shapes one, stays."""
    return _NO_TEXT.sub("", _LINE_ENDS.sub("\n", value))


def text(field: str, value: Any, required: bool = False) -> list[Problem]:
    """Problems of a text once it is `cleaned`: its type, emptiness where it is required, length, hidden characters."""
    if not isinstance(value, str):
        return [Problem(field, f"{field_label(field)} must be text; got {value!r}.")]
    value = cleaned(value)
    if required and all(unicodedata.category(character)[0] in "CMZ" for character in value):
        return [Problem(field, f"{field_label(field)} must not be empty. Describe the picture in a few words.")]
    if len(value) > MAX_PROMPT_CHARACTERS:
        return [
            Problem(
                field,
                f"{field_label(field)} may have {MAX_PROMPT_CHARACTERS} characters; got {len(value)}. Shorten it.",
            )
        ]
    hidden = {c: place for place, c in reversed([*enumerate(value)]) if _is_hidden(c)}
    if hidden:
        found = ", ".join(f"U+{ord(c):04X} {_where(value, hidden[c])}" for c in sorted(hidden))
        return [Problem(field, f"{field_label(field)} must hold visible text; got {found}. Type these words anew.")]
    return []


def _is_hidden(character: str) -> bool:
    """Controls (Cc), halves of broken characters (Cs), which cannot be stored, and overrides of the direction."""
    return (unicodedata.category(character) in ("Cc", "Cs") and character not in "\n\t") or character in _OVERRIDES


def _where(value: str, place: int) -> str:
    """A character that cannot be seen is found by the one before it."""
    before = "".join(c for c in value[:place] if not _is_hidden(c)).split()
    return f"behind {before[-1][-20:]!r}" if before else "at the beginning"


def multiple(field: str, value: Any, step: int) -> list[Problem]:
    """Problems of a number of pixels that must be a multiple of `step`, and no less."""
    if isinstance(value, bool) or not isinstance(value, int) or value < step:
        return [
            Problem(field, f"{field_label(field)} must be a whole number of pixels, {step} or more; got {value!r}.")
        ]
    if value % step:
        near = value - value % step
        return [
            Problem(
                field,
                f"{field_label(field)} must be a multiple of {step}; got {value} ({value % step} over). "
                f"Use {near} or {near + step}.",
            )
        ]
    return []


def choice(field: str, value: Any, choices: tuple[str, ...]) -> list[Problem]:
    """Problems of a value that must be one of the choices."""
    if value in choices:
        return []
    return [Problem(field, f"{field_label(field)} must be one of {', '.join(choices)}; got {value!r}.")]


def counted(count: int, one: str, many: str = "") -> str:
    """ "1 picture", "12 pictures"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def rough_duration(seconds: float) -> str:
    """As people say it, coarser for longer: "1 s", "25 s", "1 min 40 s", "3 min", "1 h 10 min"."""
    if seconds < 10:
        return f"{max(1, round(seconds))} s"
    if seconds < 90:
        return f"{5 * round(seconds / 5)} s"
    if seconds < 175:  # where half a minute is much
        tens = round(seconds / 10)
        return f"{tens // 6} min {tens % 6}0 s" if tens % 6 else f"{tens // 6} min"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def shortened(text: str) -> str:
    """A job's title, cut where it would push all else out of sight."""
    return text if len(text) <= LONGEST_HEADING else f"{text[: LONGEST_HEADING - 1].rstrip()}…"
