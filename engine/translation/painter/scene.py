"""A photo, and what was found in it, for the parts that paint it."""

from dataclasses import dataclass

import numpy as np

from engine.translation.painter import moods, night, regions, sky
from engine.translation.painter.pixels import lab_of, resized, scale_of
from engine.translation.painting import Painting

BODY_SIDE = 512  # pixels of the longer side at which masses are painted; larger photos at half of theirs


@dataclass(frozen=True, slots=True)
class Scene:
    """A photo, and what was found in it.

    Attributes:
        photo: (H, W, 3) Lab.
        calm: (H, W, 3) Lab, without specks and noise.
        scale: pixels for one at the reference size.
        sky: where it is.
        body: (h, w, 3) Lab, `calm` at the size at which masses are painted.
        share: of the size, that `body` has.
        cover: (h, w), the sky's at that size.
        dark: 0 (day) to 1 (night).
        mood: that is painted.
        painting: what is asked for.
    """

    photo: np.ndarray
    calm: np.ndarray
    scale: float
    sky: sky.Sky
    body: np.ndarray
    share: float
    cover: np.ndarray
    dark: float
    mood: moods.Mood
    painting: Painting


def seen(pixels: np.ndarray, painting: Painting) -> Scene:
    """What is in (H, W, 3) uint8."""
    scale = scale_of(pixels)
    calm = lab_of(regions.calmed(pixels, scale).astype(np.float32) / 255)
    photo = lab_of(pixels.astype(np.float32) / 255)
    there = sky.found(calm, scale, photo)
    share = min(1.0, max(0.5, BODY_SIDE / max(pixels.shape[:2])))
    body, cover = resized(calm, share), resized(there.cover, share)
    return Scene(photo, calm, scale, there, body, share, cover, night.darkness(body), moods.OF[painting.mood], painting)
