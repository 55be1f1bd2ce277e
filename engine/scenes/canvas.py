"""The layers of a picture before light falls on it: colour, how lit, how far, and what glows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

ALBEDO, LIT, FOG, GLOW, NEAR = slice(0, 3), 3, 4, slice(5, 8), 8
CHANNELS = 9


@dataclass(frozen=True, slots=True)
class Stamp:
    """A small drawing ready to be placed: alpha, albedo, lit, glow, all cut to the same (h, w)."""

    alpha: np.ndarray  # (h, w) in [0, 1]
    albedo: np.ndarray  # (3, h, w) in [0, 1]
    lit: np.ndarray  # (h, w) in [0, 1]
    glow: np.ndarray | None = None  # (h, w) in [0, 1], how much of the colour shines by itself


class Canvas:
    """Planar float32 layers of (size, size). NEAR is 1 / depth, 0 in the sky."""

    def __init__(self, size: int):
        self.size = size
        self.data = np.zeros((CHANNELS, size, size), np.float32)
        axis = ((np.arange(size) + 0.5) / size).astype(np.float32)
        self.u, self.v = axis[None, :], axis[:, None]

    def blend(self, mask: np.ndarray, rows: slice, columns: slice, **layers: ArrayLike) -> None:
        """Lay named channel values over a window; a channel that is not named stays as it is."""
        for name, value in layers.items():
            view = self.data[_CHANNEL[name], rows, columns]
            view += mask * (_shaped(value) - view)

    def stamp(self, stamp: Stamp, u: float, v: float, depth: float, fog: float) -> None:
        """Place a drawing with the middle of its foot at (u, v); nearer ground hides it."""
        height, width = stamp.alpha.shape
        left, top = round(u * self.size - width / 2), round(v * self.size - height)
        x0, x1 = max(0, left), min(self.size, left + width)
        y0, y1 = max(0, top), min(self.size, top + height)
        if x0 >= x1 or y0 >= y1:
            return
        cut = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
        rows, columns = slice(y0, y1), slice(x0, x1)
        mask = stamp.alpha[cut] * (self.data[NEAR, rows, columns] * depth < 1.12)
        albedo = stamp.albedo[(slice(None), *cut)]
        glow = 0.0 if stamp.glow is None else stamp.glow[cut] * albedo
        self.blend(
            mask, rows, columns, albedo=albedo, lit=stamp.lit[cut], fog=fog, glow=glow, near=np.float32(1 / depth)
        )


_CHANNEL: dict[str, slice | int] = {"albedo": ALBEDO, "lit": LIT, "fog": FOG, "glow": GLOW, "near": NEAR}


def _shaped(value: ArrayLike) -> np.ndarray:
    """A colour (3,) stretches over the window; anything else is used as it is."""
    array = np.asarray(value, np.float32)
    return array[:, None, None] if array.shape == (3,) else array
