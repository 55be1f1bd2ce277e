"""Weather that is seen in the air: mist, rain, snow and lightning. (Clouds belong to the sky.)"""

import numpy as np
from PIL import Image, ImageDraw

from engine.scenes.canvas import GLOW, Canvas
from engine.scenes.layout import Layout
from engine.scenes.light import Palette
from engine.scenes.noise import blur, screen, smoothstep, stream
from engine.scenes.scene import Scene

_HAZE = {"clear": 1.0, "cloudy": 1.1, "fog": 4.2, "rain": 1.9, "snow": 1.7, "storm": 1.3}


def haze_of(scene: Scene) -> float:
    """How fast distance fades things; mornings are hazier."""
    return _HAZE[scene.weather] * {"dawn": 1.6, "dusk": 1.2}.get(scene.time, 1.0)


def paint_bolt(canvas: Canvas, scene: Scene, layout: Layout) -> None:
    """Lightning in the sky, painted before the land so that it strikes behind it."""
    if scene.weather != "storm":
        return
    rng = stream(scene.seed, "weather")
    size, scale = canvas.size, 2
    sheet = Image.new("L", (size * scale, size * scale), 0)
    pen = ImageDraw.Draw(sheet)
    away = -1 if layout.spot[0] > 0.5 else 1
    start = (0.5 + away * (0.1 + 0.25 * rng.random()), 0.04 + 0.08 * rng.random())
    trunk = _zigzag(rng, start, layout.horizon, 0.045)
    _stroke(pen, trunk, size * scale, 0.0105)
    for _ in range(3):
        fork = trunk[int(rng.integers(2, max(3, len(trunk) - 2)))]
        _stroke(pen, _zigzag(rng, fork, fork[1] + 0.12 + 0.1 * rng.random(), 0.06), size * scale, 0.005)
    bolt = np.asarray(sheet.reduce(scale), np.float32) / 255
    flash = blur(bolt, size / 22) * 2.6 + blur(bolt, size / 90)
    canvas.data[GLOW] += (bolt * 1.2 + 0.9 * flash) * np.array([0.86, 0.88, 1.0], np.float32)[:, None, None]


def _zigzag(
    rng: np.random.Generator, start: tuple[float, float], bottom: float, wide: float
) -> list[tuple[float, float]]:
    points = [start]
    while points[-1][1] < bottom:
        x, y = points[-1]
        points.append((x + wide * (2 * rng.random() - 1), y + 0.025 + 0.03 * rng.random()))
    return points


def _stroke(pen: ImageDraw.ImageDraw, points: list[tuple[float, float]], pixels: int, width: float) -> None:
    pen.line([(x * pixels, y * pixels) for x, y in points], fill=255, width=max(1, round(width * pixels)))


def veil(image: np.ndarray, canvas: Canvas, scene: Scene, layout: Layout, colours: Palette, crisp: bool) -> np.ndarray:
    """Lay mist, rain or snow over the lit picture; (3, H, W) in and out."""
    rng = stream(scene.seed, "weather")
    if scene.weather == "fog":
        return _mist(image, canvas, layout, colours, rng)
    if scene.weather == "rain":
        return _rain(image, canvas, colours, rng)
    if scene.weather == "snow":
        return _snow(image, canvas, colours, rng)
    return image


def _mist(image: np.ndarray, canvas: Canvas, layout: Layout, colours: Palette, rng: np.random.Generator) -> np.ndarray:
    """Banks that lie on the ground in front of far things."""
    bright = colours.fog[:, None, None]
    for lift, thick, strength in ((0.02, 0.09, 0.85), (0.13, 0.06, 0.6), (0.27, 0.06, 0.45)):
        wave = screen("soft", canvas.size, rng, 0.5, 0.9)
        middle = layout.horizon + lift + 0.035 * wave
        bank = np.exp(-(((canvas.v - middle) / (thick * (1 + 0.25 * wave))) ** 2))
        image = image + np.clip(bank * strength, 0, 1) * (bright - image)
    return image


def _streaks(canvas: Canvas, rng: np.random.Generator, count: int, slant: float) -> np.ndarray:
    size, scale = canvas.size, 2
    sheet = Image.new("L", (size * scale, size * scale), 0)
    pen = ImageDraw.Draw(sheet)
    u, v, depth = rng.random(count) * 1.3 - 0.15, rng.random(count) * 1.2 - 0.2, rng.random(count)
    for x, y, near in zip(u, v, depth, strict=True):
        long = 0.05 + 0.07 * near
        ends = [(x * size * scale, y * size * scale), ((x + slant * long) * size * scale, (y + long) * size * scale)]
        pen.line(ends, fill=int(110 + 140 * near), width=max(1, round((0.0022 + 0.0026 * near) * size * scale)))
    return np.asarray(sheet.reduce(scale), np.float32) / 255


def _rain(image: np.ndarray, canvas: Canvas, colours: Palette, rng: np.random.Generator) -> np.ndarray:
    slant = round(0.1 + 0.25 * float(rng.random()), 3) * (1 if rng.integers(2) else -1)
    streaks = _streaks(canvas, rng, 420, slant)
    grey = image.mean(0, keepdims=True)
    image = image + 0.22 * (grey * np.array([0.94, 1.0, 1.08], np.float32)[:, None, None] - image)
    # Wet ground shines with the sky's light.
    gloss = smoothstep(0.9, 1.7, screen("rough", canvas.size, rng, 0.5, 2.2)) * (canvas.data[8] > 0.12)
    image = image + 0.16 * gloss * colours.horizon[:, None, None]
    drops = (0.35 + 0.65 * colours.horizon)[:, None, None] * (0.55 + 0.45 * colours.brightness)
    return image + 0.72 * streaks * (drops - image * 0.45)


def _snow(image: np.ndarray, canvas: Canvas, colours: Palette, rng: np.random.Generator) -> np.ndarray:
    size, scale = canvas.size, 2
    sheet = Image.new("L", (size * scale, size * scale), 0)
    pen = ImageDraw.Draw(sheet)
    count = 300
    u, v, near = rng.random(count), rng.random(count), rng.random(count) ** 2.2
    for x, y, close in zip(u, v, near, strict=True):
        r = (0.0028 + 0.0066 * close) * size * scale
        box = [x * size * scale - r, y * size * scale - r, x * size * scale + r, y * size * scale + r]
        pen.ellipse(box, fill=int(235 - 60 * close))
    flakes = np.asarray(sheet.reduce(scale), np.float32) / 255
    white = np.array([0.95, 0.97, 1.0], np.float32)[:, None, None] * (0.45 + 0.55 * colours.brightness)
    return image + flakes * (np.maximum(white, image) - image)
