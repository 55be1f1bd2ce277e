"""The discriminator that looks at patches, as NijiGAN's, CycleGAN's and VQ-I2I's trainings use it."""

from torch import Tensor, nn

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
        self.apply(xavier)

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, C, H, W) in [-1, 1], H and W 32 or more, to verdicts (N, 1, H/8 - 2, W/8 - 2)."""
        return self.layers(pixels)


def _block(inputs: int, outputs: int, stride: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 4, stride, 1), InstanceNorm(), nn.LeakyReLU(0.2)]


def xavier(module: nn.Module) -> None:
    """Xavier normal with gain 0.02 and no bias, as CUT's published options."""
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        nn.init.xavier_normal_(module.weight, gain=0.02)
        nn.init.zeros_(module.bias)


def normal(module: nn.Module) -> None:
    """N(0, 0.02) and no bias, as CycleGAN's release."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
