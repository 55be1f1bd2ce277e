"""Large flat masses: texture rolled away in Lab at half the size, with the borders of the full size."""

import cv2
import numpy as np

from engine.translation.painter.pixels import soft, transformed_sum

RINGS = ((1.5, 5), (3.5, 7))  # radius at half the reference size, and places on it, of a rolling brush
GRAIN = 1.1  # pixels at half the reference size: shapes much smaller than that are texture


def calmed(pixels: np.ndarray, scale: float) -> np.ndarray:
    """Without specks and noise: a median, then a bilateral filter (Tomasi and Manduchi 1998).

    Args:
        pixels: (H, W, 3) uint8.
        scale: pixels for one at the reference size.

    Returns:
        (H, W, 3) uint8.
    """
    width = 5 if scale > 1.5 else 3
    return cv2.bilateralFilter(cv2.medianBlur(pixels, width), 5, 22, 3)


def filled(lab: np.ndarray, scale: float, merging: float, rounds: int = 3) -> np.ndarray:
    """Masses of one colour each, without texture, by rolling guidance (Zhang et al. 2014).

    The first guide is a blur, in which no texture is left; large borders come back in the rounds.

    Args:
        lab: (H, W, 3), calm.
        scale: pixels for one at the reference size.
        merging: colours that lie this close become one, 4 to 40.

    Returns:
        (H, W, 3) float32, Lab.
    """
    height, width = lab.shape[:2]
    half = cv2.resize(lab, (max(1, width // 2), max(1, height // 2)), interpolation=cv2.INTER_AREA)
    guide = soft(half, GRAIN * max(0.5, scale))
    for _ in range(rounds):
        guide = _alike(half, guide, scale, merging)
    return with_borders(guide, lab)


def _alike(picture: np.ndarray, guide: np.ndarray, scale: float, merging: float) -> np.ndarray:
    """Around every pixel the mean of those whose guide looks like the guide here."""
    total, weight = picture.copy(), np.ones(picture.shape[:2], np.float32)
    for radius, count in RINGS:
        for turn in 2 * np.pi * (np.arange(count) + radius) / count:
            across, down = round(radius * scale * np.cos(turn)), round(radius * scale * np.sin(turn))
            apart = cv2.subtract(_moved(guide, across, down), guide)
            like = cv2.exp(transformed_sum(cv2.multiply(apart, apart)) * (-4 / merging**2))
            total += _moved(picture, across, down) * like[..., None]
            weight += like
    return total / weight[..., None]


def with_borders(flat: np.ndarray, guide: np.ndarray) -> np.ndarray:
    """A small picture enlarged with the guide's borders: every pixel takes the one of five near colours that fits best.

    Args:
        flat: (h, w, 3) float32.
        guide: (H, W, 3) float32 in the same colours, larger.
    """
    large = cv2.resize(flat, guide.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    best, nearest = np.full(guide.shape[:2], np.inf, np.float32), large
    reach = max(1, round(guide.shape[1] / flat.shape[1]))
    for across, down in ((0, 0), (reach, 0), (-reach, 0), (0, reach), (0, -reach)):
        moved = _moved(large, across, down)
        apart = transformed_sum(cv2.absdiff(moved, guide))
        closer = apart < best
        best = np.where(closer, apart, best)
        nearest = np.where(closer[..., None], moved, nearest)
    return nearest


def _moved(picture: np.ndarray, across: int, down: int) -> np.ndarray:
    shift = np.array([[1, 0, across], [0, 1, down]], np.float32)
    return cv2.warpAffine(
        picture, shift, picture.shape[1::-1], flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE
    )
