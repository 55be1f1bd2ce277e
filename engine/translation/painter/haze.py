"""Distance in blue haze."""

import numpy as np

from engine.translation.painter.pixels import colour, mixed, soft, step

AIR = colour(80, -6, -20)


def distance(lab: np.ndarray, cover: np.ndarray, scale: float) -> np.ndarray:
    """(H, W) in [0, 1]: how far the air has turned a place blue: bluish, without deep shadows, and calm."""
    light, a, b = lab[..., 0], lab[..., 1], lab[..., 2]
    darkest = soft(-np.maximum(-light, -60), 5 * scale)
    cool = step(b, 2, -10) * step(np.abs(a), 14, 7)
    return soft(cool * step(darkest, 18, 48), 8 * scale) * (1 - cover)


def hazed(lab: np.ndarray, far: np.ndarray, strength: float) -> np.ndarray:
    """The picture with that much more air before what is far."""
    return mixed(lab, AIR, 0.38 * strength * far)
