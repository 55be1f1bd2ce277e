"""DCGAN's two networks (Radford et al. 2016), and the fully connected start of the lesson.

Both can work at smaller sizes too: the generator has a head for each, which draws what its maps show so far, the
discriminator an entry for each or room for the small pictures beside its maps.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.gan.config import CONVOLUTION, LINEAR, MULTI, PROGRESSIVE, SINGLE, Growth

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
        scales: unless "single", there is a head for each smaller size too, see `grown` and `at_all_sizes`.
    """

    def __init__(
        self,
        channels: int = 3,
        side: int = 64,
        width: int = 64,
        latents: int = 100,
        start: str = CONVOLUTION,
        scales: str = SINGLE,
    ) -> None:
        super().__init__()
        widths = _widths(side, width)
        blocks: list[nn.Module] = [_begun(latents, widths[0], start)]
        for before, after in pairwise(widths):
            up = nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False)
            blocks.append(nn.Sequential(up, nn.BatchNorm2d(after), nn.ReLU()))
        self.blocks = nn.ModuleList([*blocks, _head(widths[-1], channels, start)])
        smaller = [] if scales == SINGLE else widths[:-1]
        self.heads = nn.ModuleList(_head(each, channels, start) for each in smaller)
        self.apply(_initialise)

    def forward(self, z: Tensor) -> Tensor:
        for block in self.blocks:
            z = block(z)
        return z

    def at_all_sizes(self, z: Tensor) -> list[Tensor]:
        """Pictures (N, channels, S, S) of each size S from 8 to `side`."""
        found = []
        for block, head in zip(self.blocks[:-1], [*self.heads, self.blocks[-1]], strict=True):
            z = block(z)
            found.append(head(z))
        return found

    def grown(self, z: Tensor, growth: Growth) -> Tensor:
        """Pictures (N, channels, S, S) of the size S that it has grown to, those of half that size fading out."""
        heads, place = [*self.heads, self.blocks[-1]], _level(growth.side)
        for block in self.blocks[:place]:
            z = block(z)
        new = heads[place](self.blocks[place](z))
        return new if growth.alpha == 1 else torch.lerp(enlarged(heads[place - 1](z)), new, growth.alpha)


class Discriminator(nn.Module):
    """Pictures (N, channels, side, side) in [-1, 1] to logits (N,): above 0 for real.

    Args:
        side: pixels, as the generator's.
        width: channels of the first layer.
        end: "convolution" as published, "linear" as in the lesson, where the first layer has a bias too.
        scales: with "progressive" there is an entry for each smaller size, see `grown`; with "multi" each block also
            takes the picture of its size, see `at_all_sizes`.
    """

    def __init__(
        self, channels: int = 3, side: int = 64, width: int = 64, end: str = CONVOLUTION, scales: str = SINGLE
    ) -> None:
        super().__init__()
        widths = _widths(side, width)[::-1]
        beside = channels if scales == MULTI else 0
        blocks: list[nn.Module] = [_entry(channels, widths[0], end)]
        for before, after in pairwise(widths):
            down = nn.Conv2d(before + beside, after, 4, 2, 1, bias=False)
            blocks.append(nn.Sequential(down, nn.BatchNorm2d(after), nn.LeakyReLU(0.2)))
        verdict = (
            nn.Conv2d(widths[-1], 1, FIRST_SIDE, bias=False)
            if end == CONVOLUTION
            else nn.Sequential(nn.Flatten(), nn.Linear(widths[-1] * FIRST_SIDE**2, 1))
        )
        self.blocks = nn.ModuleList([*blocks, verdict])
        smaller = widths[:0:-1] if scales == PROGRESSIVE else []
        self.entries = nn.ModuleList(_entry(channels, each, end) for each in smaller)
        self.apply(_initialise)

    def forward(self, pictures: Tensor) -> Tensor:
        for block in self.blocks:
            pictures = block(pictures)
        return pictures.flatten()

    def at_all_sizes(self, pictures: Sequence[Tensor]) -> Tensor:
        """Logits (N,) of pictures of each size, smallest first: each joins the maps of its own size."""
        first, *blocks, verdict = self.blocks
        maps = first(pictures[-1])
        for block, smaller in zip(blocks, pictures[-2::-1], strict=True):
            maps = block(torch.cat([maps, smaller], 1))
        return verdict(maps).flatten()

    def grown(self, pictures: Tensor, growth: Growth) -> Tensor:
        """Logits (N,) of pictures of the size that it has grown to, their halves fading out."""
        entries, place = [*self.entries, self.blocks[0]], _level(growth.side)
        rest = self.blocks[len(entries) - place :]
        maps = entries[place](pictures)
        if growth.alpha < 1:
            maps = torch.lerp(entries[place - 1](F.avg_pool2d(pictures, 2)), rest[0](maps), growth.alpha)
            rest = rest[1:]
        for block in rest:
            maps = block(maps)
        return maps.flatten()


def enlarged(pictures: Tensor) -> Tensor:
    """Twice the side, each pixel four times."""
    return F.interpolate(pictures, scale_factor=2.0)


def _level(side: int) -> int:
    """0 for 8 pixels, 1 for 16, and so on."""
    return (side // FIRST_SIDE).bit_length() - 2


def _head(width: int, channels: int, start: str) -> nn.Sequential:
    return nn.Sequential(nn.ConvTranspose2d(width, channels, 4, 2, 1, bias=start == LINEAR), nn.Tanh())


def _entry(channels: int, width: int, end: str) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, width, 4, 2, 1, bias=end == LINEAR), nn.LeakyReLU(0.2))


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
