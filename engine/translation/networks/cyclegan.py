"""The generator of CycleGAN (Zhu et al. 2017), in the shape of its PyTorch release.

It differs from CUT's (`engine.translation.networks.generator`) in how it changes size: convolutions with stride 2 and
transposed ones, without anti-aliasing.
"""

from torch import Tensor, nn

from engine.translation.networks.norms import InstanceNorm
from engine.translation.networks.ode import ResidualBlock


class CycleGan(nn.Module):
    """Photo to painting or anime; 11,378,179 parameters in the published size.

    Args:
        width: channels of the first layer; the residual blocks have four times as many.
        blocks: residual blocks: 9 as published for 256 px, 6 for 128 px.
    """

    def __init__(self, width: int = 64, blocks: int = 9) -> None:
        super().__init__()
        channels = 4 * width
        self.encoder = nn.Sequential(
            *_activated(nn.Conv2d(3, width, 7, padding=3, padding_mode="reflect")),  # (N, 64, H, W)
            *_activated(nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)),  # (N, 128, H/2, W/2)
            *_activated(nn.Conv2d(2 * width, channels, 3, stride=2, padding=1)),  # (N, 256, H/4, W/4)
        )
        self.bottleneck = nn.Sequential(*(ResidualBlock(channels) for _ in range(blocks)))
        self.decoder = nn.Sequential(
            *_activated(nn.ConvTranspose2d(channels, 2 * width, 3, stride=2, padding=1, output_padding=1)),
            *_activated(nn.ConvTranspose2d(2 * width, width, 3, stride=2, padding=1, output_padding=1)),
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


def _activated(convolution: nn.Module) -> list[nn.Module]:
    return [convolution, InstanceNorm(), nn.ReLU()]
