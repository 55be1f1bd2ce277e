"""Brush-shaped borders: smoothing along shapes and sharpening across them.

After Kyprianidis and Kang 2011 (Image and video abstraction by coherence-enhancing filtering): the structure tensor
tells where shapes run; colours are averaged along them, and across them every pixel takes the colour of the nearer
side. Colours are only moved, so no border gets a bright or dark rim.
"""

import cv2
import numpy as np

from engine.translation.painter.pixels import places


def directions(light: np.ndarray, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) cosine and sine of the direction across shapes, from the smoothed structure tensor."""
    across, down = cv2.Sobel(light, cv2.CV_32F, 1, 0), cv2.Sobel(light, cv2.CV_32F, 0, 1)
    xx, yy, xy = (cv2.GaussianBlur(part, (0, 0), sigma) for part in (across * across, down * down, across * down))
    half = 0.5 * cv2.phase(xx - yy + 1e-6, 2 * xy)
    return np.cos(half), np.sin(half)


def along(picture: np.ndarray, light: np.ndarray, sigma: float, reach: float) -> np.ndarray:
    """Averaged along shapes, `reach` pixels to both sides."""
    cosine, sine = directions(light, sigma)
    columns, rows = places(picture.shape)
    total = picture.copy()
    for distance in (-reach, -reach / 2, reach / 2, reach):
        total += _sampled(picture, columns - distance * sine, rows + distance * cosine)
    return total / 5


def sharpened(picture: np.ndarray, light: np.ndarray, sigma: float) -> np.ndarray:
    """Every pixel near a border takes the colour a pixel further on its own side (a shock filter)."""
    cosine, sine = directions(light, sigma)
    wide = cv2.GaussianBlur(light, (0, 0), sigma)
    xx, yy, xy = (cv2.Sobel(wide, cv2.CV_32F, *order) for order in ((2, 0), (0, 2), (1, 1)))
    bend = cosine * cosine * xx + 2 * cosine * sine * xy + sine * sine * yy
    slope_x, slope_y = cv2.Sobel(wide, cv2.CV_32F, 1, 0), cv2.Sobel(wide, cv2.CV_32F, 0, 1)
    uphill = np.sign(slope_x * cosine + slope_y * sine)
    move = -uphill * np.tanh(bend * 1.5)
    columns, rows = places(picture.shape)
    return _sampled(picture, columns + move * cosine, rows + move * sine)


def brushed(picture: np.ndarray, scale: float, rounds: int = 2) -> np.ndarray:
    """Lab with the borders of brush strokes."""
    for _ in range(rounds):
        picture = along(picture, picture[..., 0], 2 * max(0.6, scale), 3 * scale)
        picture = sharpened(picture, picture[..., 0], 1.2 * max(0.6, scale))
    return picture


def _sampled(picture: np.ndarray, columns: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return cv2.remap(picture, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
