"""The generator of CycleGAN (Zhu et al. 2017), in the shape of its PyTorch release and of two common variants.

It differs from CUT's (`engine.translation.networks.generator`) in how it changes size: convolutions with stride 2 and
transposed ones, without anti-aliasing.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Literal

from torch import Tensor, nn

from engine.translation.networks.affine_norm import AffineNorm
from engine.translation.networks.norms import InstanceNorm
from engine.translation.networks.ode import ResidualBlock


def _transposed(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1)]


def _nearest(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Upsample(scale_factor=2), nn.Conv2d(inputs, outputs, 3, padding=1)]


ENLARGING: dict[str, Callable[[int, int], list[nn.Module]]] = {"transposed": _transposed, "nearest": _nearest}


BORDERS = {"zeros": "zeros", "reflect": "reflect"}


class CycleGan(nn.Module):
    """Photo to painting or anime; 11,378,179 parameters in the published size.

    Args:
        width: channels of the first layer; the residual blocks have four times as many.
        blocks: residual blocks: 9 as published for 256 px, 6 for 128 px.
        affine: whether its instance norms have learned scales and shifts; the published ones have none.
        enlarging: "transposed" convolutions as published, or a convolution behind the "nearest" pixels.
        border: of the convolutions that halve the size: "zeros" as published, or "reflect".
    """

    def __init__(
        self,
        width: int = 64,
        blocks: int = 9,
        affine: bool = False,
        enlarging: str = "transposed",
        border: Literal["zeros", "reflect"] = "zeros",
    ) -> None:
        super().__init__()
        channels = 4 * width
        self.affine, self.enlarging = affine, enlarging
        norm: Callable[[int], nn.Module] = AffineNorm if affine else _plain_norm
        larger = ENLARGING[enlarging]
        activated = partial(_activated, norm)
        halving = partial(nn.Conv2d, kernel_size=3, stride=2, padding=1, padding_mode=BORDERS[border])
        self.encoder = nn.Sequential(
            *activated(width, nn.Conv2d(3, width, 7, padding=3, padding_mode="reflect")),  # (N, 64, H, W)
            *activated(2 * width, halving(width, 2 * width)),  # (N, 128, H/2, W/2)
            *activated(channels, halving(2 * width, channels)),  # (N, 256, H/4, W/4)
        )
        self.bottleneck = nn.Sequential(*(ResidualBlock(channels, norm) for _ in range(blocks)))
        self.decoder = nn.Sequential(
            *activated(2 * width, *larger(channels, 2 * width)),
            *activated(width, *larger(2 * width, width)),
            nn.Conv2d(width, 3, 7, padding=3, padding_mode="reflect"),
            nn.Tanh(),
        )

    def forward(self, photo: Tensor) -> Tensor:
        """Translate photos.

        Args:
            photo: (N, 3, H, W) float32 in [-1, 1]; H and W multiples of 4 from 16 on, others are rounded up.

        Returns:
            (N, 3, H, W) float32 in [-1, 1].
        """
        return self.decoder(self.bottleneck(self.encoder(photo)))


def _plain_norm(_channels: int) -> nn.Module:
    return InstanceNorm()


def _activated(norm: Callable[[int], nn.Module], channels: int, *layers: nn.Module) -> Iterator[nn.Module]:
    yield from (*layers, norm(channels), nn.ReLU())
