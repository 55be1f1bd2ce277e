"""Two or three tones for each region."""

import numpy as np

from engine.translation.painter.pixels import soft, step

CROSSING = 0.55  # spreads from the region's mean at which the lighter and the darker tone begin


def toned(
    flat: np.ndarray,
    picture: np.ndarray,
    scale: float,
    hardness: float = 3.0,
    gain: float = 1.15,
    faint: tuple[float, float] = (0.8, 3.0),
) -> np.ndarray:
    """The region's lightness, a lighter tone and a darker one, where the picture leaves it that far.

    Args:
        flat: (H, W) lightness of the regions, 0 to 100.
        picture: (H, W) lightness that they stand for.
        hardness: of the steps from tone to tone; about 1 is soft.
        faint: spreads up to which there is one tone alone, and from which on there are all.
        gain: 1 keeps the picture's local contrast.

    Returns:
        (H, W) lightness.
    """
    apart = picture - flat
    around = 14 * scale
    middle = soft(apart, around)
    spread = np.sqrt(np.maximum(soft(apart * apart, around) - middle * middle, 0)) + 0.6
    place = (apart - middle) / spread
    levels = np.tanh(hardness * (place - CROSSING)) + np.tanh(hardness * (place + CROSSING))
    return flat + middle + 0.62 * gain * spread * step(spread, *faint) * levels


def grouped(light: np.ndarray, values: float = 14.0, share: float = 0.9) -> np.ndarray:
    """Lightness drawn towards a few values, `values` apart, with soft steps between."""
    turn = 2 * np.pi / values
    return light - share / turn * np.sin(turn * light)
