"""Pictures from a picture and a prompt: an immutable value, validated when it is made."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from engine.diffusion.request import STRENGTH as ANY_STRENGTH
from engine.diffusion.request import TextToImage, loras_from
from engine.errors import Problem
from engine.kept_photos import PhotoRef, photo_from, photo_problems
from engine.rules import Real, choice

STRENGTH = Real(ANY_STRENGTH.low, ANY_STRENGTH.high, default=0.6)
FITS = ("keep", "crop", "pad")
START = "start"  # the role of the picture in the recipes of what is made from it


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageToImage(TextToImage):
    """Pictures from a prompt that begin with another picture.

    Attributes:
        image: the kept picture to begin with.
        strength: `STRENGTH`: how much of it is given up. 0 gives it back, 1 is text to image.
        fit: how it is brought to width and height: `keep` its shape (they follow from it when they are left out, at
            about as many pixels as the model was trained on), `crop` what is over, or `pad` with its own edges.
    """

    image: PhotoRef
    strength: float = STRENGTH.default
    fit: str = FITS[0]

    kind: ClassVar[str] = "image_to_image"

    @staticmethod
    def problems(values: Mapping[str, Any]) -> list[Problem]:
        """Every rule that the values of all fields break."""
        return [
            *TextToImage.problems(values),
            *photo_problems("image", values["image"]),
            *STRENGTH.problems("strength", values["strength"]),
            *choice("fit", values["fit"], FITS),
        ]

    def parents(self) -> list[dict[str, Any]]:
        """The picture that it begins with, and what every drawing may have."""
        return [self.image.parent(START), *TextToImage.parents(self)]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values of every field."""
        return {**TextToImage.to_dict(self), "image": self.image.to_dict()}


def image_to_image(values: Mapping[str, Any]) -> ImageToImage:
    """Build the request from JSON-like values."""
    values = {"image": None, **values}
    return ImageToImage(**{**values, "loras": loras_from(values.get("loras")), "image": photo_from(values["image"])})
