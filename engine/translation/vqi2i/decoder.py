"""The decoder of VQ-I2I: from content and a style to a picture."""

from collections.abc import Collection, Sequence

from torch import Tensor, nn

from engine.translation.vqi2i.blocks import AdaINResBlock, LinearAttention, ResBlock, Upsample, norm
from engine.translation.vqi2i.encoders import middle


class AdaINDecoder(nn.Module):
    """Content through residual blocks that the style steers, then back to a picture's size.

    Args:
        out_channels: of the pictures.
        ch, mult, resblocks, attn_resolutions, dropout, resample_with_conv, resolution, z_channels, double_z: as of the
            `ContentEncoder`; each level has one residual block more than there.
        style_dim: numbers of a style.
        n_adaresblock: residual blocks with AdaIN.
        tanh: whether the result is brought into [-1, 1].
    """

    def __init__(
        self,
        out_channels: int = 3,
        ch: int = 128,
        mult: Sequence[int] = (1, 1, 2, 4, 8),
        resblocks: int = 2,
        attn_resolutions: Collection[int] = (16,),
        dropout: float = 0.0,
        resample_with_conv: bool = True,
        resolution: int = 256,
        z_channels: int = 128,
        double_z: bool = True,
        style_dim: int = 128,
        n_adaresblock: int = 4,
        tanh: bool = False,
    ) -> None:
        super().__init__()
        width = ch * mult[-1]
        self.conv_in = nn.Conv2d(2 * z_channels if double_z else z_channels, width, 3, padding=1)
        self.styled = nn.ModuleList(AdaINResBlock(width, style_dim) for _ in range(n_adaresblock))
        self.middle = nn.Sequential(*middle(width, dropout))
        levels = []
        for level in reversed(range(len(mult))):
            layers: list[nn.Module] = []
            for _ in range(resblocks + 1):
                layers.append(ResBlock(width, ch * mult[level], dropout))
                width = ch * mult[level]
                if resolution // 2**level in attn_resolutions:
                    layers.append(LinearAttention(width))
            if level:
                layers.append(Upsample(width, resample_with_conv))
            levels.append(nn.Sequential(*layers))
        self.levels = nn.Sequential(*levels)
        self.norm_out = nn.Sequential(norm(width), nn.SiLU())
        self.conv_out = nn.Conv2d(width, out_channels, 3, padding=1)
        self.last = nn.Tanh() if tanh else nn.Identity()

    def forward(self, content: Tensor, style: Tensor) -> Tensor:
        """(N, z, h, w) and (N, style_dim, 1, 1) to (N, out_channels, m h, m w) with m = 2 ** (levels - 1)."""
        h, vector = self.conv_in(content), style.flatten(1)
        for block in self.styled:
            h = block(h, vector)
        return self.last(self.conv_out(self.norm_out(self.levels(self.middle(h)))))
