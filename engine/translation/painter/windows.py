"""Windows of buildings, which are lit by night."""

import cv2
import numpy as np

from engine.translation.painter.pixels import colour, disc, mixed

REACH = 7  # pixels at the reference size: half of what a window may be wide
DARKER, FACADE = 14.0, 40.0  # L by which it is darker than what is around, and how light that is at least
SMALL, LARGE = 8, 260  # pixels at the reference size that it covers
GREENEST = -5.0  # a* of walls; lawns have less
LIT = 0.75  # share of them behind which somebody is at home
LAMPLIGHT = colour(82, 11, 48)


def windows(lab: np.ndarray, elsewhere: np.ndarray, scale: float) -> np.ndarray:
    """(H, W) in [0, 1]: small upright dark places in light walls, most of them.

    Args:
        lab: (H, W, 3).
        elsewhere: (H, W) in [0, 1]: leaves, water and sky, where none is.
        scale: pixels for one at the reference size.
    """
    open_air = cv2.dilate((elsewhere > 0.3).astype(np.uint8), disc(0.6 * REACH * scale))
    light = np.where(open_air, 0, lab[..., 0]).astype(np.float32)
    wall = cv2.morphologyEx(light, cv2.MORPH_CLOSE, disc(REACH * scale))
    built = cv2.GaussianBlur(lab[..., 1], (0, 0), REACH * scale) > GREENEST
    dark = (wall - light > DARKER) & (wall > FACADE) & built
    count, _, stats, _ = cv2.connectedComponentsWithStats(dark.astype(np.uint8), connectivity=4)
    wide, high, area = (stats[:, part] for part in (cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT, cv2.CC_STAT_AREA))
    fitting = (area > SMALL * scale**2) & (area < LARGE * scale**2) & (area > 0.58 * wide * high)
    fitting &= (high > 0.7 * wide) & (high < 5 * wide)
    fitting &= np.random.default_rng(31).random(count) < LIT
    fitting[0] = False
    shown = np.zeros(light.shape, np.float32)
    for left, top, across, down, _ in stats[fitting]:
        shown[top : top + down, left : left + across] = 1
    return cv2.GaussianBlur(shown, (0, 0), max(0.4, 0.6 * scale))


def lit(lab: np.ndarray, share: np.ndarray) -> np.ndarray:
    """The picture with lamplight in them."""
    return mixed(lab, LAMPLIGHT, 0.9 * share)
