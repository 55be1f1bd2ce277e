"""From a photo to a painted background, part by part."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from engine.images import from_array, to_pil
from engine.translation.pace import BRUSHED_SIDE
from engine.translation.painter import (
    clouds,
    fine,
    flow,
    foliage,
    haze,
    light,
    lines,
    moods,
    night,
    regions,
    sky,
    tint,
    tones,
    water,
)
from engine.translation.painter.enlarging import enlarged
from engine.translation.painter.pixels import disc, lab_of, mean_under, mixed, rgb_of, scale_of, soft
from engine.translation.painting import AS_PAINTED, Painting

WORKING_SIDE = BRUSHED_SIDE  # pixels of the longer side at which is painted at most
SHADE, LEAVES_SHADE = 1.3, 1.86  # times the slider of colour: how far shade turns blue


@dataclass(frozen=True, slots=True)
class Scene:
    """A photo, and what was found in it.

    Attributes:
        photo: (H, W, 3) Lab.
        calm: (H, W, 3) Lab, without specks and noise.
        scale: pixels for one at the reference size.
        sky: where it is.
        dark: 0 (day) to 1 (night).
        mood: that is painted.
        painting: what is asked for.
    """

    photo: np.ndarray
    calm: np.ndarray
    scale: float
    sky: sky.Sky
    dark: float
    mood: moods.Mood
    painting: Painting


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
    scene = _seen(pixels, painting)
    with ThreadPoolExecutor(1, "painter") as beside:
        above = beside.submit(lambda: rgb_of(_above(scene)) if scene.sky.seen else None)
        picture, over = rgb_of(_land(scene, beside)), above.result()
    if over is not None:
        picture = mixed(picture, over, scene.sky.cover)
    picture = tint.kept(picture, scene.calm, scene.mood, scene.scale)
    dark = max(scene.dark, scene.mood.dim)
    picture = night.glow(picture, scene.scale, 0.12 + 0.38 * dark)
    return (picture.clip(0, 1) * 255).round().astype(np.uint8)


def _seen(pixels: np.ndarray, painting: Painting) -> Scene:
    scale = scale_of(pixels)
    calm = lab_of(regions.calmed(pixels, scale).astype(np.float32) / 255)
    photo = lab_of(pixels.astype(np.float32) / 255)
    there = sky.found(calm, scale, photo)
    return Scene(photo, calm, scale, there, night.darkness(calm), moods.OF[painting.mood], painting)


def _land(scene: Scene, beside: ThreadPoolExecutor) -> np.ndarray:
    """(H, W, 3) Lab of everything but the sky; its regions are found beside, since nothing needs them at first."""
    scale, painting, open_land = scene.scale, scene.painting, 1 - scene.sky.cover
    below = _without_sky(scene)
    filled = beside.submit(regions.filled, below, scale, 26 - 16 * painting.detail)
    leaves = foliage.foliage(scene.calm, scale) * open_land
    wet = water.water(scene.calm, scene.sky.cover, scale) * (1 - leaves)
    brushed = flow.brushed(below, scale, 1)
    streaks = water.streaked(below, scale)
    small = fine.kept(scene.photo[..., 0], scale, painting.detail)
    far = haze.distance(scene.calm, scene.sky.cover, scale)
    flat = filled.result()
    clumps = foliage.clumped(flat, below, scale, painting.detail, LEAVES_SHADE * painting.colour)
    body = mixed(flat, brushed, 0.15)
    body[..., 0] = tones.toned(tones.grouped(flat[..., 0]), brushed[..., 0], scale)
    body = mixed(body, flat, 0.6 * far)
    tone = soft(body[..., 0], 2 * scale) - soft(flat[..., 0], 20 * scale)
    body = light.shaded(body, tone, SHADE * painting.colour)
    body = mixed(body, clumps, leaves)
    body = mixed(body, streaks, wet)
    body = flow.brushed(body, 0.7 * scale, 1)
    small *= (1 - 0.75 * leaves) * open_land
    drawn = lines.lines(mixed(flat, brushed, 0.5), scale) * (1 - 0.85 * leaves) * (1 - wet) * (1 - 0.7 * far)
    done = light.graded(body, scene.mood, painting.light * (1 - 0.8 * scene.dark), painting.colour)
    return _finished(light.bounded(done, flat[..., 2]), far, drawn, small, scene)


def _finished(done: np.ndarray, far: np.ndarray, drawn: np.ndarray, small: np.ndarray, scene: Scene) -> np.ndarray:
    painting, dark = scene.painting, scene.dark
    done = haze.hazed(done, far, painting.colour * (1 - dark))
    done[..., 0] += small  # after the light, which would lift it
    done[..., 0] = lines.inked(done[..., 0], drawn, painting.line)
    return night.dimmed(done, scene.mood.dim * (1 - dark)) if scene.mood.dim else done


def _without_sky(scene: Scene) -> np.ndarray:
    """The land going on behind the border, so that no brush picks up the sky's colour."""
    if not scene.sky.seen:
        return scene.calm
    wide = cv2.dilate(scene.sky.cover, disc(1.5 * scene.scale))
    return mixed(scene.calm, mean_under(scene.calm, (wide < 0.05).astype(np.float32), 3 * scene.scale), wide)


def _above(scene: Scene) -> np.ndarray:
    """(H, W, 3) Lab of the sky, and of thin things before it."""
    there, scale, mood, colour = scene.sky, scene.scale, scene.mood, scene.painting.colour
    if not mood.always:
        colour = colour * (1 - scene.dark)
    surface = sky.gradient(there.open, there.cover)
    cloud = clouds.found(there.open, surface, there.cover)
    day, blue = sky.by_day(surface, there)
    clear = sky.painted(surface, there.cover, mood, colour, day, blue)
    above = clouds.painted(there.open, cloud, clear, mood, colour, scale)
    if not mood.always and blue < day:
        above = mixed(above, clouds.overcast(there.open, colour, scale), (1 - blue) * day)
    if mood.dim:
        above[..., 0] += 60 * night.stars(above.shape, scale) * (1 - cloud)
    return _with_thin_things(above, scene)


def _with_thin_things(above: np.ndarray, scene: Scene) -> np.ndarray:
    """Cables and twigs that are too thin to be land, as dark before the painted sky as before the photo's."""
    ahead = np.minimum(fine.thin(scene.photo[..., 0], scene.scale), 0) / np.maximum(scene.photo[..., 0], 20)
    drawn = fine.unbroken(-ahead, 0.06, 0.025, scene.scale).astype(np.float32)
    above[..., 0] *= 1 + (ahead * cv2.GaussianBlur(drawn, (0, 0), 0.7)).clip(-0.9, 0)
    return above
