"""The discriminator that asks the small model's decoder for texture, and the distance between its features."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm


class SpectralPatchDiscriminator(nn.Module):
    """One verdict for every patch of 38 pixels (Isola et al. 2017), spectrally normalized (Miyato et al. 2018)."""

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        layers = [(3, width, 2), (width, 2 * width, 2), (2 * width, 4 * width, 2)]
        self.blocks = nn.ModuleList(
            nn.Sequential(spectral_norm(nn.Conv2d(i, o, 4, stride, 1)), nn.LeakyReLU(0.2)) for i, o, stride in layers
        )
        self.verdict = spectral_norm(nn.Conv2d(4 * width, 1, 3, 1, 1))

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """Features of every layer, then the verdicts (N, 1, H/8, W/8), of (N, 3, H, W) in [-1, 1]."""
        features = []
        for block in self.blocks:
            pixels = block(pixels)
            features.append(pixels)
        return [*features, self.verdict(pixels)]


def loss_features(real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    """Mean absolute distance between the discriminator's features, mean over layers."""
    return torch.stack([F.l1_loss(f, r.detach()) for r, f in zip(real, fake, strict=True)]).mean()
