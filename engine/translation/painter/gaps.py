"""Sky that was missed beside towers and between them: what goes on from the sky without a border."""

import cv2
import numpy as np

from engine.translation.painter.pixels import disc, mean_under, soft

REACH = 40  # pixels at the reference size: so far around a place its sky is looked at
DARKER, OTHER = 9.0, 7.0  # L by which it may be darker than that, and a*b* by which it may differ
STEEP = 4.0  # L from one pixel to the next that is a border
WHITER, WHITE = 4.0, 9.0  # L by which white cloud may be darker than the sky around, and the chroma that it has at most
SEAM = 0.25  # share of its border that has to run into the sky: snow and white walls have a border there
HELD = 0.01  # share of the picture that such a piece covers at most
WARMEST = 4.0  # b* of it; stone has more


def between(known: np.ndarray, lab: np.ndarray, scale: float) -> np.ndarray:
    """(H, W) boolean: the known sky, what goes on from it in about its colour, and white cloud that it runs into.

    Args:
        known: (H, W) boolean.
        lab: (H, W, 3), calm.
        scale: pixels for one at the reference size.
    """
    weight = known.astype(np.float32)
    apart = lab - mean_under(lab, weight, REACH * scale)
    even = (_steepness(lab) < STEEP) & (lab[..., 2] < WARMEST) & (soft(weight, REACH * scale) > 0.02)
    alike = even & (apart[..., 0] > -DARKER) & (np.hypot(apart[..., 1], apart[..., 2]) < OTHER)
    known = known | _pieces(alike & ~known, known, SEAM / 8)
    white = even & (apart[..., 0] > -WHITER) & (np.hypot(lab[..., 1], lab[..., 2]) < WHITE)
    known = known | _pieces(white & ~known, known, SEAM)
    return known | _held(known, even & (apart[..., 0] > -DARKER))


def _held(known: np.ndarray, fitting: np.ndarray) -> np.ndarray:
    """(H, W) boolean: small pieces with sky all around that fit; dark and detailed ones are birds and lamps."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats((~known).astype(np.uint8), connectivity=4)
    area = stats[:, cv2.CC_STAT_AREA]
    held = (np.bincount(labels[fitting], None, count) > 0.7 * area) & (area < HELD * known.size)
    held[0] = False
    return held[labels]


def _steepness(lab: np.ndarray) -> np.ndarray:
    """(H, W): how much L or b* change from one pixel to the next."""
    across, down = (cv2.Sobel(lab, cv2.CV_32F, *order) for order in ((1, 0), (0, 1)))
    return cv2.magnitude(across, down)[..., ::2].max(-1) / 8


def _pieces(like: np.ndarray, known: np.ndarray, seam: float) -> np.ndarray:
    """(H, W) boolean: the pieces of `like` that touch what is known along more than that share of their border."""
    like = cv2.morphologyEx(like.astype(np.uint8), cv2.MORPH_OPEN, disc(1))
    count, labels = cv2.connectedComponents(like, connectivity=4)
    border = labels * (cv2.erode(like, disc(1)) == 0)
    touching = border[cv2.dilate(known.astype(np.uint8), disc(1)) > 0]
    whole, touched = (np.bincount(part.ravel(), None, count) for part in (border, touching))
    chosen = touched > seam * whole
    chosen[0] = False
    return chosen[labels]
