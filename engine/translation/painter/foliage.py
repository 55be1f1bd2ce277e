"""Leaves, grass and gravel in clumps of dabs, the lighter ones on top."""

import numpy as np

from engine.translation.painter.dabs import dabbed, tile
from engine.translation.painter.fine import coherence
from engine.translation.painter.pixels import mixed, soft, step

SECOND = 97  # pixels by which the upper layer's dabs lie elsewhere


def foliage(lab: np.ndarray, scale: float) -> np.ndarray:
    """(H, W) in [0, 1]: busy all around, and green, autumn-coloured, or without any direction."""
    light, a, b = (np.ascontiguousarray(lab[..., channel]) for channel in range(3))
    hue, chroma = np.arctan2(b, a), np.hypot(a, b)
    busy = soft(np.abs(light - soft(light, 2.5 * scale)), 7 * scale) / (0.4 + 0.012 * light)
    green = step(hue, 1.6, 1.78) * step(hue, 2.95, 2.7) * step(chroma, 5, 11)
    wild = step(soft(coherence(light, scale), 5 * scale), 0.5, 0.34)
    autumn = step(hue, 0.7, 0.9) * step(hue, 1.75, 1.6) * step(chroma, 20, 32) * wild
    share = soft(np.maximum(green, np.maximum(autumn, 0.7 * wild)), 6 * scale)
    return step(share, 0.3, 0.55) * step(busy, 0.7, 1.9)


def clumped(lab: np.ndarray, scale: float, detail: float = 0.5) -> np.ndarray:
    """The picture in leaf dabs: a lower layer, and lighter dabs on it where there is light.

    Args:
        detail: 0 (large clumps) to 1 (single leaves).
    """
    size = max(3.0, scale * (13 - 7 * detail))
    dabs = tile(size, 0.55 * size, 0.6, 1.2, 7)
    smooth = soft(lab, 0.2 * size)
    under, over = dabbed(smooth, dabs), dabbed(smooth, dabs, SECOND)
    lighter = step(over[..., 0] - under[..., 0], 1.0, 3.0)
    return mixed(under, over, lighter)
