"""What decides a picture of the painter: values and their rules. Imports no torch."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from engine.errors import Problem
from engine.rules import Real, choice

VERSION = 4  # of the painter, in its recipes; one more whenever it makes other pixels of the same photo
MOODS = ("clear day", "golden hour", "painted night")
DETAIL, LIGHT = Real(0, 1, default=0.5), Real(0, 1, default=0.5)
LINE, COLOUR = Real(0, 1, default=0.4), Real(0, 1, default=0.7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Painting:
    """How a background is painted; `painting_problems` has the rules.

    Attributes:
        mood: one of `MOODS`. A photo of dusk or night stays what it is on a clear day as well.
        detail: 0 (broad brushes, large regions) to 1 (fine ones).
        light: 0 (as the photo) to 1 (bright, with warm light and cool shadow).
        line: 0 (none) to 1 (dark lines where objects meet).
        colour: 0 (as the photo) to 1 (rich, with a sky as painters have it).
    """

    mood: str = MOODS[0]
    detail: float = DETAIL.default
    light: float = LIGHT.default
    line: float = LINE.default
    colour: float = COLOUR.default

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values of every field."""
        return asdict(self)


AS_PAINTED = Painting()


def painting_from(value: Any) -> Painting:
    """From JSON-like values or a form's; None, as in recipes of earlier versions, means the defaults."""
    if value is None or isinstance(value, Painting):
        return value or AS_PAINTED
    if not isinstance(value, Mapping):
        raise TypeError(f"A painting is a mapping of its fields; got {value!r}.")
    return Painting(**value)


def painting_problems(painting: Painting) -> list[Problem]:
    """Every rule that these values break."""
    rules = {"detail": DETAIL, "light": LIGHT, "line": LINE, "colour": COLOUR}
    ranges = [problem for name, rule in rules.items() for problem in rule.problems(name, getattr(painting, name))]
    return [*choice("mood", painting.mood, MOODS), *ranges]
