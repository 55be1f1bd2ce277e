"""The beta-VAE of the study (Higgins et al. 2017, layers as in PyTorch-VAE, which the study names)."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from engine.betavae.config import RGB_BLOCKS


class BetaVAE(nn.Module):
    """Pictures to distributions over latents and back.

    Args:
        channels: 3 for RGB, 1 for grey.
        side: pixels of the pictures' sides; a multiple of 2 to the number of blocks.
        blocks: channels of the encoder's blocks, each of which halves the side; the decoder mirrors them.
        latents: numbers that stand for a picture.
        batch_norm: whether blocks normalise over the batch; the study names it as harmful for batik and keeps it.
    """

    def __init__(
        self,
        channels: int = 3,
        side: int = 64,
        blocks: Sequence[int] = RGB_BLOCKS,
        latents: int = 128,
        batch_norm: bool = True,
    ) -> None:
        super().__init__()
        last, least = blocks[-1], side // 2 ** len(blocks)
        flat = last * least * least
        self.encoder = nn.Sequential(*_downward(channels, blocks, batch_norm), nn.Flatten())
        self.fc_mu = nn.Linear(flat, latents)
        self.fc_var = nn.Linear(flat, latents)
        self.decoder_input = nn.Linear(latents, flat)
        self.decoder = nn.Sequential(
            nn.Unflatten(1, (last, least, least)), *_upward(channels, blocks, batch_norm), nn.Tanh()
        )

    def encode(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance, (N, latents) each, of pictures (N, channels, side, side) in [-1, 1]."""
        seen = self.encoder(pictures)
        return self.fc_mu(seen), self.fc_var(seen)

    def decode(self, z: Tensor) -> Tensor:
        """Latents (N, latents) to pictures (N, channels, side, side) in [-1, 1]."""
        return self.decoder(self.decoder_input(z))

    def forward(self, pictures: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The reconstruction from mu + sigma * noise, mu, and log variance; noise (N, latents) is normal."""
        mu, log_variance = self.encode(pictures)
        return self.decode(mu + torch.exp(log_variance / 2) * noise), mu, log_variance


def _normed(channels: int, batch_norm: bool) -> list[nn.Module]:
    return [*([nn.BatchNorm2d(channels)] if batch_norm else []), nn.LeakyReLU(0.01)]


def _downward(channels: int, blocks: Sequence[int], batch_norm: bool) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for before, after in pairwise((channels, *blocks)):
        layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), *_normed(after, batch_norm)]
    return layers


def _upward(channels: int, blocks: Sequence[int], batch_norm: bool) -> list[nn.Module]:
    layers: list[nn.Module] = []
    order = [*reversed(blocks), blocks[0]]
    for before, after in pairwise(order):
        layers += [nn.ConvTranspose2d(before, after, 3, 2, 1, output_padding=1), *_normed(after, batch_norm)]
    return [*layers, nn.Conv2d(blocks[0], channels, 3, padding=1)]
