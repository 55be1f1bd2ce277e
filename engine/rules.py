"""Rules for single values of a request; each gives the problems that a value has, an empty list when it has none.

A range is declared once, beside the request that it is for; commands and pages say what it says.
"""

import math
import unicodedata
from dataclasses import dataclass
from typing import Any

from engine.errors import Problem

MAX_PROMPT_CHARACTERS = 1000

# How problems call the fields: the words beside them on the page.
LABELS = {
    "prompt": "Prompt",
    "negative_prompt": "Negative prompt",
    "seed": "Seed",
    "num_inference_steps": "Steps",
    "guidance_scale": "Guidance scale",
    "width": "Width",
    "height": "Height",
    "num_images": "Images",
    "scheduler": "Scheduler",
    "weight": "Weight",
    "strength": "Strength",
    "long_side": "Long side",
    "solver": "Solver",
    "solver_steps": "Solver steps",
    "style_steps": "Style steps",
    "seeds": "Pictures for each caption",
    "captions": "Captions to draw",
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


def _label(field: str) -> str:
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
            return [Problem(field, f"{_label(field)} must be a whole number from {self}; got {value!r}.")]
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
        return [Problem(field, f"{_label(field)} must be a number from {self}; got {value!r}.")]


def text(field: str, value: Any, required: bool = False) -> list[Problem]:
    """Problems of a text: its type, emptiness where it is required, length, hidden characters."""
    if not isinstance(value, str):
        return [Problem(field, f"{_label(field)} must be text; got {value!r}.")]
    if required and not value.strip():
        return [Problem(field, f"{_label(field)} must not be empty. Describe the picture in a few words.")]
    if len(value) > MAX_PROMPT_CHARACTERS:
        return [
            Problem(
                field,
                f"{_label(field)} may have {MAX_PROMPT_CHARACTERS} characters; got {len(value)}. Shorten it.",
            )
        ]
    # Cc: control, Cf: format (invisible and direction marks), Cs: halves of broken characters.
    # They hide text from readers or cannot be stored; emoji joiners are the honest exception.
    hidden = {c for c in value if unicodedata.category(c) in ("Cc", "Cf", "Cs") and c not in "\n\t\u200d"}
    if hidden:
        codes = ", ".join(f"U+{ord(c):04X}" for c in sorted(hidden))
        return [Problem(field, f"{_label(field)} must hold visible text; got {codes}. Delete it or type it anew.")]
    return []


def multiple(field: str, value: Any, step: int) -> list[Problem]:
    """Problems of a number of pixels that must be a multiple of `step`, and no less."""
    if isinstance(value, bool) or not isinstance(value, int) or value < step:
        return [Problem(field, f"{_label(field)} must be a whole number of pixels, {step} or more; got {value!r}.")]
    if value % step:
        near = value - value % step
        return [
            Problem(
                field,
                f"{_label(field)} must be a multiple of {step}; got {value} ({value % step} over). "
                f"Use {near} or {near + step}.",
            )
        ]
    return []


def choice(field: str, value: Any, choices: tuple[str, ...]) -> list[Problem]:
    """Problems of a value that must be one of the choices."""
    if value in choices:
        return []
    return [Problem(field, f"{_label(field)} must be one of {', '.join(choices)}; got {value!r}.")]
