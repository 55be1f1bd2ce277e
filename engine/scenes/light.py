"""The colours of the hour and the weather, and where the light comes from."""

from dataclasses import dataclass, replace

import numpy as np

from engine.scenes.noise import stream
from engine.scenes.scene import Scene


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours are (3,) float32 in [0, 1]; light and ambient multiply the colour of things."""

    zenith: np.ndarray
    middle: np.ndarray
    horizon: np.ndarray
    light: np.ndarray
    ambient: np.ndarray
    cloud_lit: np.ndarray
    cloud_shade: np.ndarray
    fog: np.ndarray
    brightness: float  # 0 deep night .. 1 noon; how strongly white things shine


def _rgb(text: str) -> np.ndarray:
    return np.array([int(text[i : i + 2], 16) for i in (0, 2, 4)], np.float32) / 255


# zenith, middle, horizon, light, ambient, lit cloud, shaded cloud; two or three moods of the sky for each hour
_SKIES = {
    "dawn": (
        ("7fa4d6", "d3bfd8", "ffdcc0", "f4bcb0", "8480a8", "fff0e6", "c3a9c8"),
        ("8fb4d8", "e8c6cf", "ffe6b8", "f6c4b0", "8884a6", "fff2e0", "cdb0c0"),
        ("9a9fd4", "eab8c8", "ffd0b0", "f4b8b4", "867cac", "ffe8e2", "bf9fc6"),
    ),
    "day": (
        ("2f78cc", "76b4e8", "cfeaf4", "fff2d6", "7288ac", "ffffff", "a8c4e0"),
        ("3a90d0", "8ccdea", "e2f2ea", "fff4da", "748ea8", "ffffff", "b4cfe0"),
        ("2868b8", "64a4e2", "bfe0f6", "fff0d2", "6c84b0", "ffffff", "9cb8dc"),
    ),
    "sunset": (
        ("5a3c86", "e0625a", "ffbe58", "ff9a54", "6e4a70", "ffb070", "8a4a78"),
        ("3f3a80", "d8506c", "ffa04c", "ff8c58", "68466e", "ff9a74", "743e74"),
        ("7a5a94", "f08a52", "ffdc78", "ffb060", "7a5468", "ffc884", "9c5c70"),
    ),
    "dusk": (
        ("1f2460", "5a4a96", "d088a8", "8a7cba", "46447c", "8c6ca4", "3c3670"),
        ("262058", "6c4690", "dc8c98", "9078b0", "4a4078", "946a9c", "40326c"),
        ("1c2c66", "4a5aa0", "b08cb8", "8484c0", "424a80", "7c74ac", "343a74"),
    ),
    "night": (
        ("060c2c", "10265c", "34609c", "6c8cc8", "2a3c70", "3c5488", "121f48"),
        ("0a0a30", "1c2660", "465a9c", "7484c4", "32396e", "44507e", "181c46"),
        ("04122e", "0c3056", "2c6c94", "6698c0", "26446c", "365c7c", "0e2642"),
    ),
    "aurora": (
        ("050c28", "0a2c4c", "1d6470", "4ca498", "1b3c56", "2a5a68", "0c2436"),
        ("08082c", "14264e", "245c78", "58a09c", "20385a", "305668", "101e3c"),
    ),
}
_BRIGHTNESS = {"dawn": 0.95, "day": 1.0, "sunset": 0.8, "dusk": 0.45, "night": 0.28, "aurora": 0.3}
# Overcast greys keep a tint of the hour, so that the hour can still be told in rain.
_OVERCAST = {
    "dawn": "c6a8ba",
    "day": "8c9cac",
    "sunset": "a8627a",
    "dusk": "5c4684",
    "night": "22345a",
    "aurora": "16303c",
}
# How far (zenith, middle, horizon) go to the overcast grey, how much direct light is left, and how bright the grey is.
_WEATHER = {
    "clear": ((0.0, 0.0, 0.0), 1.0, 1.0),
    "cloudy": ((0.15, 0.1, 0.0), 0.9, 1.0),
    "fog": ((0.6, 0.6, 0.42), 0.7, 1.12),
    "rain": ((0.85, 0.75, 0.45), 0.5, 0.72),
    "snow": ((0.6, 0.5, 0.3), 0.75, 0.95),
    "storm": ((0.92, 0.85, 0.35), 0.42, 0.42),
}


def palette(scene: Scene) -> Palette:
    """The palette of this scene: hour, weather and a little jitter of its own."""
    rng = stream(scene.seed, "palette")
    skies = _SKIES[scene.time]
    colours = [_rgb(text) for text in skies[int(rng.integers(len(skies)))]]
    jitter = 1 + 0.05 * (2 * rng.random((7, 3)) - 1) + 0.05 * (2 * rng.random((7, 1)) - 1)
    zenith, middle, horizon, light, ambient, lit, shade = (
        np.clip(c * j, 0, 1).astype(np.float32) for c, j in zip(colours, jitter, strict=True)
    )
    base = Palette(zenith, middle, horizon, light, ambient, lit, shade, horizon, _BRIGHTNESS[scene.time])
    return _under_weather(base, scene)


def _under_weather(base: Palette, scene: Scene) -> Palette:
    shares, direct, tone = _WEATHER[scene.weather]
    if base.brightness < 0.5:
        tone **= 0.35  # what is dark already must not drown
    grey = np.clip(_rgb(_OVERCAST[scene.time]) * tone, 0, 1)
    mixed = [c + (grey - c) * s for c, s in zip((base.zenith, base.middle, base.horizon), shares, strict=True)]
    dull = shares[0]
    ambient = base.ambient + (grey * 0.75 - base.ambient) * dull * 0.6
    ambient = (
        ambient * (1 + (0.35 if base.brightness > 0.5 else 0.75) * (1 - direct))
        if scene.weather != "storm"
        else ambient
    )
    return replace(
        base,
        zenith=mixed[0],
        middle=mixed[1],
        horizon=mixed[2],
        light=base.light * direct,
        ambient=ambient,
        cloud_lit=base.cloud_lit + (np.clip(grey * 1.35, 0, 1) - base.cloud_lit) * dull * 0.85,
        cloud_shade=base.cloud_shade + (grey * 0.6 - base.cloud_shade) * dull * 0.9,
        fog=mixed[2] * 0.65 + mixed[1] * 0.35,
    )


def shade(data: np.ndarray, colours: Palette, steps: bool = False) -> np.ndarray:
    """Light the layers of a canvas.

    Args:
        data: (9, H, W) canvas layers.
        colours: the palette of the scene.
        steps: flat areas of light and shade with crisp edges instead of a smooth turn.

    Returns:
        (3, H, W) float32, about [0, 1.3].
    """
    lit = data[3]
    if steps:
        lit = 0.12 + 0.42 * _edge(lit, 0.36) + 0.38 * _edge(lit, 0.66)
    image = data[0:3] * (colours.ambient[:, None, None] + colours.light[:, None, None] * lit)
    image -= 0.45 * np.maximum(image - 0.7, 0)  # bright things keep their shading
    image += data[4] * (colours.fog[:, None, None] - image)
    return image + data[5:8]


def _edge(x: np.ndarray, at: float) -> np.ndarray:
    return np.clip((x - at) * 14 + 0.5, 0, 1)
