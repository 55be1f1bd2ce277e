"""Islands that float in the sky: a grassy top, a cone of rock below, sometimes a fall of water from the rim."""

from dataclasses import dataclass

import numpy as np

from engine.scenes.canvas import Canvas
from engine.scenes.layout import Layout
from engine.scenes.noise import line, sample, smoothstep, stream
from engine.scenes.parts.terrain import grass
from engine.scenes.scene import Scene


@dataclass(frozen=True, slots=True)
class Island:
    u: float
    v: float  # of the rim
    half: float  # half width
    depth: float
    fog: float


def islands(scene: Scene, layout: Layout) -> list[Island]:
    """The main island first in importance, last in painting order."""
    rng = stream(scene.seed, "terrain")
    rng.random(8)
    numbers = np.round(rng.random(12), 4)
    side = 1 if layout.spot[0] > 0.5 else -1
    main_v = 0.56 + 0.05 * numbers[2]
    far = Island(0.5 - side * (0.34 + 0.08 * numbers[3]), 0.26 + 0.12 * numbers[4], 0.1, 20.0, 0.5)
    middle = Island(0.5 - side * (0.3 + 0.1 * numbers[6]), 0.5 + 0.1 * numbers[7], 0.12, 12.0, 0.3)
    small = Island(0.5 + side * (0.36 + 0.06 * numbers[8]), 0.2 + 0.1 * numbers[9], 0.07, 26.0, 0.58)
    main = Island(0.5 + side * (0.06 + 0.06 * numbers[0]), main_v, 0.3 + 0.05 * numbers[1], 6.0, 0.08)
    return [small, far, middle, main]


def rim_v(island: Island, u: np.ndarray) -> np.ndarray:
    """The upper edge: a low mound."""
    t = np.clip((u - island.u) / island.half, -1, 1)
    return island.v - 0.16 * island.half * (1 - t * t)


def paint_islands(canvas: Canvas, scene: Scene, layout: Layout, texture: float) -> None:
    rng = stream(scene.seed, "water")
    for island in islands(scene, layout):
        _paint(canvas, scene, layout, island, rng, texture)
        if scene.water == "waterfall" and island.half > 0.11:
            _fall(canvas, scene, layout, island)


def _paint(
    canvas: Canvas, scene: Scene, layout: Layout, island: Island, rng: np.random.Generator, texture: float
) -> None:
    size = canvas.size
    left, right = (min(size, max(0, round((island.u + s * island.half) * size))) for s in (-1, 1))
    if right - left < 2:
        return
    u = canvas.u[0, left:right]
    t = (u - island.u) / island.half
    ragged = line("rough", u * 0.55 / max(island.half, 0.1) * 0.3, rng)
    top = rim_v(island, u)
    hang = island.half * (1.15 * np.clip(1 - np.abs(t) ** 1.3, 0, 1) * (1 + 0.17 * ragged) + 0.06)
    lip = island.v + island.half * 0.13 * np.sqrt(np.clip(1 - t * t, 0, 1)) + 0.006 * ragged
    v = canvas.v
    mask = np.clip((v - top) * size + 0.5, 0, 1) * np.clip((top + hang - v) * size + 0.5, 0, 1)
    green = np.clip((lip - v) * size + 0.5, 0, 1)
    strip = sample("rough", (u * 1.3)[None] + 0 * v, v * 0.35)
    crag = sample("ridged", (u * 0.9 + 0.3)[None] + 0 * v, v * 0.3)
    rock = np.array([0.6, 0.54, 0.52], np.float32)[:, None, None] * (1 + texture * 0.08 * strip)
    albedo = rock + green * (grass(scene) * (1 + texture * 0.06 * strip) - rock)
    shade_rock = np.clip(0.42 + 0.5 * t * layout.side + 0.13 * crag - 0.25 * smoothstep(0, 1, (v - lip) / hang), 0, 1)
    lit = shade_rock + green * (0.82 - shade_rock)
    columns = slice(left, right)
    canvas.blend(
        mask,
        slice(None),
        columns,
        albedo=albedo,
        lit=lit,
        fog=np.float32(island.fog),
        glow=np.float32(0),
        near=np.float32(1 / island.depth),
    )


def _fall(canvas: Canvas, scene: Scene, layout: Layout, island: Island) -> None:
    """A white ribbon from the rim that dissolves on its way down."""
    side = 1 if layout.spot[0] > 0.5 else -1
    u0 = island.u - side * island.half * 0.42
    start = island.v + 0.02 * island.half
    long = 0.42 if island.half > 0.2 else 0.24
    drop = (canvas.v - start) / long
    wide = island.half * (0.085 + 0.05 * np.clip(drop, 0, 1))
    away = np.abs(canvas.u - u0) / wide
    strand = sample("rough", canvas.u * 2.2 + 0 * canvas.v, canvas.v * 0.16)
    mask = (
        smoothstep(1.15, 0.75, away) * smoothstep(-0.02, 0.02, drop) * np.clip(1.25 - drop * 1.2, 0, 1) * (drop < 1.05)
    )
    mask = np.clip(mask * (0.95 + 0.12 * strand), 0, 1)
    canvas.blend(
        mask,
        slice(None),
        slice(None),
        albedo=(0.93, 0.97, 1.0),
        lit=np.clip(0.78 + 0.15 * strand, 0, 1),
        fog=np.float32(island.fog * 0.8),
        glow=np.float32(0.08),
        near=np.float32(1.02 / island.depth),
    )
