"""Where the sky is, and the sky as a clean gradient."""

from dataclasses import dataclass

import cv2
import numpy as np

from engine.translation.painter import fine, gaps
from engine.translation.painter.moods import Mood
from engine.translation.painter.pixels import disc, mean_under, mixed, resized, soft, step
from engine.translation.painter.twigs import WEIGHTS, joined, through

COARSE = 384  # long side at which the sky is looked for
LEAST = 0.015  # share of the picture that a sky covers
BLUE = -12.0  # b* of a sky that can be told from walls by its colour
NEAR = 6.0  # of Lab; so far from its gradient a blue sky goes on behind twigs, at least
CLEAR = ((50, 60, 70, 80, 88, 95), (42, 40, 32, 20, 12, 6))  # L of clear skies, and how far below 0 their b* is
STORMY = 0.3, 0.75  # share of a clear sky's b* up to which one is grey, and from which on it is clear
BURNT_OUT, NEAR_WHITE = 98.5, 2.5  # L of a white sky that no wall comes near, and the same limit there
CLOUDED = 2.5, 6.0  # L by which a grey sky differs along its rows, from which on it is one of clouds
ALONE = 20.0  # of Lab: where no land is near, what differs so much from the sky is none of it
VARIED = 5.0  # of Lab; a sky that differs so much from its own gradient is not a clear one


@dataclass(frozen=True, slots=True)
class Sky:
    """What was found.

    Attributes:
        cover: (H, W) in [0, 1], 1 in the sky; in between on the pixels of its border alone.
        open: (H, W, 3) Lab: the photo's sky as if nothing stood in front of it.
    """

    cover: np.ndarray
    open: np.ndarray

    @property
    def seen(self) -> bool:
        """Whether there is one at all."""
        return bool(self.cover.any())


def found(lab: np.ndarray, scale: float, photo: np.ndarray | None = None) -> Sky:
    """The sky of a photo: smooth, blue, pale or dark, and reaching the upper border.

    Args:
        lab: (H, W, 3), calm.
        photo: (H, W, 3), with all its detail, in which it is seen through twigs.
        scale: pixels for one at the reference size.
    """
    coarse = _coarse(_resized(lab, COARSE))
    if coarse.mean() < LEAST:
        return Sky(np.zeros(lab.shape[:2], np.float32), lab)
    half = resized(lab, 0.5)
    large = _enlarged(gaps.between(_enlarged(coarse, half), half, scale / 2), lab)
    reached = _reached(large, lab, scale)
    there = _cut_out(large, reached, lab, scale)
    there = Sky(there.cover * (1 - fine.rods(lab[..., 0], scale)), there.open)
    return there if photo is None or not reached.any() else _with_twigs(there, photo, scale)


def _enlarged(mask: np.ndarray, like: np.ndarray) -> np.ndarray:
    return cv2.resize(mask.astype(np.float32), like.shape[1::-1], interpolation=cv2.INTER_LINEAR) > 0.5


def _resized(lab: np.ndarray, side: int) -> np.ndarray:
    share = side / max(lab.shape[:2])
    size = (max(8, round(lab.shape[1] * share)), max(8, round(lab.shape[0] * share)))
    return cv2.resize(lab, size, interpolation=cv2.INTER_AREA)


def _coarse(lab: np.ndarray) -> np.ndarray:
    """(h, w) boolean, at the coarse size."""
    light, a, b = (np.ascontiguousarray(lab[..., channel]) for channel in range(3))
    busy = cv2.blur(np.abs(cv2.Laplacian(light, cv2.CV_32F, ksize=3)), (5, 5))
    coloured = (b < 4 + 0.1 * (light - 60).clip(0, None)) & (a > -13)
    smooth = coloured & (busy < 7)
    usual = _usual_light(light, smooth)
    bright = (light > usual - (7 + 0.22 * usual)) & (light > 6)
    even = coloured & (busy < 1.6) & (light > usual - (14 + 0.4 * usual))
    found = ((smooth & bright) | even).astype(np.uint8)
    candidate = cv2.morphologyEx(cv2.morphologyEx(found, cv2.MORPH_OPEN, disc(1)), cv2.MORPH_CLOSE, disc(2))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(candidate, connectivity=4)
    reaching = np.unique(labels[: max(2, len(labels) // 40)])
    kept = [label for label in reaching if label and stats[label, cv2.CC_STAT_AREA] > 0.004 * labels.size]
    mask = np.isin(labels, [label for label in kept if _like_sky(lab, labels == label)])
    return _with_clouds(mask, coloured & bright, coloured & (b < -20) & (light > 30))


def _with_clouds(mask: np.ndarray, fitting: np.ndarray, deep: np.ndarray) -> np.ndarray:
    """The borders of clouds were too busy to be found: what fits and lies between, and holes that fit or are of a
    deep blue, are sky as well."""
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, disc(4)).astype(bool)
    grown = mask | (closed & fitting)
    _, labels, stats, _ = cv2.connectedComponentsWithStats((~grown).astype(np.uint8), connectivity=4)
    shares = np.bincount(labels.ravel(), (fitting | deep).ravel(), len(stats)) / np.maximum(
        stats[:, cv2.CC_STAT_AREA], 1
    )
    holes = ((shares > 0.4) | (stats[:, cv2.CC_STAT_AREA] < 12)) & (stats[:, cv2.CC_STAT_AREA] < 0.02 * mask.size)
    holes[0] = False
    return grown | holes[labels]


def _like_sky(lab: np.ndarray, mask: np.ndarray) -> bool:
    """It ends at a border, not in a blur; and what is pale blue, but no lighter than the land, is none."""
    whole = mask.astype(np.uint8)
    inner, outer = cv2.erode(whole, disc(3)), 1 - cv2.dilate(whole, disc(3))
    ring = (cv2.dilate(whole, disc(1)) - whole) > 0
    if not ring.any() or not inner.any() or not outer.any():
        return bool(whole.mean() > 0.5)
    near, far = mean_under(lab, inner.astype(np.float32), 4), mean_under(lab, outer.astype(np.float32), 4)
    apart = (near - far)[ring]
    contrast = float(np.median(np.linalg.norm(apart, axis=-1)))
    faint = float(np.median(np.hypot(lab[..., 1], lab[..., 2])[mask])) < 22
    return contrast > 7 and not (faint and float(np.median(apart[:, 0])) < 2)


def _usual_light(light: np.ndarray, smooth: np.ndarray) -> np.ndarray:
    """(h, 1): lightness of the sky in each row; towards the horizon a sky hardly gets darker."""
    rows, last = np.zeros((len(light), 1), np.float32), 0.0
    for row, (values, used) in enumerate(zip(light, smooth, strict=True)):
        here = float(np.percentile(values[used], 75)) if used.sum() > 0.06 * used.size else 0.0
        last = max(here, last - 0.12)
        rows[row] = last
    return rows


def _reached(large: np.ndarray, lab: np.ndarray, scale: float) -> np.ndarray:
    """(H, W) in [0, 1]: what has the clear sky's colour and is cut off from it by twigs and spires alone.

    How near a colour must come is told by the sky itself: a clear one hardly varies. A grey or cloudy one is not
    followed, for no colour tells it from a wall.
    Looked for twice, since the sky's gradient is better known when it was reached on both sides of a tree.
    """
    reached = large.astype(np.float32)
    least = _followed(lab[::3, ::3][large[::3, ::3]])
    if not least:
        return np.zeros_like(reached)
    for _ in range(2):
        apart = _apart(lab, gradient(lab, reached))
        usual = float(np.percentile(apart[::3, ::3][large[::3, ::3]], 70))
        if usual > VARIED:
            return np.zeros_like(reached)
        limit = max(least, 2.2 * usual)
        reached = step(apart, 1.4 * limit, 0.9 * limit) * joined((apart < 1.2 * limit) | large, large, lab, scale)
    return reached


def _followed(colours: np.ndarray) -> float:
    """How near to its gradient a sky of these colours (N, 3) goes on behind twigs; 0 where walls may look like it."""
    light, _, b = np.median(colours, axis=0)
    if b < BLUE:
        return NEAR
    return NEAR_WHITE if light > BURNT_OUT else 0.0


def _apart(lab: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(H, W): how far two pictures' colours lie apart."""
    differing = (lab - other) * WEIGHTS
    return cv2.sqrt(cv2.transform(cv2.multiply(differing, differing), np.ones((1, 3), np.float32)))


def _cut_out(large: np.ndarray, reached: np.ndarray, lab: np.ndarray, scale: float) -> Sky:
    """The border at pixel size: how far each pixel near it is on the way from the land's colour to the sky's."""
    sure = cv2.erode(large.astype(np.uint8), disc(5 * scale), borderValue=1)
    land = 1 - cv2.dilate(large.astype(np.uint8), disc(8 * scale))
    unsure = (sure == 0) & (land == 0)
    behind, front = (_broadly(lab, chosen, 9 * scale) for chosen in (sure, land))
    apart = (behind - front) * WEIGHTS
    length = (apart * apart).sum(-1)
    place = ((lab - front) * WEIGHTS * apart).sum(-1) / np.maximum(length, 9.0)
    place = np.where(_near(land, 9 * scale), place, 1 - _apart(lab, behind) / ALONE)
    cover = np.where(unsure, step(place, 0.55, 0.85), sure).astype(np.float32)
    cover = np.maximum(_without_islands(cover, scale), reached)
    known = (cover > 0.9).astype(np.float32)
    return Sky(cover, _broadly(lab, known, 3 * scale))


def _near(land: np.ndarray, reach: float) -> np.ndarray:
    """(H, W) boolean: whether any land lies near, whose colour is known then; none does round tips and wires."""
    return cv2.blur(land.astype(np.float32), (2 * round(2 * reach) + 1,) * 2) > 0.01


def _with_twigs(there: Sky, photo: np.ndarray, scale: float) -> Sky:
    """What shows through twigs as well; of its colours the clear sky's alone are known."""
    surface = gradient(there.open, there.cover)
    seen = through(photo, surface, there.cover, scale)
    return Sky(np.maximum(there.cover, seen), mixed(there.open, surface, seen * step(there.cover, 0.95, 0.7)))


def _broadly(lab: np.ndarray, chosen: np.ndarray, sigma: float) -> np.ndarray:
    """`mean_under` at half the size, which is a quarter of the work."""
    size = (max(1, lab.shape[1] // 2), max(1, lab.shape[0] // 2))
    small, weight = (cv2.resize(part, size, interpolation=cv2.INTER_AREA) for part in (lab, chosen.astype(np.float32)))
    return cv2.resize(mean_under(small, weight, sigma / 2), lab.shape[1::-1], interpolation=cv2.INTER_LINEAR)


def _without_islands(cover: np.ndarray, scale: float) -> np.ndarray:
    """Bright specks of the land near the border are no sky."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats((cover > 0.3).astype(np.uint8), connectivity=4)
    large = stats[:, cv2.CC_STAT_AREA] > 30 * scale * scale
    large[0] = False
    return cover * cv2.dilate(large[labels].astype(np.uint8), np.ones((3, 3), np.uint8))


def gradient(lab: np.ndarray, cover: np.ndarray) -> np.ndarray:
    """The clear sky's colours as a smooth surface: what the sky would be without its clouds.

    A surface (quadratic in height, linear across) is fitted, then again to what lies near it or is bluer, so that
    clouds fall out; then it is bent to the photo's own broad colours where these are clear.

    Args:
        lab: (H, W, 3), the open sky.
        cover: (H, W), the sky.

    Returns:
        (H, W, 3) Lab.
    """
    small = _resized(lab, 128)
    weight = cv2.resize(cover, small.shape[1::-1], interpolation=cv2.INTER_AREA).ravel()
    basis, chosen = _basis(small.shape[:2]), small.reshape(-1, 3)
    clear = weight if dusk(chosen[weight > 0.5]) else _bluest(chosen, weight)
    for _ in range(4):
        fitted = _fit(basis, chosen, clear)
        away = chosen - basis @ fitted
        if clear is not weight:
            clear = weight * step(away[:, 2], 8, 2) * step(np.abs(away[:, 0]), 16, 6)
    broad = mean_under(away.reshape(small.shape), clear.reshape(small.shape[:2]), 5)
    sure = np.minimum(1, soft(clear.reshape(small.shape[:2]), 5) * 3)[..., None]
    surface = (basis @ fitted).reshape(small.shape) + broad.clip(-12, 12) * sure
    return cv2.resize(surface.astype(np.float32), lab.shape[1::-1], interpolation=cv2.INTER_CUBIC)


def dusk(colours: np.ndarray) -> bool:
    """Whether a sky's colours, (N, 3) Lab, are those of a low sun: pink, violet or orange in a good part of it."""
    if not len(colours):
        return False
    a, b = colours[:, 1], colours[:, 2]
    return bool(np.percentile(a - 0.3 * np.abs(b), 88) > 7 or np.percentile(b, 88) > 10)


def _bluest(colours: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(N,) weight of what is surely clear: the bluest part; all of a sky without any blue."""
    inside = colours[weight > 0.5]
    blue = float(np.percentile(inside[:, 2], 4)) if len(inside) else 0.0
    return weight * step(colours[:, 2], blue + 10, blue + 5) if blue < -12 else weight * 1.0


def _fit(basis: np.ndarray, chosen: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(4, 3): by weighted least squares, held back a little from bending."""
    weighted = basis * weight[:, None]
    back = np.diag([1e-6, 2e-3, 2e-2, 2e-3]).astype(np.float32) * max(1.0, float(weight.sum()))
    return np.linalg.solve(weighted.T @ basis + back, weighted.T @ chosen)


def _basis(shape: tuple[int, ...]) -> np.ndarray:
    rows, columns = np.meshgrid(np.linspace(-1, 1, shape[0]), np.linspace(-1, 1, shape[1]), indexing="ij")
    return np.stack([np.ones(rows.size), rows.ravel(), rows.ravel() ** 2, columns.ravel()], 1).astype(np.float32)


def by_day(surface: np.ndarray, there: Sky) -> tuple[float, float]:
    """How much a sky is one of the day (0 at dusk and by night), and how blue it may be painted: a clear one is bluer
    the darker it is, a storm's is not, and has clouds. White that burnt out says little, and gets some blue."""
    within = there.cover > 0.5
    inside = surface[within]
    if not len(inside):
        return 0.0, 0.0
    light, a, b = np.median(inside, axis=0)
    blue = float(step(-b / np.interp(light, *CLEAR), *STORMY))
    dull = 0.6 + 0.4 * float(step(np.hypot(a, b), 3, 12))
    clouded = float(step(_unevenness(there.open[..., 0], within), *CLOUDED))
    sun = _sunlit(there.open[..., 0][within], light, b)
    day = 0.0 if dusk(inside[::16]) else max(float(step(light, 46, 62)), sun)
    return day, max(blue, 0.5 * float(step(light, 86, 96)), dull * (1 - clouded), 0.85 * sun)


def _sunlit(lights: np.ndarray, clear: float, b: float) -> float:
    """0 to 1: whether the lightest part of a sky is cloud in the sun: white or before blue, and far lighter than it."""
    top = float(np.percentile(lights[::4], 95))
    white = max(float(step(top, 80, 88)), float(step(-b, 10, 16) * step(top, 62, 72)))
    return white * float(step(top - clear, 9, 16))


def _unevenness(light: np.ndarray, within: np.ndarray) -> float:
    """L by which a sky's lightness differs from the mean of its row: about 0 without clouds."""
    counts = within.sum(1, keepdims=True)
    rows = np.where(within, light, 0).sum(1, keepdims=True) / np.maximum(counts, 1)
    return float(np.percentile(np.abs(light - rows)[within], 80))


def painted(surface: np.ndarray, cover: np.ndarray, mood: Mood, richness: float, day: float, blue: float) -> np.ndarray:
    """The gradient as a painted sky has it; on a clear day, dusk and night keep their own.

    Args:
        surface: (H, W, 3) Lab, from `gradient`.
        cover: (H, W), the sky.
        richness: 0 (as the photo) to 1 (as painted).
        day, blue: from `by_day`.
    """
    light, a, b = (surface[..., channel] for channel in range(3))
    rows = np.nonzero(cover.max(1) > 0.5)[0]
    end = max(8.0, float(rows.max())) if len(rows) else float(len(surface))
    height = (1 - np.arange(len(surface), dtype=np.float32) / end).clip(0, 1)
    own = np.stack([light + 0.06 * (100 - light) * day, a * (1 + 0.4 * richness), b * (1 + 0.4 * richness)], -1)
    ideal = mood.gradient(np.broadcast_to(height[:, None], light.shape))
    return mixed(own, ideal, 1.0 if mood.always else min(1.0, 1.15 * richness) * blue * day)
