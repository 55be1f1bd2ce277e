"""What the content encoder and the decoder are made of: residual blocks, attention, changes of size.

Group norm has 32 groups; the activation is swish, x times sigmoid(x), which PyTorch calls SiLU.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.translation.networks.norms import InstanceNorm

GROUPS = 32


def norm(channels: int) -> nn.GroupNorm:
    """Group norm with scales and shifts; `channels` is a multiple of 32."""
    return nn.GroupNorm(GROUPS, channels, eps=1e-6)


def head(channels: int, outputs: int) -> nn.Sequential:
    """What comes before the last convolution: norm and swish."""
    return nn.Sequential(norm(channels), nn.SiLU(), nn.Conv2d(channels, outputs, 3, padding=1))


class ResBlock(nn.Module):
    """Two convolutions, each behind norm and swish, plus the input; (N, inputs, H, W) to (N, outputs, H, W)."""

    def __init__(self, inputs: int, outputs: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            norm(inputs),
            nn.SiLU(),
            nn.Conv2d(inputs, outputs, 3, padding=1),
            norm(outputs),
            nn.SiLU(),
            nn.Dropout(dropout),
            nn.Conv2d(outputs, outputs, 3, padding=1),
        )
        self.shortcut = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.shortcut(x) + self.layers(x)


class LinearAttention(nn.Module):
    """Every channel looks at every channel, so the cost grows with the places and not with their square.

    The published form has batch norm and no way around it, which throws the level's input away; here it is group norm,
    with as many parameters, and the input is added.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = norm(channels)
        self.query = nn.Conv2d(channels, channels, 1)
        self.key = nn.Conv2d(channels, channels, 1)
        self.value = nn.Conv2d(channels, channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        h = self.norm(x)
        query, value = self.query(h).flatten(2), self.value(h).flatten(2)  # (N, C, H * W)
        key = self.key(h).flatten(2).softmax(dim=2)
        context = query @ key.mT / query.shape[1] ** 0.5  # (N, C, C)
        return x + self.out((context @ value).view_as(x))


class Downsample(nn.Module):
    """Half the size: a convolution over a border of zeros right and below, or the mean of four pixels."""

    def __init__(self, channels: int, with_conv: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2) if with_conv else None

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, H / 2, W / 2), H and W even."""
        return F.avg_pool2d(x, 2) if self.conv is None else self.conv(F.pad(x, (0, 1, 0, 1)))


class Upsample(nn.Module):
    """Twice the size: each pixel four times, then a convolution unless it is left out."""

    def __init__(self, channels: int, with_conv: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1) if with_conv else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, 2 H, 2 W)."""
        return self.conv(F.interpolate(x, scale_factor=2, mode="nearest"))


class AdaIN(nn.Module):
    """Adaptive instance norm (Huang and Belongie 2017): scales and shifts come from a style.

    The scale is one more than what its layer gives, so that an untrained one begins as plain instance norm.
    """

    def __init__(self, channels: int, style_dim: int) -> None:
        super().__init__()
        self.norm = InstanceNorm()
        self.scale = nn.Linear(style_dim, channels)
        self.shift = nn.Linear(style_dim, channels)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """(N, C, H, W) and (N, style_dim) to (N, C, H, W)."""
        scale, shift = 1 + self.scale(style), self.shift(style)
        return torch.addcmul(shift[..., None, None], scale[..., None, None], self.norm(x))


class AdaINResBlock(nn.Module):
    """Two convolutions with reflected borders, each before AdaIN, plus the input."""

    def __init__(self, channels: int, style_dim: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect")
        self.first_norm = AdaIN(channels, style_dim)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect")
        self.second_norm = AdaIN(channels, style_dim)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """(N, C, H, W) and (N, style_dim) to (N, C, H, W); H and W at least 2."""
        h = F.relu(self.first_norm(self.first(x), style))
        return x + self.second_norm(self.second(h), style)
