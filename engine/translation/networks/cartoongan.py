"""The generator of CartoonGAN (Chen et al. 2018), in the shape of its public PyTorch port.

It was trained on blue, green, red in this order and on photos whose long side has 450 pixels: whoever prepares
the photo sees to both.
"""

from torch import Tensor, nn

from engine.translation.networks.affine_norm import AffineNorm

EPS = 1e-9
BLOCKS = 8


class CartoonGan(nn.Module):
    """Photo to cartoon; 11,129,667 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(3, 64, 7, padding=3, padding_mode="reflect"),
            *_activated(64),  # (N, 64, H, W)
            nn.Conv2d(64, 128, 3, stride=2, padding=1),
            nn.Conv2d(128, 128, 3, padding=1),
            *_activated(128),  # (N, 128, H/2, W/2)
            nn.Conv2d(128, 256, 3, stride=2, padding=1),
            nn.Conv2d(256, 256, 3, padding=1),
            *_activated(256),  # (N, 256, H/4, W/4)
        )
        self.bottleneck = nn.Sequential(*(_Block(256) for _ in range(BLOCKS)))
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(256, 128, 3, stride=2, padding=1, output_padding=1),
            nn.Conv2d(128, 128, 3, padding=1),
            *_activated(128),
            nn.ConvTranspose2d(128, 64, 3, stride=2, padding=1, output_padding=1),
            nn.Conv2d(64, 64, 3, padding=1),
            *_activated(64),
            nn.Conv2d(64, 3, 7, padding=3, padding_mode="reflect"),
            nn.Tanh(),
        )

    def forward(self, photo: Tensor) -> Tensor:
        """Translate photos.

        Args:
            photo: (N, 3, H, W) float32 in [-1, 1], channels blue, green, red; H and W multiples of 4 from 16 on,
                others are rounded up.

        Returns:
            (N, 3, H, W) float32 in [-1, 1], channels blue, green, red.
        """
        return self.decoder(self.bottleneck(self.encoder(photo)))


class _Block(nn.Module):
    """x + f(x), where f is two convolutions, each normalized, a ReLU between."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect"),
            *_activated(channels),
            nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect"),
            AffineNorm(channels, eps=EPS),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


def _activated(channels: int) -> list[nn.Module]:
    return [AffineNorm(channels, eps=EPS), nn.ReLU()]
