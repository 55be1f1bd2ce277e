"""Night stays night: nothing is lifted, and lamps glow."""

import cv2
import numpy as np

from engine.translation.painter.pixels import soft, step


def darkness(lab: np.ndarray) -> float:
    """0 (day) to 1 (night): most of the picture is dark, or nothing in it is bright."""
    usual, brightest = np.percentile(lab[::3, ::3, 0], (50, 95))
    return float(max(step(usual, 40, 25), step(brightest, 60, 52)))


def glow(rgb: np.ndarray, scale: float, strength: float, threshold: float = 0.82) -> np.ndarray:
    """Bright places spill their light, as through a soft lens (screen blending, so that nothing burns out).

    Args:
        rgb: (H, W, 3) in [0, 1].
        strength: 0 to 1.
    """
    size = (max(1, rgb.shape[1] // 4), max(1, rgb.shape[0] // 4))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    bright = small * step(small.max(-1), threshold - 0.12, threshold + 0.1)[..., None]
    spill = 0.6 * soft(bright, 3 * scale) + 0.4 * soft(bright, 10 * scale)
    wide = cv2.resize(spill, rgb.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return 1 - (1 - rgb) * (1 - strength * np.clip(wide, 0, 1))


def dimmed(lab: np.ndarray, share: float) -> np.ndarray:
    """Daylight as moonlight: dark, blue, and pale in colour; warm lamps stay.

    Args:
        lab: (H, W, 3).
        share: 0 (as it is) to 1 (night).
    """
    lamp = step(lab[..., 0], 80, 95) * step(lab[..., 2], 8, 22)
    share_here = share * (1 - lamp)
    light = lab[..., 0] * (1 - share_here * (0.7 - 0.3 * (lab[..., 0] / 100).clip(0, 1)))
    a = lab[..., 1] * (1 - 0.55 * share_here) + 1.5 * share_here
    b = lab[..., 2] * (1 - 0.6 * share_here) - 15 * share_here * step(light, 2, 20)
    return np.stack([light, a, b], -1)


def stars(shape: tuple[int, ...], scale: float) -> np.ndarray:
    """(H, W) in [0, 1]: small stars of a fixed seed, fewer and fainter towards the lower border."""
    rng = np.random.default_rng(29)
    sky = np.zeros(shape[:2], np.float32)
    count = round(260 * shape[0] * shape[1] / max(shape[:2]) ** 2)
    for row, column, size, bright in zip(*rng.random((4, count)), strict=True):
        place = (round(column * (shape[1] - 1)), round(row**1.4 * (shape[0] - 1)))
        radius = max(1, round(scale * (0.5 + 0.9 * size**6)))
        cv2.circle(sky, place, radius, float((0.25 + 0.75 * bright**3) * (1 - row)), -1, cv2.LINE_AA)
    return sky
