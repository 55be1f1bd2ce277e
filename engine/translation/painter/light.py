"""Warm light, cool shadow, and colours that are rich but not neon."""

import numpy as np

from engine.translation.painter.moods import Mood
from engine.translation.painter.pixels import step

GRASS_HUE, GRASS_SHIFT = 1.95, 0.16  # radians in a*b*: yellowish greens turn fresher


def lit(light: np.ndarray, lift: float) -> np.ndarray:
    """Lightness 0 to 100 with brighter shadows and middle tones, then more contrast; black and white stay."""
    lifted = (light.clip(0, 100) / 100) ** (1 - 0.42 * lift)
    return 100 * (0.5 * lifted + 0.5 * lifted * lifted * (3 - 2 * lifted))


def enriched(a: np.ndarray, b: np.ndarray, factor: float) -> tuple[np.ndarray, np.ndarray]:
    """Weak colours gain `factor`, those at chroma 72 or more nothing; near grey the gain is small, so white stays."""
    chroma = np.hypot(a, b)
    gain = 1 + (factor - 1) * (1 - chroma / 72).clip(0, 1) * step(chroma, 1, 9)
    return a * gain, b * gain


def freshened(a: np.ndarray, b: np.ndarray, colour: float) -> tuple[np.ndarray, np.ndarray]:
    """Yellowish greens, turned towards green."""
    turn = colour * GRASS_SHIFT * np.exp(-(((np.arctan2(b, a) - GRASS_HUE) / 0.35) ** 2))
    cosine, sine = np.cos(turn), np.sin(turn)
    return cosine * a - sine * b, sine * a + cosine * b


def graded(lab: np.ndarray, mood: Mood, light: float, colour: float) -> np.ndarray:
    """The land in its light.

    Args:
        lab: (H, W, 3).
        light: 0 (as the photo) to 1 (bright; warm light and cool shadow).
        colour: 0 (as the photo) to 1 (rich).
    """
    lightness = lit(lab[..., 0], light)
    a, b = enriched(lab[..., 1], lab[..., 2], 1 + 0.9 * colour)
    a, b = freshened(a, b, colour)
    shadow = light * step(lightness, 55, 12)
    sun = light * step(lightness, 45, 78) * step(lightness, 99.5, 93) * step(np.hypot(a, b), 2, 12)
    a = a + mood.cool[0] * shadow + mood.warm[0] * sun
    b = b * (1 - 0.25 * shadow) + mood.cool[1] * shadow + mood.warm[1] * sun * step(b, -8, 4)
    return np.stack([lightness, a, b], -1)
