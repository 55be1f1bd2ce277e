"""A translation with the edges of its photo, by the guided filter of He et al. 2010 (Guided image filtering).

What the filter gives is, in every small window and colour channel, the guide's brightness times one number plus
another. So borders are as sharp as in the photo, and blots that have no cause in the photo go. Wang and Yu 2020
(Learning to cartoonize using white-box cartoon representations) put it behind a generator too. The guide here is the
photo without its texture: filtered by itself (He et al. 2010, section 3.2), it keeps its borders and loses the rest.
"""

from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from engine.errors import InvalidRequest, Problem

CALMINGS = 2  # times that the photo is filtered by itself
LARGE = 24  # pixels: radius of the windows in which an area's own colours are taken
LARGE_FLAT = 0.04  # variance below which the photo counts as one area there
SHARPENED = 2  # pixels: radius of the mean from which sharpening draws away


@dataclass(frozen=True, slots=True)
class Refinement:
    """How closely a translation follows its photo. Variances are of pixels in [-1, 1].

    Attributes:
        radius: of the windows in pixels, 1 to 64.
        epsilon: variance below which the calm photo counts as flat; above 0, at most 1.
        calm: variance below which the photo's texture goes; above 0, at most 1.
        sharpness: 0 to 4, share of the difference to its surroundings that is added to every pixel (unsharp mask).
        colours: 0 to 1, share of the photo's own colours of large areas that is kept. Instance norm does not know how
            bright a photo was; this brings it back.

    Raises:
        InvalidRequest: values lie outside their ranges; all are reported together.
    """

    radius: int = 8
    epsilon: float = 0.001
    calm: float = 0.02
    sharpness: float = 1.25
    colours: float = 0.0

    def __post_init__(self) -> None:
        rules = {
            "radius": (isinstance(self.radius, int) and 1 <= self.radius <= 64, "a whole number from 1 to 64"),
            "epsilon": (0 < self.epsilon <= 1, "above 0 and at most 1"),
            "calm": (0 < self.calm <= 1, "above 0 and at most 1"),
            "sharpness": (0 <= self.sharpness <= 4, "from 0 to 4"),
            "colours": (0 <= self.colours <= 1, "from 0 to 1"),
        }
        problems = [
            Problem(name, f"{name} must be {rule}; got {getattr(self, name)!r}.")
            for name, (kept, rule) in rules.items()
            if not kept
        ]
        if problems:
            raise InvalidRequest(problems)

    @property
    def calm_radius(self) -> int:
        """Of the windows in which the photo's texture is judged, in pixels."""
        return max(1, self.radius // 2)

    @property
    def reach(self) -> int:
        """Pixels that are seen around a pixel: a guided filter looks two windows far."""
        reach = 2 * CALMINGS * self.calm_radius + 2 * self.radius + SHARPENED
        return reach + 2 * LARGE if self.colours else reach

    @property
    def values(self) -> dict[str, Any]:
        """For recipes and sidecars; they name no colours where none are kept, as before there was a choice."""
        return {name: value for name, value in asdict(self).items() if name != "colours" or value}


def refined(fake: Tensor, photo: Tensor, refinement: Refinement) -> Tensor:
    """The translation, filtered channel by channel with its calm photo as the guide, then sharpened.

    Args:
        fake, photo: (N, 3, H, W) float32 in [-1, 1].

    Returns:
        The same shape and range.
    """
    guide = photo
    for _ in range(CALMINGS):
        guide = guided_filter(guide, guide, refinement.calm_radius, refinement.calm)
    fake = guided_filter(guide, fake, refinement.radius, refinement.epsilon)
    fake = fake + refinement.sharpness * (fake - _mean(fake, SHARPENED))
    if refinement.colours:
        fake = fake + refinement.colours * guided_filter(photo, photo - fake, LARGE, LARGE_FLAT)
    return fake.clamp(-1, 1)


def guided_filter(guide: Tensor, picture: Tensor, radius: int, epsilon: float) -> Tensor:
    """He et al. 2010, algorithm 1, for every channel by itself.

    Args:
        guide, picture: (N, C, H, W) floating point.
        radius: of the square windows, in pixels; less where the picture is smaller than a window.
        epsilon: in squared units of the guide.

    Returns:
        (N, C, H, W); values may leave the picture's range a little.
    """
    mean_guide = mean_picture = _mean(guide, radius)
    variance = covariance = _mean(guide.square(), radius) - mean_guide.square()
    if picture is not guide:
        mean_picture = _mean(picture, radius)
        covariance = _mean(guide * picture, radius) - mean_guide * mean_picture
    slope = covariance / (variance + epsilon)
    return _mean(slope, radius) * guide + _mean(mean_picture - slope * mean_guide, radius)


def _mean(x: Tensor, radius: int) -> Tensor:
    """Over windows, borders mirrored."""
    if x.device.type == "cpu" and not x.requires_grad:
        return _mean_by_opencv(x, radius)
    for _ in range(2):  # along rows, then, turned over, along columns
        x = _mean_along_rows(x, radius).transpose(2, 3).contiguous()
    return x


def _mean_by_opencv(x: Tensor, radius: int) -> Tensor:
    """Several times as quick as running sums in PyTorch."""
    window = tuple(2 * min(radius, side - 1) + 1 for side in (x.shape[3], x.shape[2]))
    planes = x.contiguous().flatten(0, 1).numpy()
    blurred = np.stack([cv2.blur(plane, window, borderType=cv2.BORDER_REFLECT_101) for plane in planes])
    return torch.from_numpy(blurred).view(x.shape)


def _mean_along_rows(x: Tensor, radius: int) -> Tensor:
    """From differences of running sums, which cost the same for every radius.

    In float32 they err by some 1e-5 of the largest value where a side has a thousand pixels.
    """
    reach = min(radius, x.shape[3] - 1)
    length = 2 * reach + 1
    running = F.pad(x, (reach, reach, 0, 0), mode="reflect").cumsum(3)
    sums = torch.cat([running[..., length - 1 : length], running[..., length:] - running[..., :-length]], 3)
    return sums / length
