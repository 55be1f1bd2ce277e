"""The painterly finish: strokes that follow shapes, without losing the shapes."""

import numpy as np
from scipy import ndimage

from engine.scenes.noise import blur, screen, tile


def luma(image: np.ndarray) -> np.ndarray:
    """(H, W) brightness of a planar picture."""
    return 0.3 * image[0] + 0.59 * image[1] + 0.11 * image[2]


def kuwahara(image: np.ndarray, radius: int) -> np.ndarray:
    """Every pixel takes the mean of its calmest neighbourhood, one of four squares that touch it.

    The four means are mixed by how calm their squares are (soft, after Papari et al. 2007), so that no tie is ever
    decided by the last bit of a float.

    Args:
        image: (3, H, W) float32.
        radius: half the reach in pixels; 0 returns the picture as it is.
    """
    if radius < 1:
        return image
    width = radius + 1
    grey = luma(image)
    mean = ndimage.uniform_filter(image, (1, width, width), mode="nearest")
    spread = ndimage.uniform_filter(grey * grey, width, mode="nearest")
    spread -= ndimage.uniform_filter(grey, width, mode="nearest") ** 2
    calm = 1 / (np.maximum(spread, 0) + 2e-4)
    calm *= calm
    # The sum over the four corners is separable: first left and right, then up and down.
    weighted = np.concatenate([mean * calm, calm[None]])
    pad = width // 2
    weighted = np.pad(weighted, ((0, 0), (pad, pad), (pad, pad)), mode="edge")
    span = 2 * pad
    weighted = weighted[:, :, :-span] + weighted[:, :, span:]
    weighted = weighted[:, :-span] + weighted[:, span:]
    return weighted[:3] / weighted[3]


def strokes(image: np.ndarray, rng: np.random.Generator, strength: float = 1.0) -> np.ndarray:
    """Bend edges by less than a pixel at 256, and lay a fine grain of bristles."""
    size = image.shape[-1]
    reach = strength * size / 256 * 0.5
    down = screen("rough", size, rng, 0.9, 0.9) * reach
    across = down[::-1, ::-1]
    index = np.arange(size, dtype=np.float32)
    rows = np.clip(index[:, None] + down + 0.5, 0, size - 1).astype(np.int32)
    columns = np.clip(index[None] + across + 0.5, 0, size - 1).astype(np.int32)
    bent = image.reshape(3, -1).take(rows * size + columns, 1)
    bristle = screen("grain", size, rng, 0.16, 0.5)
    return bent * (1 + 0.012 * strength * bristle)


def bloom(image: np.ndarray, amount: float, threshold: float = 0.72) -> np.ndarray:
    """Bright parts spill their light."""
    size = image.shape[-1]
    step = max(1, size // 64)
    cut = size // step * step
    small = image[:, :cut, :cut].reshape(3, cut // step, step, cut // step, step).mean((2, 4))
    spill = blur(np.clip(small - threshold, 0, 1), 64 / 16)
    widen = _linear(size, cut // step)
    return image + amount * (widen @ spill @ widen.T)


def _linear(size: int, small: int) -> np.ndarray:
    """(size, small) weights that stretch `small` values over `size` places."""
    place = np.clip((np.arange(size) + 0.5) * small / size - 0.5, 0, small - 1)
    low = np.minimum(place.astype(int), small - 2)
    weights = np.zeros((size, small), np.float32)
    weights[np.arange(size), low] = 1 - (place - low)
    weights[np.arange(size), low + 1] = place - low
    return weights


def vignette(image: np.ndarray, amount: float) -> np.ndarray:
    size = image.shape[-1]
    axis = (2 * (np.arange(size, dtype=np.float32) + 0.5) / size - 1) ** 2
    return image * (1 - amount * ((axis[None] * 0.5 + axis[:, None] * 0.6) ** 1.4))


def contrast(image: np.ndarray, amount: float) -> np.ndarray:
    """A gentle S curve."""
    image = np.clip(image, 0, 1)
    return image * (1 - amount + amount * image * (3 - 2 * image))


def saturate(image: np.ndarray, amount: float) -> np.ndarray:
    grey = luma(image)[None]
    return grey + (image - grey) * amount


def paper(size: int) -> np.ndarray:
    """(size, size) grain of paper about 1."""
    index = np.arange(size) * 512 // max(512, size) % 512
    return 1 + 0.018 * tile("grain")[np.ix_(index, index)]
