"""The ground, seen in perspective: a height field drawn front to back, with colour, light and haze."""

from dataclasses import dataclass

import numpy as np

from engine.scenes.canvas import Canvas
from engine.scenes.layout import Layout
from engine.scenes.noise import Field, sample, smoothstep, stream
from engine.scenes.parts.landforms import FALL_DEPTH, FALL_HALF, FALL_HEIGHT, fall_x, height
from engine.scenes.scene import Scene

_NEAR, _FAR = 0.62, 75.0
_OVERSAMPLE = 2  # rows per pixel row, for soft ridge lines


@dataclass(frozen=True, slots=True)
class Ground:
    """The height field on a fan of (S, C) points: slices of depth by columns of the picture."""

    x: np.ndarray  # (S, C)
    z: np.ndarray  # (S, 1)
    height: np.ndarray  # (S, C)


def survey(scene: Scene, layout: Layout, size: int) -> Ground:
    near, far = np.float32(_NEAR), np.float32(_FAR)
    flat = 1 / np.linspace(1 / near, 1 / far, 120, dtype=np.float32)
    deep = near * (far / near) ** np.linspace(0, 1, 172, dtype=np.float32)[1:-1]
    z = np.sort(np.concatenate([flat, deep]))[:, None].astype(np.float32)
    u = (np.arange(size, dtype=np.float32) + 0.5) / size
    x = ((u[None] - 0.5) * z).astype(np.float32)
    # Heights are worked out for every other column and joined by straight lines: half the time, and no one sees it.
    nodes = (np.arange(size // 2 + 2, dtype=np.float32) * 2 / size)[None]
    coarse = height(scene, layout, (nodes - np.float32(0.5)) * z, z).astype(np.float32)
    place = u * (size / 2)
    left = place.astype(np.int32)
    part = place - left
    return Ground(x, z, coarse.take(left, 1) * (1 - part) + coarse.take(left + 1, 1) * part)


def visible(ground: Ground, layout: Layout, size: int) -> np.ndarray:
    """(rows, C) index of the slice seen at each half row, or S where only sky is seen."""
    slices, columns = ground.height.shape
    rows = size * _OVERSAMPLE
    v = layout.horizon + (layout.eye - ground.height) / ground.z
    first = np.ceil(np.minimum.accumulate(v, 0) * rows - 0.5)
    first = np.clip(first, 0, rows).astype(np.int32)
    key = first * columns + np.arange(columns, dtype=np.int32)
    counts = np.bincount(key.ravel(), minlength=(rows + 1) * columns).reshape(rows + 1, columns)
    return slices - np.cumsum(counts[:rows], 0)


def paint_ground(canvas: Canvas, scene: Scene, layout: Layout, haze: float, texture: float = 1.0) -> np.ndarray:
    """Paint the land and return where water shows.

    Args:
        canvas: the canvas, with its sky.
        haze: how fast distance fades things; 1 is a clear day.
        texture: strength of brushy variation in colour; 0 leaves flat areas.

    Returns:
        (H, W) float32 in [0, 1], 1 where the surface of water is seen.
    """
    size = canvas.size
    ground = survey(scene, layout, size)
    seen = visible(ground, layout, size)
    colour, lit, glow = _materials(scene, layout, ground, texture)
    wet = (ground.height <= 0).astype(np.float32)
    near = np.broadcast_to(1 / ground.z, ground.height.shape)
    layers = [*colour, lit, _fog(ground, haze), *glow, near, wet, np.ones_like(wet)]
    *picture, cover = _project(layers, seen)
    if scene.land in ("canyon", "cliffs") or scene.water == "waterfall":
        _strata(picture, canvas, layout, scene)
    for channel, layer in enumerate(picture[:-1]):
        canvas.data[channel] += layer - canvas.data[channel] * cover
    return picture[-1]


def _project(layers: list[np.ndarray | None], seen: np.ndarray) -> list[np.ndarray]:
    """Carry (S, C) layers to the picture, (H, W), two half rows to a row; the sky becomes 0, and so does None."""
    rows, columns = seen.shape
    flat = (seen * columns + np.arange(columns, dtype=seen.dtype)).astype(np.int32)
    even, odd = flat[0::2], flat[1::2]
    empty = np.zeros(columns, np.float32)  # the slice behind the last one is the sky
    blank = np.zeros((rows // _OVERSAMPLE, columns), np.float32)
    picture = []
    for layer in layers:
        if layer is None:
            picture.append(blank.copy())
            continue
        line = np.concatenate([layer.astype(np.float32, copy=False).ravel(), empty])
        picture.append(0.5 * (line.take(even) + line.take(odd)))
    return picture


def _fog(ground: Ground, haze: float) -> np.ndarray:
    return np.broadcast_to(fog_at(ground.z, haze), ground.height.shape)


def fog_at(z: Field, haze: float) -> np.ndarray:
    """The share of haze in the colour of a thing at distance z."""
    return 0.86 * (1 - np.exp(-np.maximum(z - 2, 0) * (0.042 * haze)))


def _light(ground: Ground, layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    """Half-Lambert light from the side of the sun and flatness, (S, C) in [0, 1] each."""
    dx = np.gradient(ground.height, axis=1) / (ground.x[:, 1:2] - ground.x[:, 0:1])
    dz = np.gradient(ground.height, axis=0) / np.gradient(ground.z, axis=0)
    length = np.sqrt(dx * dx + dz * dz + 1)
    facing = (-dx * 0.72 * layout.side + 0.55 + dz * 0.42) / length
    return np.clip(0.12 + 0.98 * facing, 0, 1), 1 / length


_GRASS = {"pines": (78, 108, 62), "leafy": (96, 134, 58), "autumn": (158, 124, 62), "blossom": (112, 142, 82)}
_GRASS |= {"palms": (122, 136, 70), "flowers": (98, 138, 64), "none": (118, 130, 80)}
_SOIL = {"desert": (206, 160, 98), "canyon": (186, 108, 68), "volcano": (92, 78, 78)}
_ROCK = {"desert": (206, 150, 96), "canyon": (192, 98, 60), "volcano": (72, 58, 60), "cliffs": (176, 166, 150)}
_SNOW = np.array([198, 208, 226], np.float32) / 255


def _tint(values: tuple[int, int, int]) -> np.ndarray:
    return (np.array(values, np.float32) / 255)[:, None, None]


def _materials(scene: Scene, layout: Layout, ground: Ground, texture: float) -> tuple[np.ndarray, np.ndarray, list]:
    """Colour (3, S, C), lit (S, C) and glow (3 of (S, C))."""
    lit, flatness = _light(ground, layout)
    patch = sample("rough", ground.x / 15, ground.z / 12, layout.offsets[3])
    rng = stream(scene.seed, "terrain")
    hue = (1 + 0.06 * (2 * rng.random(3) - 1)).astype(np.float32)[:, None, None]
    soil = grass(scene) * hue
    rock = _tint(_ROCK.get(scene.land, (140, 138, 150))) * hue
    colour = soil * (1 + 0.1 * texture * patch)
    bare = _bareness(scene, ground, flatness, patch)
    colour += bare * (rock * (1 + 0.05 * texture * patch) - colour)
    if scene.water in ("sea", "lake", "river"):
        beach = smoothstep(0.075, 0.03, ground.height) * (0.35 if scene.land == "volcano" else 0.8)
        colour += beach * (_tint((204, 184, 142)) - colour)
    if scene.weather == "snow" or scene.land in ("mountains", "valley"):
        colour += _whiteness(scene, ground, flatness, patch) * (_SNOW[:, None, None] - colour)
    lit = np.clip(lit + texture * 0.05 * patch, 0, 1)
    return colour, lit, _glow(scene, layout, ground)


def grass(scene: Scene) -> np.ndarray:
    """(3, 1, 1) colour of level ground; snow covers it in winter."""
    if scene.weather == "snow":
        return _SNOW[:, None, None]
    return _tint(_SOIL.get(scene.land, _GRASS[scene.plants]))


def _bareness(scene: Scene, ground: Ground, flatness: np.ndarray, patch: np.ndarray) -> np.ndarray:
    steep = smoothstep(0.78, 0.6, flatness + 0.04 * patch)
    if scene.land in ("hills", "forest", "floating") and scene.water != "waterfall":
        return np.zeros_like(steep)
    if scene.land in ("mountains", "valley"):
        steep = np.maximum(steep, smoothstep(0.6, 1.5, ground.height + 0.25 * patch))
    if scene.land == "volcano":
        steep = np.maximum(steep, smoothstep(0.4, 1.2, ground.height))
    return steep


def _whiteness(scene: Scene, ground: Ground, flatness: np.ndarray, patch: np.ndarray) -> np.ndarray:
    """Snow: on all level ground in winter, else on the high summits."""
    if scene.weather == "snow":
        return 0.96 * smoothstep(0.42, 0.62, flatness + 0.05 * patch)
    return smoothstep(2.5, 3.1, ground.height + 0.5 * patch - 0.02 * ground.z)


def _glow(scene: Scene, layout: Layout, ground: Ground) -> list[np.ndarray | None]:
    """Lava that runs down the volcano's cone."""
    if scene.land != "volcano":
        return [None, None, None]
    u, depth, _, radius = (float(value) for value in layout.peaks[0])
    x = ground.x - (u - 0.5) * depth
    away = np.sqrt(x * x + (ground.z - depth) ** 2) / radius
    angle = np.arctan2(x, depth - ground.z)
    wander = sample("soft", angle / 5, away / 2.2, layout.offsets[4])
    streams = smoothstep(0.2, 0.06, np.abs(np.sin(2.5 * angle + 0.6 * wander)) * (0.3 + away))
    lava = streams * smoothstep(0.85, 0.6, away + 0.08 * wander) + smoothstep(0.26, 0.16, away)
    lava = np.clip(lava, 0, 1) * (ground.z < depth + 0.3 * radius)
    return [lava * 1.0, lava * (0.5 - 0.28 * away), lava * 0.1]


def _strata(picture: list[np.ndarray], canvas: Canvas, layout: Layout, scene: Scene) -> None:
    """Bands of stone on walls, and the falling water; both need the height of each pixel, not of each slice."""
    near = np.maximum(picture[8], 1e-3)
    level = layout.eye - (canvas.v - layout.horizon) / near
    column = np.broadcast_to(canvas.u, level.shape)
    wobble = sample("soft", column * 0.5, np.float32(layout.offsets[5][0]))
    band = sample("rough", np.float32(layout.offsets[5][1]) + 0 * level, level * 0.14 + 0.012 * wobble)
    strength = {"canyon": 0.17, "cliffs": 0.1}.get(scene.land, 0.08) * smoothstep(0.25, 0.4, level)
    for channel, share in enumerate((0.8, 1.0, 1.1)):
        picture[channel] *= 1 + np.clip(band, -1.6, 1.6) * strength * share
    if scene.water == "waterfall" and scene.land != "floating":
        _fall(picture, canvas, layout, level, 1 / near)


def _fall(picture: list[np.ndarray], canvas: Canvas, layout: Layout, level: np.ndarray, depth: np.ndarray) -> None:
    aside = (canvas.u - 0.5) * FALL_DEPTH - fall_x(layout)
    strand = sample("rough", canvas.u * 1.8 + 0 * level, level * 0.05, layout.offsets[4])
    edge = np.abs(aside) - FALL_HALF * (1.12 - 0.1 * level)
    on_wall = (np.abs(depth - FALL_DEPTH) < 0.5) * (level < FALL_HEIGHT - 0.02)
    mask = smoothstep(0.05, -0.03, edge) * on_wall
    tone = np.clip(0.86 + 0.1 * strand, 0.6, 1.05)
    for channel, colour in enumerate((0.93, 0.97, 1.0)):
        picture[channel] += mask * (colour * tone - picture[channel])
        picture[5 + channel] += mask * 0.12 * tone
    picture[3] += mask * (np.clip(0.75 + 0.2 * strand, 0, 1) - picture[3])
    spray = np.exp(-((aside / 0.62) ** 2) - ((level - 0.08) / 0.22) ** 2) * (np.abs(depth - FALL_DEPTH) < 1.6) * 0.75
    for channel in range(3):
        picture[channel] += spray * (0.95 - picture[channel])
    picture[3] += spray * (0.8 - picture[3])
    picture[9] *= 1 - spray
    picture[9][mask > 0.4] = 0
