"""Water with streaks that lie."""

import cv2
import numpy as np

from engine.translation.painter.dabs import dabbed, tile
from engine.translation.painter.moods import Mood
from engine.translation.painter.pixels import colour, disc, mixed, soft, step

MIRRORED = 1.6  # times the colour of the horizon, which is pale: the sky above it is mirrored too
WIDE = 0.1  # share of the picture that water has to cover to mirror the sky


def water(lab: np.ndarray, cover: np.ndarray, scale: float) -> np.ndarray:
    """(H, W) in [0, 1]: blue, grey or mirroring areas below the sky whose shapes lie.

    Args:
        lab: (H, W, 3), calm.
        cover: (H, W), the sky.
    """
    light, a, b = (np.ascontiguousarray(lab[..., channel]) for channel in range(3))
    across, down = cv2.Sobel(light, cv2.CV_32F, 1, 0), cv2.Sobel(light, cv2.CV_32F, 0, 1)
    xx, yy = soft(across * across, 16 * scale), soft(down * down, 16 * scale)
    lying = step(yy / (xx + yy + 4.0), 0.58, 0.74)
    coloured = step(b, 8, 1) * step(a, 10, 3) * (1 - cover)
    share = soft(lying * coloured, 10 * scale) * _below_sky(cover)
    marked = cv2.morphologyEx((share > 0.45).astype(np.uint8), cv2.MORPH_OPEN, disc(12 * scale))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(marked)
    large = (stats[:, cv2.CC_STAT_AREA] > 0.025 * marked.size) & (
        stats[:, cv2.CC_STAT_WIDTH] > 1.6 * stats[:, cv2.CC_STAT_HEIGHT]
    )
    large[0] = False
    return soft(large[labels].astype(np.float32), 3 * scale) * step(soft(coloured, 3 * scale), 0.4, 0.7)


def _below_sky(cover: np.ndarray) -> np.ndarray:
    """(H, 1): rows from the first one on where the sky ends; all where there is none."""
    rows = np.nonzero((cover > 0.5).any(1) & (cover < 0.5).any(1))[0]
    first = rows[0] if len(rows) else 0
    return (np.arange(len(cover)) >= first).astype(np.float32)[:, None]


def mirrored(lab: np.ndarray, cover: np.ndarray, mood: Mood, share: float) -> np.ndarray:
    """Water with some of the colour that the sky has above the horizon.

    Args:
        cover: (H, W), the water.
        share: 0 (its own colours) to 1.
    """
    sky = colour(*mood.horizon[1:]) * MIRRORED
    mirrors = _wide(cover) * step(lab[..., 0], 92, 80) * step(lab[..., 2], -10, 0)
    return np.dstack([lab[..., 0], mixed(lab[..., 1:], sky, 0.5 * share * mirrors)])


def _wide(cover: np.ndarray) -> np.ndarray:
    """Of what may be water, what is large enough that it is none else: bluish strips are far hills and snow as well."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats((cover > 0.5).astype(np.uint8))
    large = stats[:, cv2.CC_STAT_AREA] > WIDE * cover.size
    large[0] = False
    return cover * cv2.dilate(large[labels].astype(np.uint8), disc(3))


def streaked(lab: np.ndarray, scale: float) -> np.ndarray:
    """The picture in long dabs that lie, the lighter ones on top."""
    dabs = tile(34 * scale, max(1.5, 3.4 * scale), 0.0, 0.05, 17)
    width = 2 * round(7 * scale) + 1
    smooth = cv2.blur(lab, (width, 2 * round(scale) + 1))
    under, over = dabbed(smooth, dabs), dabbed(smooth, dabs, 131)
    return mixed(under, over, step(over[..., 0] - under[..., 0], 1.0, 3.0))
