"""Photos without colours, or with one tint alone: no speck of another colour gets in."""

import cv2
import numpy as np

from engine.translation.painter.moods import Mood
from engine.translation.painter.pixels import lab_of, mixed, rgb_of, soft, step

FAINT, FULL = 2.5, 8.0  # of a*b* around the one tint: a photo with less has no colours, one with more all of them
ONE = (20.0, 32.0)  # of a*b*: how far a tint may change from dark to light; a red sky over black land is none
SPOT = (4.0, 9.0)  # the same, of a place in such a photo that has a colour all the same: a beak, a flower


def colourless(lab: np.ndarray) -> np.ndarray:
    """(H, W): 1 where the picture has its one tint alone, as black-and-white and sepia have, 0 where it has colours."""
    tint = _tint(lab, lab)
    apart = np.hypot(*np.moveaxis(lab[..., 1:] - tint, -1, 0))
    usual = float(np.percentile(apart[::3, ::3], 95))
    change = float(np.hypot(*np.ptp(tint[::3, ::3].reshape(-1, 2), axis=0)))
    share = float(step(usual, FULL, FAINT) * step(change, *ONE[::-1]))
    return share * step(soft(apart, 2), SPOT[1], SPOT[0])


def kept(picture: np.ndarray, lab: np.ndarray, mood: Mood, scale: float) -> np.ndarray:
    """The painted picture in one tint where the photo has but one: the photo's own, or that of a mood painted over it.

    Args:
        picture: (H, W, 3) painted, in [0, 1].
        lab: (h, w, 3) the photo, calm, at any size.
        scale: pixels there for one at the reference size.
    """
    share = soft(colourless(lab), 2 * scale)
    if share.max() < 0.01:
        return picture
    share = cv2.resize(share, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    made = lab_of(picture.astype(np.float32).clip(0, 1))
    tint = _tint(made, made) if mood.always else _tint(lab, made)
    made[..., 1:] = mixed(made[..., 1:], tint, share)
    return rgb_of(made)


def _tint(known: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """(H, W, 2): a* and b* that `known` has on the average at the lightness that `asked` has, a quadratic in it."""
    here = known[::3, ::3].reshape(-1, 3)
    basis = _powers(here[:, 0])
    back = np.diag([1e-6, 1e-3, 1e-3]).astype(np.float32) * len(here)  # a flat picture says nothing of its slope
    fitted = np.linalg.solve(basis.T @ basis + back, basis.T @ here[:, 1:])
    low, high = np.percentile(here[:, 0], (1, 99))  # beyond what is known it stays as it is there
    return _powers(asked[..., 0].clip(low, high)) @ fitted


def _powers(light: np.ndarray) -> np.ndarray:
    return np.stack([np.ones_like(light), light / 100, (light / 100) ** 2], -1).astype(np.float32)
