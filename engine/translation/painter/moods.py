"""The colours of a time of day: sky, clouds, light and shadow."""

from dataclasses import dataclass

import numpy as np

from engine.translation.painter.pixels import colour, step
from engine.translation.painting import MOODS

MIDDLE = 0.4  # of the way up, as skies go: where a mood's middle colour stands


@dataclass(frozen=True, slots=True)
class Mood:
    """Colours are L*, a*, b*, or a*, b* alone.

    Attributes:
        top, middle, horizon: of the sky; the middle is a third of the way up, none leaves it between the two.
        lit, shade: a*, b* of clouds.
        cloud_light: factor of the clouds' lightness.
        warm, cool: a*, b* that light and shadow get on land.
        air: a*, b* that all of the land gets.
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
    air: tuple[float, float] = (0, 0)
    middle: tuple[float, float, float] | None = None
    dim: float = 0.0
    always: bool = True

    def gradient(self, height: np.ndarray) -> np.ndarray:
        """(H, W, 3) Lab of its clear sky; height (H, W), 0 at the horizon and 1 above."""
        top, horizon = colour(*self.top), colour(*self.horizon)
        rise = (height**0.75)[..., None]
        plain = horizon + (top - horizon) * rise
        if self.middle is None:
            return plain
        hill = np.minimum(rise / MIDDLE, (1 - rise) / (1 - MIDDLE)).clip(0, 1)
        return plain + (colour(*self.middle) - horizon - (top - horizon) * MIDDLE) * step(hill, 0, 1)


_DAY, _GOLDEN, _NIGHT = MOODS
OF = {
    _DAY: Mood((55, -3, -50), (93, -11, -13), (0, 1.5), (4, -15), 1.0, (2, 9), (5, -26), always=False),
    _GOLDEN: Mood((50, 14, -40), (88, 13, 44), (7, 25), (20, -12), 0.97, (14, 34), (13, -28), (5, 15), (76, 28, 6)),
    _NIGHT: Mood((13, 10, -34), (44, -6, -34), (-2, -15), (8, -30), 0.55, (0, 0), (4, -20), dim=1.0),
}
