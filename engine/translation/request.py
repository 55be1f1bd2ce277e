"""What can be asked for photos: an immutable value, validated when it is made."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

from engine.errors import InvalidRequest, Problem
from engine.kept_photos import PhotoRef, photo_from, photo_problems, photos_from
from engine.rules import Real, Whole, choice
from engine.settings import OPENVINO, TORCH
from engine.translation.painting import AS_PAINTED, Painting, painting_from, painting_problems
from engine.translation.solver_names import SOLVERS
from engine.translation.styling import AS_EVER, Styling, styling_from, styling_problems

MOST_PHOTOS = 50
STRENGTH = Real(0, 1, default=1.0)
LONG_SIDE = Whole(64, 8192)  # pixels
SOLVER_STEPS = Whole(1, 64, default=1)
STYLE_STEPS = Whole(10, 1000, default=150)
BACKENDS = (TORCH, OPENVINO)
DEFAULT_TRANSLATOR = "painter"  # computed without a network; docs/animeify.md says what it was compared with


@dataclass(frozen=True, slots=True, kw_only=True)
class Translate:
    """Photos to anime scenes.

    Attributes:
        photos: 1 to 50 kept photos.
        translator: name of a translator in the catalogue.
        strength: 0 (the photo) to 1 (the translation), a blend of pixels.
        long_side: pixels of the longer side to which a larger photo is brought before it is translated; None
            keeps its size.
        solver: for translators with neural ODEs: one of `SOLVERS`; None takes the translator's own.
        solver_steps: of a fixed-step solver, `SOLVER_STEPS`.
        style: for the neural style translator: the picture whose style is taken.
        style_steps: of neural style's optimization, `STYLE_STEPS`.
        styling: all else that neural style is asked for, more style pictures among it.
        painting: how the painter paints.
        backend: what computes a generator, one of `BACKENDS`; requests without this field mean PyTorch. A recipe says
            which one really did.

    Raises:
        InvalidRequest: one or more values break a rule; all are reported together.
    """

    photos: tuple[PhotoRef, ...]
    translator: str = DEFAULT_TRANSLATOR
    strength: float = STRENGTH.default
    long_side: int | None = None
    solver: str | None = None
    solver_steps: int = SOLVER_STEPS.default
    style: PhotoRef | None = None
    style_steps: int = STYLE_STEPS.default
    styling: Styling = AS_EVER
    painting: Painting = AS_PAINTED
    backend: str = TORCH

    kind: ClassVar[str] = "translate"

    def __post_init__(self) -> None:
        problems = translate_problems({name: getattr(self, name) for name in self.__slots__})
        if problems:
            raise InvalidRequest(problems)

    def of(self, index: int) -> "Translate":
        """The request for one of its photos alone."""
        return replace(self, photos=(self.photos[index],))

    def alone(self, index: int) -> "Translate":
        """The request for the photo of that index; one of a recipe names its own photo alone already."""
        return self.of(index) if len(self.photos) > 1 else self

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values of every field."""
        values = asdict(self)
        values["photos"] = [photo.to_dict() for photo in self.photos]
        values["style"] = self.style.to_dict() if self.style else None
        values["styling"] = self.styling.to_dict()
        values["painting"] = self.painting.to_dict()
        if self.backend == TORCH:  # as requests of earlier versions
            del values["backend"]
        return values


def translate(values: Mapping[str, Any]) -> Translate:
    """Build the request from JSON-like values (photos as mappings)."""
    read: dict[str, Any] = {"photos": photos_from(values.get("photos")), "style": photo_from(values.get("style"))}
    read |= {"styling": styling_from(values.get("styling")), "painting": painting_from(values.get("painting"))}
    return Translate(**{**values, **read})


def translate_problems(values: Mapping[str, Any]) -> list[Problem]:
    """Every rule of `Translate` that these values break, those of the translator aside."""
    long_side, solver = values["long_side"], values["solver"]
    return [
        *_photos(values["photos"]),
        *STRENGTH.problems("strength", values["strength"]),
        *([] if long_side is None else LONG_SIDE.problems("long_side", long_side)),
        *([] if solver is None else choice("solver", solver, SOLVERS)),
        *SOLVER_STEPS.problems("solver_steps", values["solver_steps"]),
        *STYLE_STEPS.problems("style_steps", values["style_steps"]),
        *styling_problems(values["styling"]),
        *painting_problems(values["painting"]),
        *choice("backend", values["backend"], BACKENDS),
    ]


def _photos(photos: tuple[PhotoRef, ...]) -> list[Problem]:
    if not photos:
        return [Problem("photos", "There must be a photo. Choose one or more files.")]
    if len(photos) > MOST_PHOTOS:
        return [Problem("photos", f"At most {MOST_PHOTOS} photos go into one job; got {len(photos)}. Leave some out.")]
    return [problem for photo in photos for problem in photo_problems("photos", photo)]
