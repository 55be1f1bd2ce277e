"""Small things that matter: windows, cables, faces. Found as thin dark and thin bright shapes in the photo."""

import cv2
import numpy as np

from engine.translation.painter.pixels import disc, soft, step

ROD, LONG, LIGHTER = 5, 110, 7.0  # pixels at the reference size: half of a cable's width, and its length; L


def thin(light: np.ndarray, scale: float) -> np.ndarray:
    """(H, W): by how much a thin shape is lighter than its surroundings, below 0 where it is darker; 0 elsewhere.

    Black and white top-hats (Serra 1982): what a disc does not fit into.
    """
    element = disc(1.6 * max(1.0, scale))
    dark = light - cv2.morphologyEx(light, cv2.MORPH_CLOSE, element)
    bright = light - cv2.morphologyEx(light, cv2.MORPH_OPEN, element)
    return dark + bright


def unbroken(shape: np.ndarray, strong: float, weak: float, scale: float) -> np.ndarray:
    """(H, W) boolean: what is stronger than `strong`, and along cables also what is stronger than `weak` (hysteresis,
    as Canny 1986 draws edges).

    Args:
        shape: (H, W) strength, 0 or more.
        scale: pixels for one at the reference size.
    """
    marked = shape > weak
    count, labels, stats, _ = cv2.connectedComponentsWithStats(marked.astype(np.uint8), connectivity=8)
    length = stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(1)
    sure = np.bincount(labels.ravel(), (shape > strong).ravel(), count)
    cable = (length > 24 * scale) & (stats[:, cv2.CC_STAT_AREA] < 4 * length) & (sure > 0.15 * length)
    cable[0] = False
    return (shape > strong) | cable[labels]


def rods(light: np.ndarray, scale: float) -> np.ndarray:
    """(H, W) in [0, 1]: long, narrow, light shapes, as the cables of a bridge, which are no cloud."""
    bright = light - cv2.morphologyEx(light, cv2.MORPH_OPEN, disc(ROD * scale))
    _, labels, stats, _ = cv2.connectedComponentsWithStats((bright > LIGHTER).astype(np.uint8), connectivity=8)
    length = np.hypot(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
    narrow = stats[:, cv2.CC_STAT_AREA] < 1.8 * ROD * scale * length
    chosen = narrow & (length > LONG * scale)
    chosen[0] = False
    return soft(cv2.dilate(chosen[labels].astype(np.float32), disc(1.5 * scale)), 0.6)


def coherence(light: np.ndarray, scale: float) -> np.ndarray:
    """(H, W) in [0, 1]: how much shapes run in one direction here: 1 on a line, about 0 in leaves and gravel."""
    across, down = cv2.Sobel(light, cv2.CV_32F, 1, 0), cv2.Sobel(light, cv2.CV_32F, 0, 1)
    sigma = 2.2 * max(0.7, scale)
    xx, yy, xy = (soft(part, sigma) for part in (across * across, down * down, across * down))
    return np.sqrt((xx - yy) ** 2 + 4 * xy * xy) / (xx + yy + 40.0)


def kept(light: np.ndarray, scale: float, detail: float) -> np.ndarray:
    """(H, W): what is added to the painted lightness so that thin shapes stay.

    Args:
        light: (H, W) of the photo, 0 to 100.
        detail: 0 (almost none) to 1 (most).
    """
    shape = thin(light, scale)
    threshold = 9 - 6 * detail
    strong = step(np.abs(shape), threshold, 2.2 * threshold)
    return shape * strong * step(coherence(light, scale), 0.25, 0.6) * (0.35 + 0.65 * detail)
