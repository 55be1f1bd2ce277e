"""Where things stand: the camera, the light, the landmark and the big shapes. Free of the picture's size.

World: the camera looks along +z from height `eye`; x runs to the right, water lies at height 0.
A point (x, height, z) is seen at u = 0.5 + x / z, v = horizon + (eye - height) / z.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from engine.scenes.noise import stream
from engine.scenes.scene import Scene

LANDMARK_DEPTH = 5.5

Place = TypeVar("Place", float, np.ndarray)  # one point gives one, many give many


@dataclass(frozen=True, slots=True)
class Layout:
    """u and v are fractions of the picture; x, z and heights are world units."""

    horizon: float
    eye: float
    side: int  # -1 light from the left, 1 from the right
    sun: tuple[float, float]  # (u, v) of sun or moon
    spot: tuple[float, float]  # (u, z) of the landmark, or of the scene's centre of interest
    spot_size: float  # landmark height as a fraction of the picture
    feature_u: float  # where the land's or water's own feature stands, away from the landmark
    peaks: np.ndarray  # (n, 4): u, z, height, radius
    bend: tuple[float, float, float]  # river: amplitude, frequency, phase
    offsets: tuple[tuple[float, float], ...]  # starting points in the noise tiles

    def project(self, x: Place, height: Place, z: Place) -> tuple[Place, Place]:
        return 0.5 + x / z, self.horizon + (self.eye - height) / z


def plan(scene: Scene) -> Layout:
    """Draw the composition. Numbers are rounded, so that no last bit of a float can decide anything."""
    rng = stream(scene.seed, "layout")
    side = 1 if rng.integers(2) else -1
    eye = _between(rng, 0.42, 0.56)
    horizon = _horizon(scene, rng)
    spot_side = 1 if rng.integers(2) else -1
    crowded = scene.water == "waterfall" or scene.land == "volcano"  # the landmark must not hide what matters there
    spot_u = 0.5 + spot_side * (_between(rng, 0.13, 0.2) if crowded else _between(rng, 0.04, 0.2))
    feature_u = 0.5 - spot_side * _between(rng, 0.2, 0.29)
    if scene.landmark == "none":
        feature_u = 0.5 - spot_side * _between(rng, 0.0, 0.2)
    low = {"dawn": 0.07, "sunset": 0.05, "dusk": 0.2}.get(scene.time, 0.36)
    sun_u = 0.5 + side * _between(rng, 0.1, 0.4)
    sun_v = max(0.1, horizon - low - _between(rng, 0.0, 0.1))
    bend = (_between(rng, 0.06, 0.13) * side, _between(rng, 1.6, 2.6), _between(rng, 0, 6.28))
    if scene.land == "floating":  # the landmark stands on the main island, see `islands`
        numbers = _between(rng, 0.05, 0.12)
        spot_u = 0.5 + spot_side * numbers
    offsets = tuple((_between(rng, 0, 1), _between(rng, 0, 1)) for _ in range(6))
    return Layout(
        horizon=horizon,
        eye=eye,
        side=side,
        sun=(sun_u, sun_v),
        spot=(spot_u, LANDMARK_DEPTH),
        spot_size=_between(rng, 0.4, 0.5),
        feature_u=feature_u,
        peaks=_peaks(scene, rng, feature_u),
        bend=bend,
        offsets=offsets,
    )


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    return round(low + (high - low) * float(rng.random()), 4)


def _horizon(scene: Scene, rng: np.random.Generator) -> float:
    low, high = 0.5, 0.62
    if scene.land == "floating":
        low, high = 0.74, 0.84
    elif scene.land == "cliffs":
        low, high = 0.58, 0.66
    elif scene.landmark != "none":
        low, high = 0.53, 0.64
    elif scene.water in ("lake", "river"):
        low, high = 0.44, 0.56
    return _between(rng, low, high)


def _peaks(scene: Scene, rng: np.random.Generator, feature_u: float) -> np.ndarray:
    """Summits, mounds or mesas: evenly spread over the width with jitter, so no scene lacks them."""
    if scene.land == "volcano":
        return np.array([[feature_u, 22, _between(rng, 7.5, 9.5), _between(rng, 11, 14)]], np.float32)
    count = {"mountains": 5, "hills": 9, "forest": 7, "canyon": 7, "valley": 2, "cliffs": 3, "floating": 4}
    number = count.get(scene.land, 3) + int(rng.integers(-1, 2))
    u = (np.arange(number) + rng.random(number)) / number * 1.3 - 0.15
    near, far, low, high, radius = {
        "mountains": (13, 26, 0.2, 0.36, 0.42),
        "hills": (7, 26, 0.09, 0.2, 0.36),
        "forest": (9, 26, 0.07, 0.15, 0.4),
        "canyon": (9, 24, 0.12, 0.28, 0.15),
        "valley": (30, 40, 0.16, 0.28, 0.35),
    }.get(scene.land, (24, 40, 0.03, 0.08, 0.4))
    z = near + (far - near) * rng.permutation(number) / max(1, number - 1)
    height = (low + (high - low) * rng.random(number)) * z
    width = radius * z * (0.75 + 0.5 * rng.random(number))
    return np.round(np.stack([u, z, height, width], 1), 4).astype(np.float32)
