"""The four looks: the same composition, painted, inked, cel-shaded, or in cold monochrome."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from engine.scenes.brush import bloom, contrast, kuwahara, luma, paper, saturate, strokes, vignette
from engine.scenes.canvas import FOG, LIT, NEAR, Canvas
from engine.scenes.light import Palette
from engine.scenes.noise import blur, screen, smoothstep, stream
from engine.scenes.scene import Scene


@dataclass(frozen=True, slots=True)
class Style:
    """How a look wants the layers painted."""

    texture: float  # variation of colour within an area
    crisp: float  # 0 soft .. 1 cut-out edges of clouds
    steps: bool  # light in flat steps


STYLES = {
    "painterly": Style(1.0, 0.0, False),
    "ink": Style(0.4, 0.35, False),
    "cel": Style(0.0, 1.0, True),
    "mono": Style(1.0, 0.0, False),
}


def finish(image: np.ndarray, canvas: Canvas, scene: Scene, colours: Palette) -> np.ndarray:
    """From the lit picture to the look's own; (3, H, W) float32 in and out, out in [0, 1]."""
    rng = stream(scene.seed, "finish")
    image = _mood(np.clip(image, 0, 1.35), canvas, scene, rng)
    return np.clip(_FINISH[scene.look](image, canvas, scene, rng), 0, 1)


# ---------------------------------------------------------------- moods


def _mood(image: np.ndarray, canvas: Canvas, scene: Scene, rng: np.random.Generator) -> np.ndarray:
    if scene.mood == "dramatic":
        return vignette(contrast(saturate(image, 1.12), 0.75), 0.42)
    if scene.mood == "dreamy":
        soft = bloom(image, 0.4, 0.5)
        veiled = saturate(soft, 0.82) * 0.76 + np.array([0.165, 0.135, 0.17], np.float32)[:, None, None]
        return veiled + 0.25 * (blur(veiled, canvas.size / 100) - veiled)
    if scene.mood == "magical":
        return _motes(image, canvas, rng)
    return image


def _motes(image: np.ndarray, canvas: Canvas, rng: np.random.Generator) -> np.ndarray:
    """Small lights that hang in the air, each with its halo."""
    size, count = canvas.size, 46
    tints = ((1.0, 0.86, 0.45), (0.55, 1.0, 0.85), (1.0, 0.6, 0.95))
    tint = np.array(tints[int(rng.integers(3))], np.float32)[:, None, None]
    u, v = rng.random(count), 0.3 + 0.65 * np.sqrt(rng.random(count))
    radius = 0.0055 + 0.0075 * rng.random(count) ** 2
    light = np.zeros((size, size), np.float32)
    for x, y, r in zip(u, v, radius, strict=True):
        reach = int(r * 4.5 * size) + 2
        rows = slice(max(0, int(y * size) - reach), int(y * size) + reach)
        columns = slice(max(0, int(x * size) - reach), int(x * size) + reach)
        away = ((canvas.u[:, columns] - x) ** 2 + (canvas.v[rows] - y) ** 2) / (r * r)
        light[rows, columns] += np.exp(-1.6 * away) + 0.34 * np.exp(-0.22 * away)
    light = np.clip(light, 0, 1)
    return image + light * (np.maximum(tint + 0.25 * light, image) - image)


# ---------------------------------------------------------------- looks


def _painterly(image: np.ndarray, canvas: Canvas, scene: Scene, rng: np.random.Generator) -> np.ndarray:
    image = bloom(image, 0.3)
    image = kuwahara(strokes(image, rng), max(1, round(canvas.size / 128)))
    image = saturate(image, 1.08 + 0.08 * float(rng.random()))
    return vignette(contrast(image, 0.3), 0.14)


def _mono(image: np.ndarray, canvas: Canvas, scene: Scene, rng: np.random.Generator) -> np.ndarray:
    grey = np.clip(luma(_painterly(image, canvas, scene, rng)), 0, 1)
    stops = np.array([[10, 16, 30], [52, 70, 100], [128, 150, 176], [206, 220, 232], [250, 252, 255]], np.float32) / 255
    at = np.linspace(0, 1, 5)
    return np.stack([np.interp(grey, at, stops[:, channel]) for channel in range(3)]).astype(np.float32)


def _cel(image: np.ndarray, canvas: Canvas, scene: Scene, rng: np.random.Generator) -> np.ndarray:
    image = kuwahara(np.clip(image, 0, 1), max(1, round(canvas.size / 128)))
    image = contrast(saturate(image, 1.35), 0.4)
    lines = _edges(canvas, scene) * 0.55
    return image * (1 - lines) + 0.28 * lines * image


def _edges(canvas: Canvas, scene: Scene) -> np.ndarray:
    """Outlines, (H, W) in [0, 1]: where distance jumps, and where light or colour turns sharply."""
    data = canvas.data
    far = np.sqrt(data[NEAR]) * 1.3
    land = smoothstep(0.0, 0.02, data[NEAR])
    outline = _jump(far) * 7 + 0.8 * _jump(land)
    inner = _jump(blur(data[LIT], 0)) * 0.8 + _jump(luma(data[0:3])) * 1.6
    fade = 1 - 0.85 * np.clip(data[FOG], 0, 1)
    return smoothstep(0.25, 0.8, outline + inner * land) * np.maximum(fade, 0.25)


def _jump(field: np.ndarray) -> np.ndarray:
    """Size of the change to the neighbours to the right and below."""
    across = np.abs(np.diff(field, axis=1, append=field[:, -1:]))
    down = np.abs(np.diff(field, axis=0, append=field[-1:]))
    return np.maximum(across, down)


def _ink(image: np.ndarray, canvas: Canvas, scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """Washes of thin colour on paper, and a pen line around things."""
    size = canvas.size
    image = kuwahara(np.clip(image, 0, 1), max(1, round(size / 85)))
    wash = saturate(image, 0.62) ** 0.85
    bleed = 0.02 * screen("soft", size, rng, 0.6, 0.6)
    tone = np.clip(luma(wash), 0.02, 1)
    stepped = _steps(tone + bleed, (0.1, 0.3, 0.5, 0.7, 0.88))
    wash = wash * (stepped / tone)
    sheet = np.array([0.965, 0.945, 0.9], np.float32)[:, None, None] * paper(size)
    wash = sheet * np.clip(0.2 + 0.9 * wash, 0, 1)
    lines = np.clip(_edges(canvas, scene) * (1 + 6 * bleed) * 1.25, 0, 1)
    ink = np.array([0.09, 0.09, 0.13], np.float32)[:, None, None]
    return wash + 0.92 * lines * (ink - wash)


def _steps(tone: np.ndarray, edges: tuple[float, ...]) -> np.ndarray:
    """Four to six flat tones with soft borders."""
    total = np.full_like(tone, edges[0])
    for low, high in pairwise(edges):
        total += (high - low) * smoothstep((low + high) / 2 - 0.03, (low + high) / 2 + 0.03, tone)
    return total


_FINISH = {"painterly": _painterly, "ink": _ink, "cel": _cel, "mono": _mono}
