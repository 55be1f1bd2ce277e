"""The main colours of a picture, by names that people use."""

from functools import lru_cache

import numpy as np
from PIL import Image

from gallery.looks.palette import NAMES, PALETTE

MOST, LEAST_SHARE = 4, 0.1  # names of one picture; of its area
_SIDE = 48


def main_colours(image: Image.Image) -> tuple[str, ...]:
    """The 1 to 4 colours with the largest parts, largest first; what is transparent counts as white."""
    small = on_white(image).resize((_SIDE, _SIDE), Image.Resampling.BOX)
    _, owners = shades()
    pixels = lab(np.asarray(small, np.float64).reshape(-1, 3))
    nearest = owners[far_from_shades(pixels).argmin(1)]
    parts = np.bincount(nearest, minlength=len(NAMES)) / len(nearest)
    order = np.argsort(-parts, kind="stable")[:MOST]
    return tuple(NAMES[index] for place, index in enumerate(order) if place == 0 or parts[index] >= LEAST_SHARE)


def as_text(colours: tuple[str, ...]) -> str:
    """As the column has them: each between spaces, so that one is found by ` name `."""
    return f" {' '.join(colours)} " if colours else ""


def on_white(image: Image.Image) -> Image.Image:
    """As RGB; what is transparent lies on white."""
    if image.mode == "RGBA":
        white = Image.new("RGBA", image.size, "white")
        white.alpha_composite(image)
        image = white
    return image.convert("RGB")


@lru_cache(maxsize=1)
def shades() -> tuple[np.ndarray, np.ndarray]:
    """All shades of the palette: (N, 3) in CIELAB, and for each the place of its name."""
    rgb = [list(bytes.fromhex(shade)) for shades in PALETTE.values() for shade in shades]
    owners = [place for place, shades in enumerate(PALETTE.values()) for _ in shades]
    return lab(np.array(rgb, np.float64)), np.array(owners)


def far_from_shades(pixels: np.ndarray) -> np.ndarray:
    """(N, shades): squared distances in CIELAB; channel by channel, as a sum over a last axis of three is slow."""
    lightness, a, b = ((pixels[:, None, channel] - shades()[0][None, :, channel]) ** 2 for channel in range(3))
    return lightness + a + b


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB under D65 of (N, 3) sRGB values 0 to 255 (IEC 61966-2-1, CIE 15)."""
    values = rgb / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    matrix = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    x, y, z = _root((linear @ np.array(matrix).T) / [0.95047, 1.0, 1.08883]).T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


def _root(values: np.ndarray) -> np.ndarray:
    return np.where(values > (6 / 29) ** 3, np.cbrt(values), values / (3 * (6 / 29) ** 2) + 4 / 29)
