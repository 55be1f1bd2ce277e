"""A part of a picture drawn anew: an immutable value, validated when it is made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from engine.diffusion.request import STRENGTH as ANY_STRENGTH
from engine.diffusion.request import TextToImage, loras_from
from engine.errors import Problem
from engine.image_to_image.request import START
from engine.kept_photos import PhotoRef, photo_from, photo_problems
from engine.rules import Real, Whole, choice

STRENGTH = Real(ANY_STRENGTH.low, ANY_STRENGTH.high, default=1.0)
FEATHER = Whole(0, 256, default=8)  # pixels
EXTEND = Whole(0, 4096)  # pixels on each side
SIDES = ("left", "top", "right", "bottom")
AREAS = ("whole", "masked")
# Beyond the edges there is nothing to begin with but the edge itself: some of it carries colours on, and a wide
# passage hides the seam. Looked at with the shipped model; at full strength the new sides have skies of their own.
BEYOND = {"strength": 0.8, "feather": 32}
MASK = "mask"  # its role in the recipes of what is made with it


@dataclass(frozen=True, slots=True, kw_only=True)
class Inpaint(TextToImage):
    """Pictures in which a part of another is drawn anew, or that go on beyond its edges.

    Its width and height say with how many pixels the redrawn region is drawn, in all; it keeps its own shape.

    Attributes:
        image: the kept picture.
        mask: a kept picture of its size: what is white is drawn anew; None where only `extend` asks for something.
        strength: `STRENGTH`: how much of what is there is given up where it is drawn anew.
        feather: `FEATHER`: over so many pixels outside the mask the new passes into the old.
        area: draw with the `whole` picture in view, or only with the `masked` part and its surroundings, at the size
            that the model draws best.
        extend: pixels to add on the left, top, right and bottom; they are drawn as if they were masked.
    """

    image: PhotoRef
    mask: PhotoRef | None = None
    strength: float = STRENGTH.default
    feather: int = FEATHER.default
    area: str = AREAS[0]
    extend: tuple[int, ...] = (0, 0, 0, 0)

    kind: ClassVar[str] = "inpaint"

    @staticmethod
    def problems(values: Mapping[str, Any]) -> list[Problem]:
        """Every rule that the values of all fields break."""
        return [
            *TextToImage.problems(values),
            *photo_problems("image", values["image"]),
            *([] if values["mask"] is None else photo_problems("mask", values["mask"])),
            *STRENGTH.problems("strength", values["strength"]),
            *FEATHER.problems("feather", values["feather"]),
            *choice("area", values["area"], AREAS),
            *_extend_problems(values["extend"]),
            *_nothing_to_do(values),
            *_enlarged(values.get("enlarged", 1)),
        ]

    def parents(self) -> list[dict[str, Any]]:
        """The picture, the mask, and what every drawing may have."""
        mask = [self.mask.parent(MASK)] if self.mask else []
        return [self.image.parent(START), *mask, *TextToImage.parents(self)]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values of every field."""
        mask = self.mask.to_dict() if self.mask else None
        return {**TextToImage.to_dict(self), "image": self.image.to_dict(), "mask": mask, "extend": list(self.extend)}


def inpaint(values: Mapping[str, Any]) -> Inpaint:
    """Build the request from JSON-like values."""
    read = {
        "loras": loras_from(values.get("loras")),
        "image": photo_from(values.get("image")),
        "mask": photo_from(values.get("mask")),
        "extend": _sides(values.get("extend")),
    }
    return Inpaint(**{**values, **read})


def _sides(value: Any) -> Any:
    if value is None:
        return (0, 0, 0, 0)
    return tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else value


def _extend_problems(extend: Any) -> list[Problem]:
    if not isinstance(extend, tuple) or len(extend) != len(SIDES):
        text = f"A picture is extended by four numbers of pixels, {', '.join(SIDES)}; got {extend!r}."
        return [Problem("extend", text)]
    wrong = [f"{side} {pixels!r}" for side, pixels in zip(SIDES, extend, strict=True) if EXTEND.problems("", pixels)]
    if wrong:
        text = f"Each side is extended by a whole number of {EXTEND} pixels; got {', '.join(wrong)}."
        return [Problem("extend", text)]
    return []


def _enlarged(value: Any) -> list[Problem]:
    """A redrawn part goes back into its picture, whose size it has."""
    text = (
        f"A redrawn part keeps its picture's size: times as large must be 1; got {str(value)[:60]}. Upscale it after."
    )
    return [] if value == 1 else [Problem("enlarged", text)]


def _nothing_to_do(values: Mapping[str, Any]) -> list[Problem]:
    if values["mask"] is None and values["extend"] == (0, 0, 0, 0):
        return [Problem("mask", "There must be something to draw: mask a part of the picture, or extend a side.")]
    return []
