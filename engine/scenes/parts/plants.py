"""Trees and flowers: drawn once at full size, kept small copies, set out from far to near."""

import math
from collections.abc import Callable
from functools import cache, lru_cache

import numpy as np
from scipy import ndimage

from engine.scenes.canvas import Canvas, Stamp
from engine.scenes.drawing import Colour, Drawing, mix
from engine.scenes.layout import Layout
from engine.scenes.noise import smoothstep, stream
from engine.scenes.parts.islands import islands
from engine.scenes.scene import Scene

_SNOW: Colour = (238, 243, 252)
_MASTER = 168  # pixels; trees in a 512 px picture are about as high
_VARIANTS = 5
_CROWNS: dict[str, tuple[Colour, ...]] = {
    "leafy": ((84, 136, 54), (104, 150, 58), (66, 118, 60)),
    "autumn": ((228, 100, 30), (238, 146, 40), (200, 60, 40)),
    "blossom": ((248, 164, 190), (252, 188, 208), (240, 146, 180)),
}
_TRUNK: Colour = (96, 70, 54)


# ---------------------------------------------------------------- drawings


@cache
def _master(kind: str, variant: int, snow: bool) -> Stamp:
    """One full-size tree with light from the right."""
    rng = np.random.Generator(np.random.PCG64([variant, len(kind), ord(kind[0])]))
    drawing = Drawing({"pines": 0.62, "palms": 1.1}.get(kind, 1.0), 1.03, _MASTER, 1)
    if kind == "pines":
        _pine(drawing, rng, snow)
    elif kind == "palms":
        _palm(drawing, rng)
    else:
        _crown(drawing, rng, _CROWNS[kind][variant % 3])
    return drawing.stamp()


def _pine(drawing: Drawing, rng: np.random.Generator, snow: bool) -> None:
    green: Colour = ((48, 92, 66), (58, 100, 62), (44, 84, 76))[int(rng.integers(3))]
    drawing.box(-0.022, 0.022, 0, 0.2, _TRUNK, 0.35)
    tiers = int(rng.integers(6, 9))
    for k in range(tiers):
        share = k / (tiers - 1)
        foot, half = 0.1 + 0.7 * share, (0.27 * (1 - share) ** 0.9 + 0.035) * (0.9 + 0.2 * rng.random())
        top = min(1.0, foot + 0.27 - 0.07 * share)
        for a, b, lit in ((-1.0, -0.2, 0.1), (-0.45, 0.3, 0.38), (0.1, 1.0, 0.74)):
            jag = [(a * half, foot), ((a + b) / 2 * half, foot - 0.035 - 0.02 * rng.random()), (b * half, foot)]
            drawing.polygon([*jag, (0.012, top), (-0.012, top)], green, lit)
        if snow:
            cap = [(-0.72 * half, foot + 0.035), (0.1 * half, foot + 0.09), (0.95 * half, foot + 0.02), (0.01, top)]
            drawing.polygon(cap, _SNOW, 0.72)


def _crown(drawing: Drawing, rng: np.random.Generator, colour: Colour) -> None:
    """Puffs of leaves, the far and low ones first; each has a dark foot and a bright cap."""
    bend = 0.06 * (2 * rng.random() - 1)
    drawing.polygon([(-0.055, 0), (0.055, 0), (0.03 + bend, 0.5), (-0.03 + bend, 0.5)], _TRUNK, 0.36)
    for sign in (-1, 1):
        drawing.line([(bend * 0.6, 0.3), (sign * 0.2 + bend, 0.52)], 0.032, _TRUNK, 0.4)
    count = 19
    angle, reach = rng.random(count) * 2 * math.pi, np.sqrt(rng.random(count))
    x = bend + 0.31 * reach * np.cos(angle)
    y = 0.65 + 0.21 * reach * np.sin(angle)
    for k in np.argsort(y + 0.3 * (reach < 0.4), kind="stable"):
        r = 0.115 + 0.05 * rng.random()
        base = 0.16 + 0.5 * (y[k] - 0.42) / 0.5 + 0.16 * (x[k] / 0.3)
        for shift, size, gain in ((0.0, 1.0, 0.0), (0.16, 0.78, 0.15), (0.3, 0.5, 0.28)):
            centre = (x[k] + shift * r, y[k] + shift * r)
            drawing.disc(*centre, r * size, r * size * 0.92, colour, base + gain)


def _palm(drawing: Drawing, rng: np.random.Generator) -> None:
    lean = 0.16 * (2 * rng.random() - 1)
    trunk = [(lean * t * t, 0.7 * t) for t in np.linspace(0, 1, 8)]
    drawing.line(trunk, 0.05, (140, 104, 72), 0.4)
    drawing.line([(x + 0.012, y) for x, y in trunk], 0.022, (166, 126, 86), 0.8)
    top_x, top_y = trunk[-1]
    green: Colour = ((74, 132, 62), (92, 142, 58), (62, 122, 76))[int(rng.integers(3))]
    for k in (0, 8, 1, 7, 2, 6, 3, 5, 4):
        angle = math.pi * (-0.12 + 1.24 * k / 8) + 0.12 * (rng.random() - 0.5)
        _frond(drawing, (top_x, top_y), angle, 0.42 + 0.06 * rng.random(), green)
    for x in (-0.03, 0.025):
        drawing.disc(top_x + x, top_y - 0.02, 0.026, 0.028, (120, 82, 52), 0.45)


def _frond(drawing: Drawing, foot: tuple[float, float], angle: float, length: float, colour: Colour) -> None:
    """A leaf that arches out and hangs down at its tip."""
    upper, lower = [], []
    for t in np.linspace(0, 1, 7):
        x = foot[0] + length * t * math.cos(angle)
        y = foot[1] + length * (t * math.sin(angle) * 0.75 + 0.22 * t - 0.62 * t * t)
        wide = 0.05 * math.sin(math.pi * min(1.0, 0.08 + t * 0.92))
        upper.append((x, y + wide * 0.6))
        lower.append((x, y - wide))
    drawing.polygon(upper + lower[::-1], mix(colour, (20, 50, 50), 0.2), 0.25)
    middle = [((a[0] + b[0]) / 2, (a[1] + b[1]) / 2) for a, b in zip(upper, lower, strict=True)]
    drawing.polygon(upper + middle[::-1], colour, 0.5 + 0.32 * math.cos(angle) + 0.1 * math.sin(angle))


@lru_cache(maxsize=1024)
def _small(kind: str, variant: int, snow: bool, pixels: int, side: int) -> Stamp:
    """A copy `pixels` high; mirrored where light comes from the left."""
    master = _master(kind, variant, snow)
    factor = pixels / _MASTER
    layers = [master.alpha, master.lit * master.alpha, *(master.albedo * master.alpha)]
    shrunk = [_shrink(layer, factor)[:, ::side] for layer in layers]
    cover = np.maximum(shrunk[0], 1e-3)
    return Stamp(shrunk[0], np.stack([layer / cover for layer in shrunk[2:]]), shrunk[1] / cover)


def _shrink(layer: np.ndarray, factor: float) -> np.ndarray:
    """Area average: a box blur as wide as the step, then bilinear steps."""
    height, width = (max(2, round(n * factor)) for n in layer.shape)
    soft = ndimage.uniform_filter(layer, max(1, round(1 / factor)), mode="constant") if factor < 1 else layer
    rows = (np.arange(height) + 0.5) * layer.shape[0] / height - 0.5
    columns = (np.arange(width) + 0.5) * layer.shape[1] / width - 0.5
    return ndimage.map_coordinates(soft, np.meshgrid(rows, columns, indexing="ij"), order=1, mode="nearest")


def _ladder(pixels: float) -> int:
    """The nearest size of a ladder with steps of about 12 %, so that few copies are kept."""
    return max(3, round(1.12 ** round(math.log(max(3.0, pixels), 1.12))))


# ---------------------------------------------------------------- places


def places(scene: Scene, layout: Layout, ground: Callable) -> np.ndarray:
    """(n, 5): x, z, height of the ground, height of the tree, variant; far ones first."""
    if scene.plants in ("none", "flowers"):
        return np.zeros((0, 5))
    rng = stream(scene.seed, "plants")
    count = 330 if scene.land == "forest" else 150
    near, far = (2.0, 24.0) if scene.land == "forest" else (2.2, 19.0)
    z = near * (far / near) ** (rng.random(count) ** (0.75 if scene.land == "forest" else 0.9))
    u = rng.random(count) * 1.16 - 0.08
    tall = 0.62 + 0.45 * rng.random(count)
    variant = rng.integers(0, _VARIANTS, count)
    clump = rng.random(count)
    if scene.land == "floating":
        main = islands(scene, layout)[-1]
        z, u = main.depth - 0.8 + 1.6 * rng.random(count), main.u + main.half * 0.95 * (2 * rng.random(count) - 1)
    frame_u, frame_z, frame_tall = _frame(scene, rng, layout)
    z, u = np.concatenate([z, frame_z]).round(4), np.concatenate([u, frame_u]).round(4)
    tall, variant = (
        np.concatenate([tall, frame_tall]),
        np.concatenate([variant, rng.integers(0, _VARIANTS, len(frame_u))]),
    )
    clump = np.concatenate([clump, np.zeros(len(frame_u))])
    x = ((u - 0.5) * z).astype(np.float32)
    z = z.astype(np.float32)
    level = ground(x, z)
    keep = _may_stand(scene, layout, ground, x, z, u, level) & (clump < _density(scene, layout, x, z, u))
    rows = np.stack([x, z, level, tall, variant], 1)[keep]
    return rows[np.argsort(-rows[:, 1], kind="stable")]


def _frame(scene: Scene, rng: np.random.Generator, layout: Layout) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One to three tall trees near us at one edge, away from the landmark."""
    edge = 0.02 if layout.spot[0] > 0.5 else 0.98
    count = int(rng.integers(2, 4))
    # Beside broad water the near trees stand on the strip of shore at our feet.
    near = (1.22, 1.3, 1.26) if scene.water in ("sea", "lake") else (1.9, 2.4, 3.0)
    z = np.array(near)[:count] * (0.96 + (0.06 if near[0] < 1.5 else 0.25) * rng.random(count))
    u = edge + np.array([0.0, 0.13, 0.95])[:count] * (1 if edge < 0.5 else -1) + 0.05 * (rng.random(count) - 0.5)
    return u, z, 0.72 + 0.3 * rng.random(count)


def _may_stand(
    scene: Scene, layout: Layout, ground: Callable, x: np.ndarray, z: np.ndarray, u: np.ndarray, level: np.ndarray
) -> np.ndarray:
    """On dry, gentle ground that is not in front of the landmark."""
    slope = np.abs(ground(x + 0.12, z) - level) + np.abs(ground(x, z + 0.12) - level)
    keep = (level > 0.025) & (slope < 0.14)
    if scene.landmark != "none" and scene.land != "floating":
        hidden = {"tower": 0.1, "windmill": 0.15}.get(scene.landmark, 0.2)
        keep &= (np.abs(u - layout.spot[0]) > hidden) | (z > layout.spot[1] + 0.4)
    if scene.water == "waterfall":
        keep &= (np.abs(u - layout.feature_u) > 0.09) | (z > 8)
    return keep


def _density(scene: Scene, layout: Layout, x: np.ndarray, z: np.ndarray, u: np.ndarray) -> np.ndarray:
    """The share of trees that stand: thick woods leave a clearing in the middle, meadows have groves."""
    if scene.land == "floating":
        away = np.abs(u - layout.spot[0]) if scene.landmark != "none" else np.ones_like(u)
        return np.where(away > 0.17, 0.2, 0.0)
    if scene.land == "forest":
        clearing = smoothstep(0.1, 0.3, np.abs(u - 0.5 - 0.4 * (layout.spot[0] - 0.5)))
        return np.maximum(clearing, smoothstep(5, 8, z))
    if scene.plants == "palms":
        return np.full_like(z, 0.7)
    grove = 0.5 + 0.5 * np.sin(3.1 * u * 3 + 6.28 * layout.offsets[0][0]) * np.sin(
        z * 0.9 + 6.28 * layout.offsets[0][1]
    )
    return 0.18 + 0.62 * grove


def paint_plants(
    canvas: Canvas, scene: Scene, layout: Layout, trees: np.ndarray, fog: Callable, depths: tuple[float, float]
) -> None:
    """Set out the trees (see `places`) whose distance lies in `depths`."""
    size = {"pines": 0.72, "palms": 0.62}.get(scene.plants, 0.6) * (1.15 if scene.land == "forest" else 1.0)
    for x, z, level, tall, variant in trees:
        if depths[0] <= z < depths[1]:
            u, v = layout.project(x, level, z)
            pixels = _ladder(min(0.56, tall * size / z) * canvas.size)
            tree = _small(scene.plants, int(variant), scene.weather == "snow", pixels, layout.side)
            canvas.stamp(tree, float(u), float(v) + 0.006, float(z), float(fog(z)))


_PETALS: tuple[tuple[Colour, ...], ...] = (
    ((232, 62, 58), (248, 214, 74), (250, 246, 240)),
    ((168, 96, 214), (240, 130, 190), (250, 240, 250)),
    ((250, 198, 60), (248, 142, 52), (252, 246, 226)),
    ((78, 116, 224), (232, 226, 252), (226, 106, 170)),
)


def paint_flowers(
    canvas: Canvas, scene: Scene, layout: Layout, ground: Callable, fog: Callable, wet: np.ndarray
) -> None:
    """A meadow full of flowers: drifts of colour that are small dots far off and blossoms near us."""
    if scene.plants != "flowers":
        return
    rng = stream(scene.seed, "flowers")
    petals = _PETALS[int(rng.integers(len(_PETALS)))]
    count = 1300
    z = (0.95 * (9.0 / 0.95) ** rng.random(count)).astype(np.float32)
    u = rng.random(count).astype(np.float32)
    x = (u - 0.5) * z
    level = ground(x, z)
    kind = ((np.sin(u * 7 + z * 0.8 + 6.28 * layout.offsets[1][0]) + 1) * 1.5 + rng.random(count) * 0.9).astype(int) % 3
    v = layout.project(x, level, z)[1]
    for k in np.argsort(-z, kind="stable"):
        if 0 < v[k] < 1 and level[k] > 0.02:
            _flower(canvas, float(u[k]), float(v[k]), float(z[k]), petals[kind[k]], fog)


def _flower(canvas: Canvas, u: float, v: float, z: float, colour: Colour, fog: Callable) -> None:
    size = canvas.size
    radius = max(0.0032, 0.0135 / z)
    reach = max(1, math.ceil(radius * size))
    x, y = int(u * size), int(v * size)
    rows, columns = slice(max(0, y - reach), y + reach + 1), slice(max(0, x - reach), x + reach + 1)
    away = np.sqrt((canvas.u[:, columns] - u) ** 2 + ((canvas.v[rows] - v) * 1.25) ** 2)
    mask = np.clip((radius - away) * size + 0.6, 0, 1) * (canvas.data[8, rows, columns] * z < 1.2)
    albedo = np.array(colour, np.float32) / 255
    canvas.blend(mask, rows, columns, albedo=albedo, lit=np.float32(0.85), fog=float(fog(z)))
