"""What trains beside the generator: discriminators and projectors."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.translation.networks.norms import InstanceNorm


class PatchDiscriminator(nn.Module):
    """One verdict for every patch of 70 pixels (Isola et al. 2017, pix2pix, appendix 6.1.2).

    Args:
        channels: of the input: 3 for a picture, 6 for a photo and its translation together.
        width: channels of the first layer.
    """

    def __init__(self, channels: int = 3, width: int = 64) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, width, 4, 2, 1),  # (N, 64, H/2, W/2)
            nn.LeakyReLU(0.2),
            *_block(width, 2 * width, 2),
            *_block(2 * width, 4 * width, 2),
            *_block(4 * width, 8 * width, 1),
            nn.Conv2d(8 * width, 1, 4, 1, 1),
        )
        self.apply(_initialize)

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, C, H, W) in [-1, 1], H and W 32 or more, to verdicts (N, 1, H/8 - 2, W/8 - 2)."""
        return self.layers(pixels)


class Projector(nn.Module):
    """Two layers of 256 units for every feature layer of the generator (Park et al. 2020, section 3).

    Args:
        channels: of the feature layers.
    """

    def __init__(self, channels: Sequence[int], units: int = 256) -> None:
        super().__init__()
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Linear(c, units), nn.ReLU(), nn.Linear(units, units)) for c in channels
        )
        self.apply(_initialize)

    def forward(self, features: Sequence[Tensor], places: Sequence[Tensor]) -> list[Tensor]:
        """(N, P, 256) of length 1 for every layer.

        Args:
            features: (N, C, H, W) each.
            places: (P,) int64 indices into H * W each, from `draw_places`.
        """
        return [
            F.normalize(head(feature.flatten(2)[:, :, place].transpose(1, 2)), dim=2)
            for head, feature, place in zip(self.heads, features, places, strict=True)
        ]


def draw_places(features: Sequence[Tensor], count: int, generator: torch.Generator) -> list[Tensor]:
    """Up to `count` different places of every feature map, the same for all its pictures."""
    sizes = [feature.shape[2] * feature.shape[3] for feature in features]
    return [
        torch.randperm(size, generator=generator)[:count].to(feature.device)
        for size, feature in zip(sizes, features, strict=True)
    ]


def _block(inputs: int, outputs: int, stride: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 4, stride, 1), InstanceNorm(), nn.LeakyReLU(0.2)]


def _initialize(module: nn.Module) -> None:
    """Xavier normal with gain 0.02 and no bias, as CUT's published options."""
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        nn.init.xavier_normal_(module.weight, gain=0.02)
        nn.init.zeros_(module.bias)
