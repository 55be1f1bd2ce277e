"""Clouds in a few tones, kept where the photo has them."""

import cv2
import numpy as np

from engine.translation.painter import tones
from engine.translation.painter.dabs import dabbed, lit_side, tile
from engine.translation.painter.moods import Mood
from engine.translation.painter.pixels import disc, mean_under, mixed, moved_down, soft, step

PUFFS = ((40, 3.0), (17, 2.0))  # pixels of a puff at the reference size, and L by which its upper side is lighter
RISE, HEIGHT = 22, 13  # pixels at the reference size over which a cloud goes from light top to shaded base; L of each
STORM_VALUES = 6.0  # L from one value of a grey sky to the next
PALEST = 0.35  # of the deepest blue: as little of it the clear sky has somewhere, at least
TONES = ((4, 6), (11, 8), (21, 9), (34, 10))  # lightness below the brightest where a tone begins, and its depth


def found(lab: np.ndarray, surface: np.ndarray, cover: np.ndarray) -> np.ndarray:
    """(H, W) in [0, 1]: how much of a cloud each place of the sky is: it lost the clear sky's colour, or is lighter or
    darker than it.

    Args:
        lab: (H, W, 3), the open sky.
        surface: (H, W, 3), the clear sky, from `sky.gradient`.
        cover: (H, W), the sky.
    """
    away = lab - surface
    blue = np.hypot(surface[..., 1], surface[..., 2])
    deep = np.percentile(lab[..., 2][cover > 0.5], 4) if (cover > 0.5).any() else 0.0
    white = lab[..., 2] - min(0.0, PALEST * float(deep))  # a surface that follows a large cloud says nothing of it
    lost = np.maximum(away[..., 2], white * step(lab[..., 0], 86, 93)) / np.maximum(blue, 10)
    usual = np.median(blue[cover > 0.5]) if (cover > 0.5).any() else 0.0
    lost = lost * step(usual, 2, 6)  # in a white sky no colour is lost
    lost = lost * step(surface[..., 1] - 0.3 * np.abs(surface[..., 2]), 9, 5)
    change = np.maximum(step(lost, 0.2, 0.65), step(np.abs(away[..., 0]), 7, 22))
    return change * (cover > 0.02)


def painted(lab: np.ndarray, cloud: np.ndarray, sky: np.ndarray, mood: Mood, colour: float, scale: float) -> np.ndarray:
    """The painted sky with its clouds: puffs with a white top, middle tones and a shaded base.

    Args:
        lab: (H, W, 3), the photo's open sky.
        cloud: (H, W) in [0, 1], from `found`.
        sky: (H, W, 3), the clear sky as it is painted.
        colour: 0 (the clouds' own colours) to 1 (those of the mood).
    """
    if not cloud.any():
        return sky
    heaped, rise = _heaped(cloud, scale), _rise(cloud, scale)
    light = _puffed(lab, cloud, scale) + heaped * (_relief(cloud.shape, scale) + HEIGHT * rise)
    share = 1.0 if mood.always else 0.85 * colour * step(light, 45, 65)
    tone = toned(light, cloud)
    shade, lit = np.array(mood.shade, np.float32), np.array(mood.lit, np.float32)
    own = mixed(np.broadcast_to(shade, (*tone.shape, 2)), lit, step(tone, 80, 96))
    clouds = np.dstack([tone * mood.cloud_light, mixed(lab[..., 1:], own, share)])
    return mixed(sky, clouds, mixed(cloud, _outlined(cloud, rise, scale), heaped))


def overcast(lab: np.ndarray, richness: float, scale: float) -> np.ndarray:
    """A sky that is nothing but cloud, in puffs of the photo's own greys.

    Args:
        lab: (H, W, 3), the photo's open sky.
        richness: 0 (its own colours) to 1 (more of them).
    """
    light = _puffed(lab, np.ones(lab.shape[:2], np.float32), scale)
    own = soft(lab[..., 1:], 6 * scale) * (1 + 0.4 * richness)
    return np.dstack([tones.grouped(light, STORM_VALUES), own])


def toned(light: np.ndarray, cloud: np.ndarray) -> np.ndarray:
    """Clouds' lightness in a few tones; the brightest becomes white by day.

    Args:
        light: (H, W), 0 to 100.
        cloud: (H, W) in [0, 1]; where it is one, tones are measured.
    """
    inside = light[cloud > 0.6]
    top = float(np.percentile(inside, 90)) if len(inside) else 90.0
    white = top + (98 - top) * float(step(top, 50, 75))
    darker = [depth * step(top - light, begins - 2, begins + 2) for begins, depth in TONES]
    return white - np.sum(darker, axis=0)


def _puffed(lab: np.ndarray, cloud: np.ndarray, scale: float) -> np.ndarray:
    """(H, W): the clouds' lightness in round dabs, large and small."""
    under = mean_under(lab[..., :1], (cloud > 0.6).astype(np.float32), 10 * scale)[..., 0]
    deep = step(soft(cloud, 3 * scale), 0.6, 0.95)
    source = mixed(under, soft(lab[..., 0], 3 * scale), deep)
    few, many = (dabbed(source, tile(across * scale, across * scale, 0.0, 0.6, 3)) for across, _ in PUFFS)
    return soft(0.5 * few + 0.5 * many, 0.8 * scale)


def _relief(shape: tuple[int, ...], scale: float) -> np.ndarray:
    """(H, W): L by which the sides of puffs are lighter and darker."""
    sides = [high * lit_side(tile(across * scale, across * scale, 0.0, 0.6, 3), shape) for across, high in PUFFS]
    return np.sum(sides, axis=0)


def _rise(cloud: np.ndarray, scale: float) -> np.ndarray:
    """(H, W) from -1 at a cloud's base to 1 at its top."""
    broad, reach = soft(cloud, RISE * scale), max(1, round(RISE * scale))
    return (moved_down(broad, -reach) - moved_down(broad, reach)).clip(-1, 1)


def _heaped(cloud: np.ndarray, scale: float) -> np.ndarray:
    """(H, W) in [0, 1]: how much a cloud is one with borders; thin veils have none."""
    calm = soft(cloud, 1.5 * scale)
    steep = np.hypot(cv2.Sobel(calm, cv2.CV_32F, 1, 0), cv2.Sobel(calm, cv2.CV_32F, 0, 1)) * scale / 8
    return step(soft(cv2.dilate(steep, disc(8 * scale)), 5 * scale), 0.035, 0.08)


def _outlined(cloud: np.ndarray, rise: np.ndarray, scale: float) -> np.ndarray:
    """(H, W) in [0, 1]: the cloud as a heap of round puffs, whose base is soft."""
    body = step(soft(cloud, 1.5 * scale), 0.6, 0.95)
    for across, _ in PUFFS:
        within = soft(cloud, across / 4 * scale)
        for shift in (0, 31):
            puffs = dabbed(within, tile(across * scale, across * scale, 0.0, 0.6, 3), shift)
            body = np.maximum(body, (puffs > 0.82).astype(np.float32))
    base = step(soft(cloud, 6 * scale), 0.1, 0.9)
    return mixed(soft(body, 0.8 * scale), base, 0.85 * step(-rise, 0.15, 0.5))
