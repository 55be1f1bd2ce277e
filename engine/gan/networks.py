"""DCGAN's two networks (Radford et al. 2016), and the fully connected start of the lesson."""

from itertools import pairwise

from torch import Tensor, nn

from engine.gan.config import CONVOLUTION, LINEAR

FIRST_SIDE = 4  # pixels of the first layer's maps
STD = 0.02  # of the first weights


def _widths(side: int, width: int) -> list[int]:
    """Channels of the generator's maps from 4 pixels on, each half of the one before; the last is `width`."""
    levels = (side // FIRST_SIDE).bit_length() - 1
    return [width * 2**level for level in reversed(range(levels))]


class Generator(nn.Module):
    """Noise (N, latents) to pictures (N, channels, side, side) in [-1, 1].

    Args:
        side: pixels, 4 times a power of two, 8 or more.
        width: channels before the last layer.
        latents: numbers that stand for a picture.
        start: "convolution" as published; "linear" as in the lesson, where the last layer has a bias too.
    """

    def __init__(
        self, channels: int = 3, side: int = 64, width: int = 64, latents: int = 100, start: str = CONVOLUTION
    ) -> None:
        super().__init__()
        widths = _widths(side, width)
        blocks: list[nn.Module] = [_begun(latents, widths[0], start)]
        for before, after in pairwise(widths):
            up = nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False)
            blocks.append(nn.Sequential(up, nn.BatchNorm2d(after), nn.ReLU()))
        last = nn.ConvTranspose2d(widths[-1], channels, 4, 2, 1, bias=start == LINEAR)
        self.blocks = nn.ModuleList([*blocks, nn.Sequential(last, nn.Tanh())])
        self.apply(_initialise)

    def forward(self, z: Tensor) -> Tensor:
        for block in self.blocks:
            z = block(z)
        return z


class Discriminator(nn.Module):
    """Pictures (N, channels, side, side) in [-1, 1] to logits (N,): above 0 for real.

    Args:
        side: pixels, as the generator's.
        width: channels of the first layer.
        end: "convolution" as published, "linear" as in the lesson, where the first layer has a bias too.
    """

    def __init__(self, channels: int = 3, side: int = 64, width: int = 64, end: str = CONVOLUTION) -> None:
        super().__init__()
        widths = _widths(side, width)[::-1]
        first = nn.Conv2d(channels, widths[0], 4, 2, 1, bias=end == LINEAR)
        blocks: list[nn.Module] = [nn.Sequential(first, nn.LeakyReLU(0.2))]
        for before, after in pairwise(widths):
            down = nn.Conv2d(before, after, 4, 2, 1, bias=False)
            blocks.append(nn.Sequential(down, nn.BatchNorm2d(after), nn.LeakyReLU(0.2)))
        verdict = (
            nn.Conv2d(widths[-1], 1, FIRST_SIDE, bias=False)
            if end == CONVOLUTION
            else nn.Sequential(nn.Flatten(), nn.Linear(widths[-1] * FIRST_SIDE**2, 1))
        )
        self.blocks = nn.ModuleList([*blocks, verdict])
        self.apply(_initialise)

    def forward(self, pictures: Tensor) -> Tensor:
        for block in self.blocks:
            pictures = block(pictures)
        return pictures.flatten()


def _begun(latents: int, width: int, start: str) -> nn.Sequential:
    if start == LINEAR:
        grown: list[nn.Module] = [
            nn.Linear(latents, width * FIRST_SIDE**2),
            nn.Unflatten(1, (width, FIRST_SIDE, FIRST_SIDE)),
        ]
    else:
        grown = [nn.Unflatten(1, (latents, 1, 1)), nn.ConvTranspose2d(latents, width, FIRST_SIDE, bias=False)]
    return nn.Sequential(*grown, nn.BatchNorm2d(width), nn.ReLU())


def _initialise(module: nn.Module) -> None:
    """Normal weights of the published deviation; those of normalisations around 1."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
        nn.init.normal_(module.weight, 0.0, STD)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, STD)
        nn.init.zeros_(module.bias)
