"""Leaves, grass and gravel in clumps of dabs, the lighter ones on top."""

import numpy as np

from engine.translation.painter import light, tones
from engine.translation.painter.dabs import dabbed, lit_side, tile
from engine.translation.painter.fine import coherence
from engine.translation.painter.pixels import mixed, soft, step

SECOND = 97  # pixels by which the upper layer's dabs lie elsewhere
CROWN = 2.6  # leaves in a round clump that has a light side and a dark one


def foliage(lab: np.ndarray, scale: float) -> np.ndarray:
    """(H, W) in [0, 1]: busy all around, and green, autumn-coloured, or without any direction."""
    lightness, a, b = (np.ascontiguousarray(lab[..., channel]) for channel in range(3))
    hue, chroma = np.arctan2(b, a), np.hypot(a, b)
    busy = soft(np.abs(lightness - soft(lightness, 2.5 * scale)), 7 * scale) / (0.4 + 0.012 * lightness)
    green = step(hue, 1.6, 1.78) * step(hue, 2.95, 2.7) * step(chroma, 5, 11)
    wild = step(soft(coherence(lightness, scale), 5 * scale), 0.5, 0.34)
    autumn = step(hue, 0.7, 0.9) * step(hue, 1.75, 1.6) * step(chroma, 20, 32) * wild
    share = soft(np.maximum(green, np.maximum(autumn, 0.7 * wild)), 6 * scale)
    return step(share, 0.3, 0.55) * step(busy, 0.7, 1.9)


def clumped(flat: np.ndarray, lab: np.ndarray, scale: float, detail: float, shade: float) -> np.ndarray:
    """Masses of leaves in clumps of few tones with the borders of leaves, light on top.

    Args:
        flat: (H, W, 3), the masses.
        lab: (H, W, 3), what is in them.
        detail: 0 (large clumps) to 1 (single leaves).
        shade: how far dark tones turn blue and light ones yellow, see `light.shaded`.
    """
    size = max(3.0, scale * (17 - 10 * detail))
    dabs = tile(size, 0.6 * size, 0.6, 1.2, 7)
    shape = soft(lab[..., 0] - flat[..., 0], 0.25 * size)
    crowns = lit_side(tile(CROWN * size, CROWN * size, 0.0, 0.6, 9), shape.shape)
    tone = tones.toned(np.zeros_like(shape), shape + soft(np.abs(shape), 2 * size) * crowns, scale, 6.0, 1.5)
    clumps = np.dstack([flat, tone])
    under, over = dabbed(clumps, dabs), dabbed(clumps, dabs, SECOND)
    top = mixed(under, over, step(over[..., 0] + over[..., 3] - under[..., 0] - under[..., 3], 1.0, 3.0))
    tone = top[..., 3]
    top[..., 0] += tone
    return light.shaded(top[..., :3], tone, shade)
