"""The two encoders of VQ-I2I: what a picture's style is, without places, and what stands where."""

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise

from torch import Tensor, nn

from engine.errors import ImageShapeError
from engine.translation.vqi2i.blocks import Downsample, LinearAttention, ResBlock, head


class StyleEncoder(nn.Module):
    """A picture's style as one vector; no norm, which would take the style away.

    Args:
        in_channels: of the pictures.
        hidden: channels of the first layer; the last ones have four times as many.
        style_dim: numbers of a style.
        n_downsampling: how often the size is halved, 2 or more.

    Raises:
        ValueError: `n_downsampling` is less than 2.
    """

    def __init__(self, in_channels: int = 3, hidden: int = 128, style_dim: int = 128, n_downsampling: int = 3) -> None:
        super().__init__()
        if n_downsampling < 2:
            raise ValueError(f"A style encoder halves the size twice or more; got n_downsampling {n_downsampling}.")
        self.smallest_side = 2**n_downsampling  # each reflected border needs more pixels than it reflects
        widths = [hidden, 2 * hidden] + [4 * hidden] * (n_downsampling - 1)
        halvings = [layer for ends in pairwise(widths) for layer in _convolution(*ends, 4, 2, 1)]
        self.layers = nn.Sequential(
            *_convolution(in_channels, hidden, 7, 1, 3),
            *halvings,
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(4 * hidden, style_dim, 1),
        )

    def forward(self, picture: Tensor) -> Tensor:
        """(N, in_channels, H, W) to (N, style_dim, 1, 1).

        Raises:
            ImageShapeError: H or W is less than 2 ** n_downsampling.
        """
        if min(picture.shape[-2:]) < self.smallest_side:
            raise ImageShapeError(
                f"A style picture's height and width must be {self.smallest_side} or more; "
                f"got {picture.shape[-2]}x{picture.shape[-1]}. Take a larger picture."
            )
        return self.layers(picture)


class ContentEncoder(nn.Module):
    """What stands where in a picture.

    Args:
        in_channels: of the pictures.
        ch: channels of the first layer.
        mult: channels of each level, in multiples of `ch`; from level to level the size is halved.
        resblocks: residual blocks of each level.
        attn_resolutions: sides of the levels that have attention.
        dropout: share of values that residual blocks leave out in training.
        resample_with_conv: whether sizes are changed by convolutions.
        resolution: side of the pictures, which decides what side a level has.
        z_channels: channels of the result; twice as many with `double_z`.
    """

    def __init__(
        self,
        in_channels: int = 3,
        ch: int = 128,
        mult: Sequence[int] = (1, 1, 2, 4, 8),
        resblocks: int = 2,
        attn_resolutions: Collection[int] = (16,),
        dropout: float = 0.0,
        resample_with_conv: bool = True,
        resolution: int = 256,
        z_channels: int = 256,
        double_z: bool = True,
    ) -> None:
        super().__init__()
        self.multiple = 2 ** (len(mult) - 1)
        self.conv_in = nn.Conv2d(in_channels, ch, 3, padding=1)
        width, levels = ch, []
        for level, factor in enumerate(mult):
            layers: list[nn.Module] = []
            for _ in range(resblocks):
                layers.append(ResBlock(width, ch * factor, dropout))
                width = ch * factor
                if resolution // 2**level in attn_resolutions:
                    layers.append(LinearAttention(width))
            if level < len(mult) - 1:
                layers.append(Downsample(width, resample_with_conv))
            levels.append(nn.Sequential(*layers))
        self.levels = nn.Sequential(*levels)
        self.middle = nn.Sequential(*middle(width, dropout))
        self.out = head(width, 2 * z_channels if double_z else z_channels)

    def forward(self, picture: Tensor) -> Tensor:
        """(N, in_channels, H, W) to (N, z_channels or twice that, H / m, W / m) with m = 2 ** (levels - 1).

        Raises:
            ImageShapeError: H or W is no multiple of m.
        """
        height, width = picture.shape[-2:]
        if height % self.multiple or width % self.multiple:
            raise ImageShapeError(
                f"Photo height and width must be multiples of {self.multiple}; got {height}x{width}. Pad it first."
            )
        return self.out(self.middle(self.levels(self.conv_in(picture))))


def middle(width: int, dropout: float) -> Iterator[nn.Module]:
    """What stands between the levels and the codes, in encoder and decoder."""
    yield from (ResBlock(width, width, dropout), LinearAttention(width), ResBlock(width, width, dropout))


def _convolution(inputs: int, outputs: int, kernel: int, stride: int, border: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, kernel, stride, border, padding_mode="reflect"), nn.ReLU()]
