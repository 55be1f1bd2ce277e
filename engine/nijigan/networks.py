"""What trains beside the generator: projectors."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.translation.networks.patch_discriminator import xavier


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
        self.apply(xavier)

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
