"""Smooth random fields that do not depend on the picture's size, and one random stream per part of a scene."""

from functools import cache

import numpy as np
from scipy import ndimage

TILE = 512

Field = float | np.ndarray
Position = np.ndarray | np.floating  # of points or of one point, in the field's own precision
_PARTS = (
    "layout",
    "palette",
    "sky",
    "clouds",
    "terrain",
    "plants",
    "flowers",
    "landmark",
    "water",
    "weather",
    "finish",
    "smoke",
)


def stream(seed: int, part: str) -> np.random.Generator:
    """The random numbers of one part, so that a change in one part moves no other."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, 100 + _PARTS.index(part)])))


@cache
def tile(kind: str) -> np.ndarray:
    """(512, 512) float32, periodic, mean 0 and deviation 1. Kinds: soft, rough, ridged, billow, grain."""
    if kind in ("soft", "rough", "grain"):
        slope, floor = {"soft": (2.3, 3), "rough": (1.55, 4), "grain": (0.9, 24)}[kind]
        return _standard(_spectral(slope, floor, ord(kind[0])))
    octaves = [(2.4, 4, 1.0), (2.2, 12, 0.45), (2.0, 32, 0.2)]
    total = sum(w * np.abs(_standard(_spectral(slope, floor, 50 + floor))) for slope, floor, w in octaves)
    return _standard(-total if kind == "ridged" else total)


def _spectral(slope: float, floor: int, seed: int) -> np.ndarray:
    """Gaussian noise with a power-law spectrum; waves longer than TILE / floor are held down."""
    rng = np.random.Generator(np.random.PCG64(seed))
    spectrum = np.fft.rfft2(rng.standard_normal((TILE, TILE)))
    k = np.hypot(np.fft.fftfreq(TILE, 1 / TILE)[:, None], np.fft.rfftfreq(TILE, 1 / TILE)[None])
    spectrum *= np.where(k < 1, 0, np.maximum(k, floor) ** -slope)
    return np.fft.irfft2(spectrum, s=(TILE, TILE))


def _standard(field: np.ndarray) -> np.ndarray:
    return ((field - field.mean()) / field.std()).astype(np.float32)


def sample(kind: str, x: Position, y: Position, offset: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """The field at points (x, y), measured in tile widths; any broadcastable shapes."""
    field = tile(kind)
    px, py = (x + offset[0]) * np.float32(TILE), (y + offset[1]) * np.float32(TILE)
    x0, y0 = np.floor(px), np.floor(py)
    fx, fy = (px - x0).astype(np.float32), (py - y0).astype(np.float32)
    ix, iy = x0.astype(np.int32), y0.astype(np.int32)
    mask = TILE - 1
    left, right, top, bottom = ix & mask, (ix + 1) & mask, (iy & mask) * TILE, ((iy + 1) & mask) * TILE
    flat = field.ravel()
    upper = flat[top + left] * (1 - fx) + flat[top + right] * fx
    lower = flat[bottom + left] * (1 - fx) + flat[bottom + right] * fx
    return upper + (lower - upper) * fy


def screen(
    kind: str,
    size: int,
    rng: np.random.Generator,
    scale_u: float = 0.5,
    scale_v: float = 0.5,
    rows: slice | None = None,
) -> np.ndarray:
    """(rows, size) field over the picture, which spans scale_u by scale_v tile widths; rows defaults to all."""
    offset = (float(rng.integers(TILE)) / TILE, float(rng.integers(TILE)) / TILE)
    u = ((np.arange(size) + 0.5) / size).astype(np.float32)
    v = u if rows is None else u[rows]
    rows_below, part = _cells((v * scale_v + offset[1]) * TILE)
    field = tile(kind)
    field = field[rows_below] * (1 - part[:, None]) + field[(rows_below + 1) % TILE] * part[:, None]
    columns, part = _cells((u * scale_u + offset[0]) * TILE)
    return field.take(columns, 1) * (1 - part) + field.take((columns + 1) % TILE, 1) * part


def _cells(position: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cell of a tile that each position lies in, and how far into it, in [0, 1)."""
    low = np.floor(position)
    return low.astype(np.int32) % TILE, (position - low).astype(np.float32)


def line(kind: str, position: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A 1-D field at positions in tile widths."""
    row = float(rng.integers(TILE)) / TILE
    start = float(rng.integers(TILE)) / TILE
    return sample(kind, position.astype(np.float32) + np.float32(start), np.full_like(position, row, np.float32))


def smoothstep(low: Field, high: Field, x: np.ndarray) -> np.ndarray:
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def blur(image: np.ndarray, radius: float) -> np.ndarray:
    """Box blur, twice, of (H, W) or planar (C, H, W); radius in pixels."""
    width = max(1, 2 * int(radius + 0.5) + 1)
    size = (0,) * (image.ndim - 2) + (width, width)
    size = tuple(1 if n == 0 else n for n in size)
    return ndimage.uniform_filter(ndimage.uniform_filter(image, size, mode="nearest"), size, mode="nearest")
