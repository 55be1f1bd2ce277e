"""The compact network of Real-ESRGAN (SRVGGNetCompact), which ships, and what every network looks like to the tiles."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Compact(nn.Module):
    """Convolutions at the small size, then one shuffle to the large one; the picture itself is added, pixels repeated.

    Wang et al., Real-ESRGAN, 2021 (github.com/xinntao/Real-ESRGAN, BSD-3-Clause): SRVGGNetCompact with slopes learnt
    for each channel. Names of the tensors are those of its files.

    Args:
        features: channels between the convolutions.
        convolutions: between the first and the last one.
        scale: how much larger height and width become.
    """

    def __init__(self, features: int = 64, convolutions: int = 16, scale: int = 4):
        super().__init__()
        self.scale = scale
        layers: list[nn.Module] = [nn.Conv2d(3, features, 3, padding=1), nn.PReLU(features)]
        for _ in range(convolutions):
            layers += [nn.Conv2d(features, features, 3, padding=1), nn.PReLU(features)]
        layers.append(nn.Conv2d(features, 3 * scale**2, 3, padding=1))
        self.body = nn.Sequential(*layers)

    @property
    def reach(self) -> int:
        """Pixels that it sees around a pixel: one for each convolution of 3x3."""
        return sum(isinstance(layer, nn.Conv2d) for layer in self.body)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) in [0, 1] to (N, 3, scale H, scale W), not clipped."""
        detail = F.pixel_shuffle(self.body(x), self.scale)
        return detail + F.interpolate(x, scale_factor=self.scale, mode="nearest")


@dataclass(frozen=True, slots=True)
class Network:
    """An upscaling network on its device.

    Attributes:
        ask: (1, 3, H, W) in [0, 1] on the device, in its number format, to (1, 3, scale H, scale W).
        scale: 2 or more.
        reach: pixels to which it sees around a pixel, of the picture that it is given; None where that is not known.
    """

    ask: Callable[[Tensor], Tensor]
    scale: int
    reach: int | None
    device: torch.device
    dtype: torch.dtype


def compact(tensors: Mapping[str, Tensor]) -> Compact:
    """The compact network with these numbers, in single precision.

    Raises:
        KeyError, RuntimeError, IndexError, ValueError: they are not a compact network's.
    """
    last = max(int(name.split(".")[1]) for name in tensors)
    features = tensors["body.0.weight"].shape[0]
    scale = round((tensors[f"body.{last}.bias"].shape[0] / 3) ** 0.5)
    model = Compact(features, (last - 2) // 2, scale)
    model.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    return model.eval().requires_grad_(False)
