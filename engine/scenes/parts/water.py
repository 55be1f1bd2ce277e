"""Water: a mirror of what stands behind it, broken by ripples; foam, glitter, and ships."""

import numpy as np

from engine.scenes.canvas import GLOW, LIT, NEAR, Canvas, Stamp
from engine.scenes.layout import Layout
from engine.scenes.light import Palette
from engine.scenes.noise import blur, screen, smoothstep, stream
from engine.scenes.parts.buildings import draw_landmark, landmark_size
from engine.scenes.scene import Scene

_DEEP = {"sea": (26, 84, 116), "lake": (30, 92, 104), "river": (40, 104, 116), "waterfall": (46, 118, 128)}


def water_surface(canvas: Canvas, shown: np.ndarray, ground_near: np.ndarray) -> np.ndarray:
    """Where water still shows after things were set in front of it; (H, W) in [0, 1]."""
    return shown * (canvas.data[NEAR] < ground_near * 1.06 + 1e-6)


def paint_water(canvas: Canvas, scene: Scene, layout: Layout, colours: Palette, wet: np.ndarray) -> None:
    """Turn wet pixels into a mirror: the layers themselves are mirrored, so light and haze stay right."""
    rows = np.flatnonzero(wet.max(1) > 0.3)
    if not len(rows):
        return
    top, size = int(rows[0]), canvas.size
    cut = slice(top, size)
    rng = stream(scene.seed, "water")
    still = {"lake": 0.5, "sea": 1.5}.get(scene.water, 0.9)
    waves = screen("rough", size, rng, 0.55, 5.5, cut) + 0.6 * screen("soft", size, rng, 0.8, 7.0, cut)
    source, run = _mirror_rows(wet, cut)
    depth = run / size
    push = waves * still * (0.004 + 0.03 * depth) * size
    row = np.clip(source + push, 0, size - 1).astype(np.int32)
    column = np.clip(np.arange(size)[None] + 0.5 * push, 0, size - 1).astype(np.int32)
    mirror = canvas.data[:, row, column]
    surface = smoothstep(0.35, 0.65, wet[cut])
    _lay(canvas, cut, mirror, surface, _own_share(canvas, scene, layout, cut), scene, waves, colours)
    if scene.weather in ("clear", "cloudy"):
        _glitter(canvas, scene, layout, cut, waves, surface)
    if scene.water in ("sea", "lake"):
        _shoreline(canvas, scene, wet, cut, waves)


def _mirror_rows(wet: np.ndarray, cut: slice) -> tuple[np.ndarray, np.ndarray]:
    """For every pixel the row that it mirrors about the nearest shore above it, and how far below that shore it is."""
    index = np.arange(wet.shape[0], dtype=np.int32)[:, None]
    dry = np.maximum.accumulate(np.where(wet < 0.5, index, -1), 0)
    shore = blur(np.maximum(dry[cut], 0).astype(np.float32), 1.0)
    run = np.maximum(index[cut] - shore, 0)
    return shore - run, run


def _own_share(canvas: Canvas, scene: Scene, layout: Layout, cut: slice) -> np.ndarray:
    """Near water is looked into, far water is looked across."""
    share = np.clip(0.18 + 0.9 * (canvas.v[cut] - layout.horizon), 0.15, 0.55)
    return np.clip(share + 0.22, 0, 0.7) if scene.water == "sea" else share


def _lay(
    canvas: Canvas,
    cut: slice,
    mirror: np.ndarray,
    surface: np.ndarray,
    own: np.ndarray,
    scene: Scene,
    waves: np.ndarray,
    colours: Palette,
) -> None:
    deep = np.array(_DEEP[scene.water], np.float32) / 255
    tone = np.clip(1 + 0.13 * waves, 0.6, 1.5)
    target = canvas.data[:, cut]
    for channel in range(3):
        wanted = mirror[channel] * (1 - own) * 0.94 + deep[channel] * own * tone
        target[channel] += surface * (wanted - target[channel])
        sheen = 0.06 * own * np.clip(waves, 0, 2) * colours.horizon[channel]
        shine = mirror[5 + channel] * (1 - own) * 0.95 * (1 + 0.05 * waves) + sheen
        target[5 + channel] += surface * (shine - target[5 + channel])
    target[LIT] += surface * (mirror[LIT] * (1 - own) + 0.55 * own - target[LIT])
    target[4] += surface * (np.maximum(mirror[4] * (1 - own), 0) - target[4])


def _glitter(canvas: Canvas, scene: Scene, layout: Layout, cut: slice, waves: np.ndarray, surface: np.ndarray) -> None:
    """The path of light below sun or moon."""
    below = canvas.v[cut] - layout.horizon
    path = np.exp(-(((canvas.u - layout.sun[0]) / (0.035 + 0.16 * np.clip(below, 0, 1))) ** 2))
    sparks = smoothstep(0.35, 1.1, waves + 0.25) * path * surface
    power = {"day": 0.35, "dawn": 0.55, "sunset": 0.75, "aurora": 0.3, "dusk": 0.4, "night": 0.5}[scene.time]
    warm = {"sunset": (1.0, 0.8, 0.5), "dawn": (1.0, 0.9, 0.75), "day": (1.0, 1.0, 0.95)}
    colour = np.array(warm.get(scene.time, (0.8, 0.88, 1.0)), np.float32)[:, None, None]
    canvas.data[GLOW, cut] += power * sparks * colour


def _shoreline(canvas: Canvas, scene: Scene, wet: np.ndarray, cut: slice, waves: np.ndarray) -> None:
    """Foam where the sea meets land below it, a thin light rim on a lake."""
    lap = blur(wet, canvas.size / 90)[cut]
    band = smoothstep(0.3, 0.6, lap) * smoothstep(0.98, 0.75, lap + 0.05 * waves) * wet[cut]
    near = smoothstep(0.2, 0.5, canvas.data[NEAR, cut])
    amount = (0.8 if scene.water == "sea" else 0.3) * band * near
    if scene.water == "sea":  # crests that break
        amount = np.maximum(
            amount, 0.55 * smoothstep(1.3, 2.1, waves) * wet[cut] * smoothstep(0.06, 0.3, canvas.data[NEAR, cut])
        )
    canvas.blend(amount, cut, slice(None), albedo=(0.95, 0.97, 1.0), lit=np.float32(0.85))


def paint_ship(canvas: Canvas, scene: Scene, layout: Layout, fog: float) -> None:
    """The ship and its own broken reflection."""
    if scene.landmark != "ship":
        return
    depth = 3.1
    u, v = layout.spot[0], layout.horizon + layout.eye / depth
    stamp = draw_landmark(scene, max(8, round(landmark_size(scene, layout) * canvas.size)), layout.side)
    height = round(stamp.alpha.shape[0] * 0.55)
    mirror = Stamp(
        stamp.alpha[::-1][:height] * np.linspace(0.55, 0.0, height, dtype=np.float32)[:, None],
        stamp.albedo[:, ::-1][:, :height] * 0.75,
        stamp.lit[::-1][:height] * 0.8,
        None if stamp.glow is None else stamp.glow[::-1][:height] * 0.6,
    )
    canvas.stamp(_ripple(mirror), u, v + height / canvas.size, depth * 0.99, 0.0)
    canvas.stamp(stamp, u, v + 0.006, depth * 0.98, fog)


def _ripple(stamp: Stamp) -> Stamp:
    """Shift each row a little to and fro."""
    height = stamp.alpha.shape[0]
    phase = np.arange(height) / max(1, height)
    shift = np.rint(np.sin(phase * 55) * (0.6 + 2.4 * phase) * height / 60).astype(int)
    columns = (np.arange(stamp.alpha.shape[1])[None] + shift[:, None]) % stamp.alpha.shape[1]
    rows = np.arange(height)[:, None]
    glow = None if stamp.glow is None else stamp.glow[rows, columns]
    return Stamp(stamp.alpha[rows, columns], stamp.albedo[:, rows, columns], stamp.lit[rows, columns], glow)
