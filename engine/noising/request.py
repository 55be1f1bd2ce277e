"""A picture under more and more noise, and denoised again: an immutable value, validated when it is made."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from engine.diffusion.request import loras_from
from engine.errors import Problem
from engine.image_to_image.request import ImageToImage
from engine.kept_photos import photo_from
from engine.rules import Real, finite

LEVEL = Real(0.0, 1.0)
LEVELS = (0.0, 0.5, 1.0)
MOST_LEVELS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseAndDenoise(ImageToImage):
    """One sheet: a column for each noise level of a picture, denoised in full and in a single step.

    Attributes:
        levels: 1 to `MOST_LEVELS` different ones, 0 (no noise at all) to 1 (noise alone), each the strength of a
            drawing that begins with the picture; `strength` itself is not used.
    """

    levels: tuple[float, ...] = LEVELS

    kind: ClassVar[str] = "noise_and_denoise"

    @staticmethod
    def problems(values: Mapping[str, Any]) -> list[Problem]:
        """Every rule that the values of all fields break."""
        return [*ImageToImage.problems(values), *_level_problems(values["levels"]), *_single_problems(values)]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values of every field."""
        return {**ImageToImage.to_dict(self), "levels": list(self.levels)}


def noise_and_denoise(values: Mapping[str, Any]) -> NoiseAndDenoise:
    """Build the request from JSON-like values."""
    values = {"image": None, **values}
    levels = values.get("levels", LEVELS)
    read = {"loras": loras_from(values.get("loras")), "image": photo_from(values["image"])}
    return NoiseAndDenoise(**{**values, **read, "levels": tuple(levels) if isinstance(levels, list) else levels})


def _level_problems(levels: Any) -> list[Problem]:
    if not isinstance(levels, tuple) or not 1 <= len(levels) <= MOST_LEVELS:
        count = len(levels) if isinstance(levels, tuple) else repr(levels)
        return [Problem("levels", f"There must be 1 to {MOST_LEVELS} noise levels; got {count}.")]
    wrong = [level for level in levels if finite(level) is None or level not in LEVEL]
    if wrong:
        return [Problem("levels", f"Noise levels must be numbers from {LEVEL}; got {wrong[0]!r}.")]
    if len(set(levels)) < len(levels):
        return [Problem("levels", "Each noise level needs a column of its own; one is named twice. Leave it out.")]
    return []


def _single_problems(values: Mapping[str, Any]) -> list[Problem]:
    problems = []
    if values["num_images"] != 1:
        problems.append(Problem("num_images", f"It is one sheet; got {values['num_images']!r} images."))
    if values["loras"]:
        problems.append(Problem("loras", "Noise and denoise shows the model alone. Leave the LoRAs out."))
    return problems
