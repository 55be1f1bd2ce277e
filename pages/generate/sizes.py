"""The sizes that a model draws well."""

from engine.weights.models import ModelInfo

CUSTOM = "Custom"
DEFAULT_SQUARE = "Square"
USUAL_NATIVE = 512  # for a model that is known by its address alone; the engine assumes the same


def native_size(info: ModelInfo) -> int:
    """The side in pixels that the model was trained for, or the usual one while that is unknown."""
    return info.native_size or USUAL_NATIVE


def presets(info: ModelInfo) -> dict[str, tuple[int, int]]:
    """Width and height by label: the long side up by a quarter, the short one down."""
    native, step = native_size(info), max(info.size_multiple, 32)
    long, short = round(native * 1.25 / step) * step, round(native * 0.75 / step) * step
    return {DEFAULT_SQUARE: (native, native), "Landscape": (long, short), "Portrait": (short, long)}


def label_of(info: ModelInfo, width: int, height: int) -> str:
    """The preset of this size, or `CUSTOM`."""
    return next((label for label, size in presets(info).items() if size == (width, height)), CUSTOM)
