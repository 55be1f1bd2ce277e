"""Sky between twigs, and through them: what is cut off from the sky, but goes on behind thin dark things."""

import cv2
import numpy as np

from engine.translation.painter.fine import thin
from engine.translation.painter.pixels import colour, disc, mean_under, soft, step

WEIGHTS = colour(0.6, 1, 1)  # of L, a and b where sky and land are told apart
TWIG = 4  # pixels at the reference size: half of what a twig or a spire's tip may be wide
LARGE = 0.002  # share of the picture from which on such a piece is sky whatever stands before it
DARKER = 10.0  # L by which what stands before a sky and cuts a piece of it off is darker, at least
REACH = 180.0  # pixels at the reference size: so far from the sky it is still seen through twigs
OPEN = 0.35  # share of sky around such a piece; walls with bluish stones have less


def joined(like: np.ndarray, large: np.ndarray, lab: np.ndarray, scale: float) -> np.ndarray:
    """(H, W) boolean: of what looks `like` the sky, what is one with `large`, or cut off from it by twigs alone.

    Twigs are narrow, darker than the sky, and leave much of it free; walls with stones of its colour are not.
    """
    closed = cv2.morphologyEx(like.astype(np.uint8), cv2.MORPH_CLOSE, disc(max(2, TWIG * scale)))
    near = like & _touching(closed, large)
    one = _touching(like.astype(np.uint8), large)
    other = 1 - like.astype(np.float32)
    front = mean_under(lab[..., :1], other, 4 * scale)[..., 0]
    before = (lab[..., 0] - front > DARKER) & (soft(near.astype(np.float32), 20 * scale) > OPEN)
    count, labels = cv2.connectedComponents((near & ~one).astype(np.uint8), connectivity=4)
    border = cv2.dilate(other, disc(1)) > 0
    fitting, whole = (np.bincount(labels[part], None, count) for part in (border & before, border))
    chosen = (fitting > 0.5 * whole) | (np.bincount(labels.ravel(), None, count) > LARGE * labels.size)
    chosen[0] = False
    return one | chosen[labels]


def _touching(marked: np.ndarray, large: np.ndarray) -> np.ndarray:
    count, labels = cv2.connectedComponents(marked, connectivity=4)
    found = np.zeros(count, bool)
    found[labels[large]] = True
    found[0] = False
    return found[labels]


def through(photo: np.ndarray, surface: np.ndarray, cover: np.ndarray, scale: float) -> np.ndarray:
    """(H, W) in [0, 1]: how much sky a place among twigs shows; its colour lies between theirs and the sky's.

    Args:
        photo: (H, W, 3) Lab, with all its detail.
        surface: (H, W, 3), the clear sky.
        cover: (H, W), the sky as far as it is known.
    """
    light = np.ascontiguousarray(photo[..., 0])
    among = step(soft((-thin(light, scale)).clip(0), 5 * scale), 1.2, 3.0)
    dark = (light < surface[..., 0] - 30).astype(np.float32)
    twig = mean_under(photo, dark, 5 * scale)
    apart = (surface - twig) * WEIGHTS
    length = (apart * apart).sum(-1)
    from_twig = (photo - twig) * WEIGHTS
    place = ((from_twig * apart).sum(-1) / np.maximum(length, 80.0)).clip(0, 1)
    off = from_twig - place[..., None] * apart
    between = step(np.sqrt((off * off).sum(-1)), 13, 7) * step(length, 200, 400)
    seen = among * between * step(place, 0.25, 0.8)
    known = cover > 0.5
    away = cv2.distanceTransform((~known).astype(np.uint8), cv2.DIST_L2, 3)
    seen *= away < REACH * scale  # along a bright ground it would go on without end
    free = known | (seen > 0.5)
    closed = cv2.morphologyEx(free.astype(np.uint8), cv2.MORPH_CLOSE, disc(max(2, TWIG * scale)))
    one = (free & _touching(closed, known)).astype(np.float32)
    return seen * step(soft(one, 8 * scale), 0.2, OPEN)
