"""The colours of a time of day: sky, clouds, light and shadow."""

from dataclasses import dataclass

import numpy as np

from engine.translation.painter.pixels import colour
from engine.translation.painting import MOODS


@dataclass(frozen=True, slots=True)
class Mood:
    """Colours are L*, a*, b*, or a*, b* alone.

    Attributes:
        top, horizon: of the sky.
        lit, shade: a*, b* of clouds.
        cloud_light: factor of the clouds' lightness.
        warm, cool: a*, b* that light and shadow get on land.
        dim: 0 (the land's own lightness) to 1 (night).
        always: whether its sky is painted over dusk and night too.
    """

    top: tuple[float, float, float]
    horizon: tuple[float, float, float]
    lit: tuple[float, float]
    shade: tuple[float, float]
    cloud_light: float
    warm: tuple[float, float]
    cool: tuple[float, float]
    dim: float = 0.0
    always: bool = True

    def gradient(self, height: np.ndarray) -> np.ndarray:
        """(H, W, 3) Lab of its clear sky; height (H, W), 0 at the horizon and 1 above."""
        top, horizon = colour(*self.top), colour(*self.horizon)
        return horizon + (top - horizon) * (height**0.75)[..., None]


_DAY, _GOLDEN, _NIGHT = MOODS
OF = {
    _DAY: Mood((60, -5, -47), (93, -11, -13), (0, 1.5), (-1, -13), 1.0, (2, 9), (5, -26), always=False),
    _GOLDEN: Mood((60, 10, -28), (86, 13, 40), (8, 24), (17, -8), 0.95, (14, 34), (13, -28)),
    _NIGHT: Mood((14, 8, -32), (38, -3, -34), (2, -18), (4, -27), 0.38, (0, 0), (4, -20), dim=1.0),
}
