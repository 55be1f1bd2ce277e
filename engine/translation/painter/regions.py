"""Large flat masses: texture rolled away in Lab, and small pictures enlarged with the borders of the full size."""

from typing import Any

import cv2
import numpy as np

from engine.translation.painter.pixels import colour, soft, transformed_sum

RINGS = ((3, 5), (7, 7))  # radius at the reference size, and places on it, of a rolling brush
GRAIN = 2.2  # pixels at the reference size: shapes much smaller than that are texture
AROUND = ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0))  # rows and columns from a pixel to those whose colour it may take

_NEAREST: dict[str, Any] = {"flags": cv2.INTER_NEAREST, "borderMode": cv2.BORDER_REPLICATE}
_SUM = np.ones((1, 3), np.float32)


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
    guide = soft(lab, GRAIN * scale)
    for _ in range(rounds):
        guide = _alike(lab, guide, scale, merging)
    return guide


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


def with_borders(flat: np.ndarray, guide: np.ndarray, carried: np.ndarray | None = None) -> np.ndarray:
    """A small picture enlarged with the guide's borders: every pixel takes the one of five near colours that fits best.

    Args:
        flat: (h, w, 3) float32.
        guide: (H, W, 3) float32 in the same colours, larger.
        carried: (h, w, 3) what is taken in place of `flat`, from where `flat` fits.
    """
    rows, columns = (_near(near, far) for near, far in zip(flat.shape[:2], guide.shape[:2], strict=True))
    fits, asked = (_levels(picture) for picture in (flat, guide))
    best, chosen = np.full(guide.shape[:2], 255, np.uint8), np.zeros(guide.shape[:2], np.uint8)
    for number, (down, across) in enumerate(AROUND):
        beside = _moved(fits, -across, -down)
        apart = cv2.transform(cv2.absdiff(beside.take(rows, 0).take(columns, 1), asked), _SUM)
        chosen[apart < best] = number
        np.minimum(apart, best, out=best)
    down, across = np.array(AROUND, np.float32).T
    return cv2.remap(
        flat if carried is None else carried,
        columns.astype(np.float32)[None] + across[chosen],
        rows.astype(np.float32)[:, None] + down[chosen],
        cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _near(near: int, far: int) -> np.ndarray:
    """Of `far` places in a row, the nearest of `near` in the same."""
    return ((np.arange(far) + 0.5) * near / far).astype(np.intp)


def _levels(lab: np.ndarray) -> np.ndarray:
    """Lab in 8 bits, in which colours are compared in a quarter of the time."""
    return cv2.convertScaleAbs(lab + colour(0, 128, 128))


def _moved(picture: np.ndarray, across: int, down: int) -> np.ndarray:
    shift = np.array([[1, 0, across], [0, 1, down]], np.float32)
    return cv2.warpAffine(picture, shift, picture.shape[1::-1], **_NEAREST)
