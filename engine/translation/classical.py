"""A translator without weights: smoothing that keeps edges, flat light, clean lines, and the colours of painted skies.

It is the teacher when no trained network is at hand. The steps are those of Winnemöller et al. 2006 (Real-time video
abstraction): smooth along edges, flatten lightness, draw lines from a difference of Gaussians. The grading is made
after anime backgrounds: bright, saturated, shadows towards blue, clear skies.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from engine.errors import InvalidRequest, Problem
from engine.images import from_array, to_pil
from engine.scenes.brush import kuwahara
from engine.translation.guided import guided_filter

REFERENCE_SIDE = 768  # long side at which the distances below are pixels
SHADOW_TINT = (1.5, -9.0)  # a*, b* that black would get: blue
GRASS_HUE, GRASS_SHIFT = 2.05, 0.12  # radians in a*b*: yellowish greens turn fresher


@dataclass(frozen=True, slots=True)
class Look:
    """How far the picture is taken.

    Attributes:
        smoothing: 0 to 1, strength of the edge-preserving filter.
        levels: of lightness, 2 to 32.
        lines: 0 to 1, how dark lines are.
        saturation: factor of weak colours, 0 to 3; strong ones gain less.
        brightness: 0 to 1, how far shadows and middle tones are lifted.
        sky: 0 to 1, how far the sky is taken to a painted one.

    Raises:
        InvalidRequest: a value lies outside its range.
    """

    smoothing: float = 0.5
    levels: int = 10
    lines: float = 0.55
    saturation: float = 1.55
    brightness: float = 0.5
    sky: float = 0.8

    def __post_init__(self) -> None:
        ranges = {"smoothing": (0, 1), "levels": (2, 32), "lines": (0, 1), "saturation": (0, 3)}
        ranges |= {"brightness": (0, 1), "sky": (0, 1)}
        problems = [
            Problem(name, f"{name} must lie from {low} to {high}; got {getattr(self, name)!r}.")
            for name, (low, high) in ranges.items()
            if not low <= getattr(self, name) <= high
        ]
        if problems:
            raise InvalidRequest(problems)


def illustrate(photo: Tensor, look: Look = Look()) -> Tensor:
    """Turn photos into illustrations.

    Args:
        photo: (N, 3, H, W) float32 in [-1, 1].

    Returns:
        The same shape and range.
    """
    return torch.cat([_illustrate(picture, look) for picture in photo])


def _illustrate(photo: Tensor, look: Look) -> Tensor:
    pixels = np.asarray(to_pil(photo[None])[0])
    scale = max(pixels.shape) / REFERENCE_SIDE
    smooth = _smoothed(pixels, look.smoothing, scale)
    lab = cv2.cvtColor(smooth.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)  # L 0..100, a and b about -100..100
    sky = _sky(lab, pixels, scale)[..., None] * look.sky
    graded = (1 - sky) * _land(lab, look) + sky * _painted_sky(lab, look)
    graded[..., 0] *= 1 - look.lines * _lines(lab[..., 0], scale) * (1 - 0.7 * sky[..., 0])
    rgb = cv2.cvtColor(graded.astype(np.float32), cv2.COLOR_Lab2RGB)
    return from_array((rgb.clip(0, 1) * 255).round().astype(np.uint8)[None])


def _smoothed(pixels: np.ndarray, strength: float, scale: float) -> np.ndarray:
    """Specks away, textures flat (Gastal and Oliveira 2011), then brush-like patches with crisp borders."""
    if strength == 0:
        return pixels
    calm = cv2.medianBlur(pixels, 2 * max(1, round(scale)) + 1)
    calm = cv2.edgePreservingFilter(calm, flags=cv2.RECURS_FILTER, sigma_s=max(2.0, 8 * scale), sigma_r=0.36 * strength)
    painted = calm.transpose(2, 0, 1).astype(np.float32) / 255
    for radius in (3 * scale, 2 * scale):
        painted = kuwahara(painted, max(1, round(2 * strength * radius)))
    return (painted.transpose(1, 2, 0) * 255).round().clip(0, 255).astype(np.uint8)


def _land(lab: np.ndarray, look: Look) -> np.ndarray:
    light = _flattened(_lifted(lab[..., 0], look.brightness), look.levels)
    a, b = _saturated(lab[..., 1], lab[..., 2], look.saturation)
    a, b = _fresher_greens(a, b)
    dark = ((1 - light / 100) ** 2)[..., None]
    tinted = np.stack([a, b], axis=-1) * (1 - 0.35 * dark) + dark * np.array(SHADOW_TINT)
    return np.concatenate([light[..., None], tinted], axis=-1)


def _lifted(light: np.ndarray, brightness: float) -> np.ndarray:
    """Brighter shadows and middle tones, then more contrast: black and white stay."""
    lifted = (light.clip(0, 100) / 100) ** (1 - 0.5 * brightness)
    return 100 * (0.45 * lifted + 0.55 * lifted * lifted * (3 - 2 * lifted))


def _flattened(light: np.ndarray, levels: int) -> np.ndarray:
    """Soft steps of lightness (Winnemöller et al. 2006, equation 6): flat areas without hard contours."""
    width = 100 / levels
    nearest = (light / width).round() * width
    return nearest + 0.5 * width * np.tanh(3.2 * (light - nearest) / width)


def _saturated(a: np.ndarray, b: np.ndarray, factor: float) -> tuple[np.ndarray, np.ndarray]:
    """Weak colours gain `factor`, those at chroma 70 or more nothing."""
    chroma = np.hypot(a, b)
    gain = 1 + (factor - 1) * (1 - chroma / 70).clip(0, 1)
    return a * gain, b * gain


def _fresher_greens(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    hue = np.arctan2(b, a)
    turn = GRASS_SHIFT * np.exp(-(((hue - GRASS_HUE) / 0.35) ** 2))
    cosine, sine = np.cos(turn), np.sin(turn)
    return cosine * a - sine * b, sine * a + cosine * b


def _sky(lab: np.ndarray, pixels: np.ndarray, scale: float) -> np.ndarray:
    """(H, W) in [0, 1]: smooth, light or blue areas that reach the upper border, with soft edges."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    busy = cv2.blur(np.abs(cv2.Laplacian(grey, cv2.CV_32F, ksize=3)), (2 * round(4 * scale) + 1,) * 2)
    light, a, b = (lab[..., channel] for channel in range(3))
    blue_or_pale = (b < 4 + 0.25 * (light - 60)) & (a > -14) & (light > 38)
    smooth, pale_enough = (busy < 14) & blue_or_pale, blue_or_pale
    if smooth.any():  # haze on far mountains is as blue and as smooth, but darker
        pale_enough = blue_or_pale & (light > np.percentile(light[smooth], 85) - 26)
        smooth &= pale_enough
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(3 * scale) + 1,) * 2)
    candidate = cv2.morphologyEx(
        cv2.morphologyEx(smooth.astype(np.uint8), cv2.MORPH_OPEN, kernel), cv2.MORPH_CLOSE, kernel
    )
    _, labels, stats, _ = cv2.connectedComponentsWithStats(candidate)
    reaching = np.unique(labels[: max(1, len(labels) // 50)])
    large = [label for label in reaching if label and stats[label, cv2.CC_STAT_AREA] > 0.02 * labels.size]
    mask = np.isin(labels, large)
    # Towards edges the sky was too busy; where it goes on in its own colours it is sky, or a bright rim is left.
    rim = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(9 * scale) + 1,) * 2)
    mask |= cv2.dilate(mask.astype(np.uint8), rim).astype(bool) & pale_enough
    return _guided(mask.astype(np.float32), grey / 255, radius=max(2, round(5 * scale)), epsilon=2e-3).clip(0, 1)


def _painted_sky(lab: np.ndarray, look: Look) -> np.ndarray:
    """Deep blue above, light at the horizon; clouds white; warm skies stay warm."""
    light, a, b = (lab[..., channel] for channel in range(3))
    height = np.linspace(1, 0, len(lab), dtype=np.float32)[:, None]
    warm = ((b - 6) / 14).clip(0, 1)
    cloud = ((light - 78) / 14).clip(0, 1) * (1 - (np.hypot(a, b) / 22).clip(0, 1))
    blue = np.stack(
        [66 + 22 * (1 - height) + 0.25 * (light - 70), -6 - 6 * height + 0 * a, -26 - 18 * height + 0 * b], -1
    )
    bright = np.stack([_flattened(88 + 0.5 * (light - 80), 16), 0.2 * a, -3 + 0.2 * b], axis=-1)
    a2, b2 = _saturated(a, b, look.saturation)
    glow = np.stack([_lifted(light, look.brightness), a2 + 4, b2], axis=-1)
    clear = cloud[..., None] * bright + (1 - cloud[..., None]) * blue
    return warm[..., None] * glow + (1 - warm[..., None]) * clear


def _lines(light: np.ndarray, scale: float) -> np.ndarray:
    """(H, W) in [0, 1]: dark sides of strong edges, from a difference of Gaussians (Winnemöller et al. 2006, eq. 7)."""
    sigma = max(0.7, 1.1 * scale)
    inner, outer = (cv2.GaussianBlur(light / 100, (0, 0), width) for width in (sigma, 1.6 * sigma))
    return np.tanh(np.maximum(0.99 * outer - inner - 0.004, 0) * 38)


def _guided(mask: np.ndarray, guide: np.ndarray, radius: int, epsilon: float) -> np.ndarray:
    """The mask with the guide's edges."""
    as_guide, as_picture = (torch.from_numpy(values)[None, None] for values in (guide, mask))
    return guided_filter(as_guide, as_picture, radius, epsilon)[0, 0].numpy()
