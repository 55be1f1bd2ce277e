"""From a photo to a painted background, part by part."""

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import torch
from torch import Tensor

from engine.images import from_array, to_pil
from engine.translation.pace import BRUSHED_SIDE
from engine.translation.painter import clouds, fine, night, sky, tint
from engine.translation.painter.enlarging import enlarged
from engine.translation.painter.land import land
from engine.translation.painter.pixels import disc, mean_under, mixed, resized, rgb_of
from engine.translation.painter.scene import Scene, seen
from engine.translation.painting import AS_PAINTED, Painting

WORKING_SIDE = BRUSHED_SIDE  # pixels of the longer side at which is painted at most
THIN_DARK = 3.0  # L by which twigs and spires before the sky are darker
BEHIND = 12  # pixels at the reference size: how broadly the sky's colours go on behind the land
BLOOM = 0.18  # of bright places by day


def paint(photo: Tensor, painting: Painting = AS_PAINTED) -> Tensor:
    """Paint photos as backgrounds; the same photo gives the same pixels.

    Args:
        photo: (N, 3, H, W) float32 in [-1, 1]; larger ones than `WORKING_SIDE` are painted at that size and enlarged
            with their own borders.

    Returns:
        The same shape and range.
    """
    return torch.cat([from_array(_sized(np.asarray(to_pil(one[None])[0]), painting)[None]) for one in photo])


def _sized(pixels: np.ndarray, painting: Painting) -> np.ndarray:
    share = WORKING_SIDE / max(pixels.shape[:2])
    if share >= 1:
        return painted(pixels, painting)
    size = (max(1, round(pixels.shape[1] * share)), max(1, round(pixels.shape[0] * share)))
    return enlarged(painted(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), painting), pixels)


def painted(pixels: np.ndarray, painting: Painting = AS_PAINTED) -> np.ndarray:
    """(H, W, 3) uint8 as (H, W, 3) uint8, at this size; sky and land side by side on two cores."""
    scene = seen(pixels, painting)
    with ThreadPoolExecutor(1, "painter") as beside:
        above = beside.submit(_above, scene) if scene.sky.seen else None
        picture = land(scene)
    if above is not None:
        picture = mixed(picture, above.result(), scene.sky.cover)
    made = tint.kept(rgb_of(picture), scene.body, scene.mood, scene.scale * scene.share)
    dark = max(scene.dark, scene.mood.dim)
    made = night.glow(made, scene.scale, BLOOM + 0.32 * dark)
    return (made.clip(0, 1) * 255).round().astype(np.uint8)


def _above(scene: Scene) -> np.ndarray:
    """(H, W, 3) Lab of the sky, and of thin things before it."""
    mood, colour, scale = scene.mood, scene.painting.colour, scene.scale * scene.share
    if not mood.always:
        colour = colour * (1 - scene.dark)
    lab = resized(scene.sky.open, scene.share)
    clear = (scene.cover > 0.98) & (fine.thin(lab[..., 0], 2.5 * scale) > -THIN_DARK)
    sure = cv2.erode(clear.astype(np.uint8), disc(3 * scale), borderValue=1).astype(np.float32)
    there = sky.Sky(scene.cover, _behind(lab, sure, scale))
    surface = sky.gradient(there.open, there.cover)
    cloud = _behind(clouds.found(there.open, surface, there.cover)[..., None], sure, scale)[..., 0]
    day, blue = sky.by_day(surface, there)
    above = sky.painted(surface, there.cover, mood, colour, day, blue)
    above = clouds.painted(there.open, cloud, above, mood, colour, scale)
    if not mood.always and blue < day:
        above = mixed(above, clouds.overcast(there.open, colour, scale), (1 - blue) * day)
    above = cv2.resize(above, scene.photo.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    if mood.dim:
        cloud = cv2.resize(cloud, above.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        above[..., 0] = above[..., 0] + 60 * night.stars(above.shape, scene.scale) * (1 - cloud)
    return _with_thin_things(above, scene)


def _behind(picture: np.ndarray, sure: np.ndarray, scale: float) -> np.ndarray:
    """The sky's (h, w, C) going on behind the land, and at its border, where a lens mixes the two."""
    return mixed(mean_under(picture, sure, BEHIND * scale), picture, sure)


def _with_thin_things(above: np.ndarray, scene: Scene) -> np.ndarray:
    """Cables and twigs that are too thin to be land, as dark before the painted sky as before the photo's."""
    ahead = np.minimum(fine.thin(scene.photo[..., 0], scene.scale), 0) / np.maximum(scene.photo[..., 0], 20)
    drawn = fine.unbroken(-ahead, 0.06, 0.025, scene.scale).astype(np.float32)
    above[..., 0] *= 1 + (ahead * cv2.GaussianBlur(drawn, (0, 0), 0.7)).clip(-0.9, 0)
    return above
