"""What goes wrong in translated photos, each kind as a number: halos, blobs, ghosts, lost thin lines, night turned day,
and skin and white that drifted. Nothing is trained or chosen on them.

Pictures are (H, W, 3) uint8 RGB, photo and translation of the same size. Lightness and colours are CIE L*a*b*; pixels
are those of a longer side of 1024, to which larger pictures should be brought.
"""

from collections.abc import Callable

import cv2
import numpy as np
from scipy import stats

STRONG, CALM = 22.0, 2.0  # steepness of an edge, and spread of a flat area, in L
THIN = 10.0  # by how much a thin shape is darker or lighter than its surroundings, in L
BLOCKS = 16  # of each side, whose lightness is compared
NIGHT = 38.0  # mean L below which a picture is a dark one: parts rendered scenes of day and of night
TWILIGHT = 5.0  # change of the mean L that turns nothing, also across that border


def halo(photo: np.ndarray, fake: np.ndarray) -> float:
    """L by which flat areas are lighter or darker close to a strong edge than further off, beyond the photo's own.

    0 where no flat area lies at a strong edge.
    """
    light, painted = _lab(photo)[..., 0], _lab(fake)[..., 0]
    edge = (_steepness(light) > STRONG).astype(np.uint8)
    away = cv2.distanceTransform(1 - edge, cv2.DIST_L2, 3)
    calm = (_spread(light, 7) < CALM) | (away < 5)
    near, far = (away >= 2) & (away < 6) & (_spread(light, 3) < CALM), (away >= 8) & (away < 18) & calm
    gap = [np.abs(values - _mean_of(values, far, 12)) for values in (painted, light)]
    used = near & (cv2.blur(far.astype(np.float32), (25, 25)) > 0.05)
    return float((gap[0] - gap[1]).clip(0)[used].mean()) if used.any() else 0.0


def blob(photo: np.ndarray, fake: np.ndarray) -> float:
    """Broad colour error, in a* and b*: what no change of all colours alike (an affine map) explains."""
    before, after = (_coarse(_lab(picture), 48).reshape(-1, 3) for picture in (photo, fake))
    known = np.column_stack([before, np.ones(len(before))])
    fitted = known @ np.linalg.lstsq(known, after, rcond=None)[0]
    return float(np.sqrt(((after - fitted)[:, 1:] ** 2).sum(1).mean()))


def ghost(photo: np.ndarray, fake: np.ndarray) -> float:
    """Share, 0 to 1, of the translation's edges that run 3 to 9 pixels beside the photo's and have none there."""
    light, painted = (_lab(picture)[..., 0].clip(0, 100) * 2.55 for picture in (photo, fake))
    drawn = cv2.Canny(painted.astype(np.uint8), 60, 140) > 0
    strong, any_edge = (cv2.Canny(light.astype(np.uint8), *steps) == 0 for steps in ((60, 140), (15, 40)))
    from_strong, from_any = (
        cv2.distanceTransform(part.astype(np.uint8), cv2.DIST_L2, 3) for part in (strong, any_edge)
    )
    doubled = drawn & (from_any > 2.5) & (from_strong >= 3) & (from_strong <= 9)
    return float(doubled.sum() / max(1, drawn.sum()))


def thin_kept(photo: np.ndarray, fake: np.ndarray) -> float:
    """Share, 0 to 1, of the photo's thin lines that are thin lines in the translation, a third as strong or more.

    1 where there are none.
    """
    before, after = (_thin(_lab(picture)[..., 0]) for picture in (photo, fake))
    lines = _long(np.abs(before) > THIN)
    near = [cv2.dilate((sign * after).clip(0), np.ones((3, 3), np.uint8)) for sign in (1, -1)]
    same = np.where(before > 0, near[0], near[1])
    return float((same >= np.abs(before) / 3)[lines].mean()) if lines.any() else 1.0


def light_order(photo: np.ndarray, fake: np.ndarray) -> float:
    """-1 to 1: rank correlation (Kendall 1938) of how light the parts of both pictures are; 1 for flat ones."""
    before, after = (_coarse(_lab(picture), BLOCKS)[..., 0].ravel().round(1) for picture in (photo, fake))
    found = stats.kendalltau(before, after).statistic
    return 1.0 if np.isnan(found) else float(found)


def night_lift(photo: np.ndarray, fake: np.ndarray) -> float:
    """L by which the dark half of the photo became lighter; high in night scenes means that night turned day."""
    before, after = (_lab(picture)[..., 0] for picture in (photo, fake))
    dark = before <= np.median(before)
    return float((after - before)[dark].mean())


def skin_drift(photo: np.ndarray, fake: np.ndarray) -> float:
    """Degrees by which the hue of skin-like colours turned, on the average; 0 where there are none."""
    before, after = _lab(photo), _lab(fake)
    hue, chroma = np.degrees(np.arctan2(before[..., 2], before[..., 1])), np.hypot(before[..., 1], before[..., 2])
    skin = (before[..., 0] > 35) & (before[..., 0] < 85) & (hue > 25) & (hue < 70) & (chroma > 12) & (chroma < 45)
    turned = np.degrees(np.arctan2(after[..., 2], after[..., 1])) - hue
    return float(np.abs((turned + 180) % 360 - 180)[skin].mean()) if skin.any() else 0.0


def white_drift(photo: np.ndarray, fake: np.ndarray) -> float:
    """Mean distance in a* and b* of what was white in the photo from where it was; 0 where nothing was."""
    before, after = _lab(photo), _lab(fake)
    white = (before[..., 0] > 85) & (np.hypot(before[..., 1], before[..., 2]) < 6)
    return float(np.hypot(*(after - before)[white][:, 1:].T).mean()) if white.any() else 0.0


def is_dark(picture: np.ndarray) -> bool:
    """Whether it is as dark as a night: by its lightness alone, so a dark interior counts too."""
    return bool(_lab(picture)[..., 0].mean() < NIGHT)


def day_night_kept(photo: np.ndarray, fake: np.ndarray) -> float:
    """1 where a dark photo stayed dark and a bright one bright, else 0."""
    change = abs(float(_lab(fake)[..., 0].mean() - _lab(photo)[..., 0].mean()))
    return float(is_dark(photo) == is_dark(fake) or change < TWILIGHT)


FAILURES: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    measure.__name__: measure
    for measure in (halo, blob, ghost, thin_kept, light_order, night_lift, skin_drift, white_drift)
}


def _lab(picture: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)


def _steepness(light: np.ndarray) -> np.ndarray:
    return np.hypot(cv2.Sobel(light, cv2.CV_32F, 1, 0), cv2.Sobel(light, cv2.CV_32F, 0, 1)) / 4


def _spread(light: np.ndarray, width: int) -> np.ndarray:
    mean = cv2.blur(light, (width, width))
    return np.sqrt(np.maximum(cv2.blur(light * light, (width, width)) - mean * mean, 0))


def _mean_of(values: np.ndarray, chosen: np.ndarray, reach: int) -> np.ndarray:
    width = (2 * reach + 1,) * 2
    weight = cv2.blur(chosen.astype(np.float32), width)
    return cv2.blur(values * chosen, width) / np.maximum(weight, 1e-6)


def _coarse(lab: np.ndarray, blocks: int) -> np.ndarray:
    return cv2.resize(lab, (blocks, blocks), interpolation=cv2.INTER_AREA)


def _thin(light: np.ndarray) -> np.ndarray:
    """How much lighter (or darker, below 0) a shape is into which no disc of five pixels fits."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    close, opened = cv2.morphologyEx(light, cv2.MORPH_CLOSE, disc), cv2.morphologyEx(light, cv2.MORPH_OPEN, disc)
    return (light - close) + (light - opened)


def _long(marked: np.ndarray) -> np.ndarray:
    """Shapes that are 14 pixels long or more in one direction, and thin there."""
    _, labels, found, _ = cv2.connectedComponentsWithStats(marked.astype(np.uint8), connectivity=8)
    length = found[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(1)
    chosen = (length >= 14) & (found[:, cv2.CC_STAT_AREA] < 4 * length)
    chosen[0] = False
    return chosen[labels]
