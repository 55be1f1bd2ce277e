"""Flat regions: mean shift in Lab at half the size, with the borders of the full size."""

import cv2
import numpy as np

from engine.translation.painter.pixels import lab_of


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


def filled(pixels: np.ndarray, scale: float, merging: float) -> np.ndarray:
    """Regions in one colour each, found by mean shift (Comaniciu and Meer 2002) in Lab and position.

    Args:
        pixels: (H, W, 3) uint8, calm.
        scale: pixels for one at the reference size.
        merging: colours that lie this close become one, 4 to 40.

    Returns:
        (H, W, 3) float32, Lab.
    """
    height, width = pixels.shape[:2]
    half = cv2.resize(pixels, (max(1, width // 2), max(1, height // 2)), interpolation=cv2.INTER_AREA)
    reach = max(2, round(5 * scale))
    shifted = cv2.pyrMeanShiftFiltering(cv2.cvtColor(half, cv2.COLOR_RGB2Lab), reach, merging, maxLevel=1)
    flat = lab_of(cv2.cvtColor(shifted, cv2.COLOR_Lab2RGB).astype(np.float32) / 255)
    return with_borders(flat, lab_of(pixels.astype(np.float32) / 255))


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
        apart = cv2.transform(cv2.absdiff(moved, guide), np.ones((1, 3), np.float32))
        closer = apart < best
        best = np.where(closer, apart, best)
        nearest = np.where(closer[..., None], moved, nearest)
    return nearest


def _moved(picture: np.ndarray, across: int, down: int) -> np.ndarray:
    shift = np.array([[1, 0, across], [0, 1, down]], np.float32)
    return cv2.warpAffine(
        picture, shift, picture.shape[1::-1], flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE
    )
