"""The pixels that the model sees: cropped to a square, scaled, and varied a little at every look. No torch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from engine.errors import InvalidRequest, Problem
from engine.picture_files import plain

MIN_RESOLUTION, MAX_RESOLUTION = 64, 2048
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as Pillow's grey
DRAWS = 7  # numbers for scale, left, top, flip, brightness, contrast, saturation


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How pictures are varied.

    Attributes:
        resolution: pixels of each side that the model sees, a multiple of 8 from 64 to 2048.
        random_crop: a square anywhere in the picture; off, the square in its middle.
        min_scale: with random crops, the smallest square as a share of the picture's shorter side, 0.25 to 1.
        horizontal_flip: probability of mirroring, 0 to 1; 0 for text, faces and everything with a right side.
        color_jitter: brightness, contrast and saturation are each multiplied by 1 - x to 1 + x, x from 0 to 0.5.

    Raises:
        InvalidRequest: values out of range; all are reported together.
    """

    resolution: int
    random_crop: bool = True
    min_scale: float = 0.8
    horizontal_flip: float = 0.5
    color_jitter: float = 0.0

    def __post_init__(self) -> None:
        problems = [
            *_resolution_problems(self.resolution),
            *_range_problems("min_scale", "The smallest crop", self.min_scale, 0.25, 1),
            *_range_problems("horizontal_flip", "The probability of mirroring", self.horizontal_flip, 0, 1),
            *_range_problems("color_jitter", "The change of colours", self.color_jitter, 0, 0.5),
        ]
        if not isinstance(self.random_crop, bool):
            problems.append(Problem("random_crop", f"Random crops are on or off; got {self.random_crop!r}."))
        if problems:
            raise InvalidRequest(problems)


def preview(image: Image.Image, settings: Augmentation, count: int, seed: int = 0) -> list[Image.Image]:
    """Examples of what the model will see, 8-bit RGB; the run itself draws other ones of the same kind."""
    rng = np.random.default_rng(seed)
    return [varied(image, settings, rng.random(DRAWS).tolist()) for _ in range(count)]


def varied(image: Image.Image, settings: Augmentation, draws: Sequence[float] | None) -> Image.Image:
    """One square, 8-bit RGB.

    Args:
        draws: seven numbers in [0, 1), always all of them, so that one setting does not change the others'
            chances; None for the centred square as it is.
    """
    picture = plain(image)
    size = (settings.resolution, settings.resolution)
    if draws is None:
        return picture.resize(size, Image.Resampling.LANCZOS, _square(picture, 1.0, 0.5, 0.5))
    scale, left, top, flip, *colours = draws
    place = (settings.min_scale + (1 - settings.min_scale) * scale, left, top)
    box = _square(picture, *(place if settings.random_crop else (1.0, 0.5, 0.5)))
    result = picture.resize(size, Image.Resampling.LANCZOS, box)
    if flip < settings.horizontal_flip:
        result = ImageOps.mirror(result)
    return _jittered(result, settings.color_jitter, colours) if settings.color_jitter else result


def _square(picture: Image.Image, scale: float, left: float, top: float) -> tuple[float, float, float, float]:
    """A square's corners in pixels.

    Args:
        scale: its side, as a share of the shorter side.
        left, top: its place, from 0 (at the left and upper edge) to 1.
    """
    side = scale * min(picture.size)
    x, y = left * (picture.width - side), top * (picture.height - side)
    return x, y, x + side, y + side


def _jittered(picture: Image.Image, strength: float, draws: Sequence[float]) -> Image.Image:
    """Brightness, contrast and saturation, in this order; in floats, since Pillow's own enhancers round down."""
    brightness, contrast, saturation = (1 + strength * (2 * draw - 1) for draw in draws)
    pixels = np.asarray(picture, np.float32) * brightness
    pixels = _blended(pixels, float((pixels @ _LUMA).mean()), contrast)
    pixels = _blended(pixels, (pixels @ _LUMA)[..., None], saturation)
    return Image.fromarray(np.rint(pixels.clip(0, 255)).astype(np.uint8))


def _blended(pixels: np.ndarray, grey: np.ndarray | float, factor: float) -> np.ndarray:
    """Nearer to the grey (factor below 1) or farther from it."""
    return grey + factor * (pixels - grey)


def _resolution_problems(value: object) -> list[Problem]:
    if isinstance(value, int) and MIN_RESOLUTION <= value <= MAX_RESOLUTION and value % 8 == 0:
        return []
    message = (
        f"The resolution must be a multiple of 8 from {MIN_RESOLUTION} to {MAX_RESOLUTION} pixels; got {value!r}. "
        "Use the model's native size."
    )
    return [Problem("resolution", message)]


def _range_problems(field: str, name: str, value: object, low: float, high: float) -> list[Problem]:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high:
        return []
    return [Problem(field, f"{name} must be a number from {low} to {high}; got {value!r}.")]
