"""Thin dark lines where objects meet."""

import cv2
import numpy as np

from engine.translation.painter.pixels import step


def lines(lab: np.ndarray, scale: float) -> np.ndarray:
    """(H, W) in [0, 1]: the dark side of borders between regions (a difference of Gaussians, Winnemöller et al. 2006).

    Args:
        lab: (H, W, 3) of the flat, brushed picture, so that texture draws no lines.
    """
    light = np.ascontiguousarray(lab[..., 0])
    sigma = max(0.7, 0.9 * scale)
    inner, outer = cv2.GaussianBlur(light, (0, 0), sigma), cv2.GaussianBlur(light, (0, 0), 1.6 * sigma)
    dark = step(outer - inner, 1.0, 4.0)
    return _long(dark, scale)


def inked(light: np.ndarray, drawn: np.ndarray, strength: float) -> np.ndarray:
    """Lightness under lines; black from a strength of 0.63 on, and never less."""
    return light * (1 - 1.6 * strength * drawn).clip(0)


def _long(drawn: np.ndarray, scale: float) -> np.ndarray:
    """Without specks: shapes of a few pixels go."""
    marked = (drawn > 0.3).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(marked, connectivity=8)
    enough = stats[:, cv2.CC_STAT_AREA] > 70 * scale
    enough[0] = False
    keep = cv2.dilate(enough[labels].astype(np.uint8), np.ones((3, 3), np.uint8))
    return drawn * keep
