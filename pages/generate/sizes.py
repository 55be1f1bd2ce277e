"""The sizes that a model draws well, and those to which its pictures are enlarged."""

from collections.abc import Mapping
from typing import NamedTuple

from engine.weights.models import ModelInfo

CUSTOM = "Custom"
SQUARE, LARGE = "Square", "Large"
USUAL_NATIVE = 512  # for a model that is known by its address alone; the engine assumes the same
SMALL_NATIVE = 256  # models of at most that side draw thumbnails: their pictures are offered enlarged too


class Size(NamedTuple):
    """Pixels with which it is drawn, and how many times as large the picture is made then."""

    width: int
    height: int
    enlarged: int = 1

    def __str__(self) -> str:
        width, height = self.width * self.enlarged, self.height * self.enlarged
        drawn = f", drawn at {self.width} × {self.height} and enlarged" if self.enlarged > 1 else ""
        return f"{width} × {height} pixels{drawn}"


def native_size(info: ModelInfo) -> int:
    """The side in pixels that the model was trained for, or the usual one while that is unknown."""
    return info.native_size or USUAL_NATIVE


def presets(info: ModelInfo) -> dict[str, Size]:
    """Sizes by label: the long side up by a quarter, the short one down; those of small models also enlarged."""
    native, step = native_size(info), max(info.size_multiple, 32)
    long, short = round(native * 1.25 / step) * step, round(native * 0.75 / step) * step
    sizes = {SQUARE: Size(native, native), "Landscape": Size(long, short), "Portrait": Size(short, long)}
    if native > SMALL_NATIVE:
        return sizes
    return sizes | {LARGE: Size(native, native, 2), "Wide": Size(native * 3 // 2, native, 2)}


def usual(sizes: Mapping[str, Size]) -> str:
    """The preset that a new form has: what a small model draws is a thumbnail, so it is made larger."""
    return LARGE if LARGE in sizes else SQUARE


def label_of(info: ModelInfo, width: int, height: int, enlarged: int = 1) -> str:
    """The preset of this size, or `CUSTOM`."""
    return next((label for label, size in presets(info).items() if size == (width, height, enlarged)), CUSTOM)
