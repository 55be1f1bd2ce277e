"""Warm light, cool shadow, and colours that are rich but not neon."""

import numpy as np

from engine.translation.painter.moods import Mood
from engine.translation.painter.pixels import step

AMBIENT, AMBIENT_REACH = 16.0, 26.0  # L that the sky's light adds to black, and by which it fades in lighter places
LEAST_BLUE, MOST_BLUE = 5.0, 26.0  # below 0 of b* that light and dark land may get, beside what it has
STONE_HUE, STONE_SHARE = 1.25, 0.7  # radians in a*b* of stone and sand, and how much less than others it gains
GRASS_HUE, GRASS_SHIFT = 1.95, 0.24  # radians in a*b*: yellowish greens turn fresher


def lit(light: np.ndarray, lift: float) -> np.ndarray:
    """Lightness 0 to 100 with brighter shadows and middle tones, then more contrast; black and white stay."""
    lifted = (light.clip(0, 100) / 100) ** (1 - 0.5 * lift)
    return 100 * (0.5 * lifted + 0.5 * lifted * lifted * (3 - 2 * lifted))


def enriched(a: np.ndarray, b: np.ndarray, factor: float) -> tuple[np.ndarray, np.ndarray]:
    """Weak colours gain `factor`, those at chroma 72 or more nothing; near grey the gain is small, so white stays, and
    stone stays stone: creamy, not orange."""
    chroma = np.hypot(a, b)
    stone = STONE_SHARE * np.exp(-(((np.arctan2(b, a) - STONE_HUE) / 0.3) ** 2))
    gain = 1 + (factor - 1) * (1 - stone) * (1 - chroma / 72).clip(0, 1) * step(chroma, 1, 9)
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
    lightness += AMBIENT * light * np.exp(lightness * (-1 / AMBIENT_REACH))
    a, b = enriched(lab[..., 1], lab[..., 2], 1 + 1.15 * colour)
    a, b = freshened(a, b, colour)
    shadow = light * step(lightness, 62, 18)
    sun = light * step(lightness, 45, 78) * step(lightness, 99.5, 93) * step(np.hypot(a, b), 2, 12)
    warm_b = mood.warm[1] * sun * step(b, -8, 4)
    air_a, air_b = (min(1.0, 2 * light) * part for part in mood.air)
    a, b = turned(a, b, air_a + mood.cool[0] * shadow + mood.warm[0] * sun, air_b + mood.cool[1] * shadow + warm_b)
    return np.stack([lightness, a, b], -1)


def bounded(lab: np.ndarray, own: np.ndarray) -> np.ndarray:
    """The land without blue that its photo does not have: light places hardly get bluer, dark ones may.

    Args:
        lab: (H, W, 3), in its light.
        own: (H, W) b* of the photo there.
    """
    lightness, a, b = (lab[..., channel] for channel in range(3))
    most = LEAST_BLUE + (MOST_BLUE - LEAST_BLUE) * step(lightness, 66, 26) + 1.8 * (-own).clip(0)
    share = most / np.maximum(-b, most)
    return np.dstack([lightness, a * share, b * share])


def shaded(lab: np.ndarray, tone: np.ndarray, share: float) -> np.ndarray:
    """Places darker than their mass turn to blue and violet, lighter ones to yellow, as outdoors.

    Args:
        tone: (H, W) L by which a place differs from its mass.
        share: how far, from 0 on; at 1 a place that is much darker moves by 14 in b*.
    """
    lightness, a, b = (lab[..., channel] for channel in range(3))
    turn = share * np.tanh(tone / 10) * step(lightness, 4, 30)
    turn *= np.where(turn < 0, 1.0, 0.5 * step(lightness, 92, 78) * step(np.hypot(a, b), 3, 12)).astype(np.float32)
    return np.dstack([lightness, *turned(a, b, -2.5 * turn, 14 * turn)])


def turned(a: np.ndarray, b: np.ndarray, to_a: np.ndarray, to_b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Colours moved by `to_a` and `to_b`; greens stay as colourful in another hue, where others may turn grey.

    Browns would turn pink if they did.
    """
    before, green = np.hypot(a, b), step(a, 3, -5)
    a, b = a + to_a, b + to_b
    gain = 1 + green * (0.92 * before / np.maximum(np.hypot(a, b), 4) - 1).clip(0)
    return a * gain, b * gain
