"""Instance norm with learned scale and shift, as two of the published generators have it."""

from typing import Literal

import torch
from torch import Tensor, nn

from engine.translation.networks.norms import InstanceNorm


class AffineNorm(nn.Module):
    """A scale and a shift for each channel behind `InstanceNorm`.

    Args:
        channels: of the input.
        over: what shares one mean and variance, see `InstanceNorm`.
        eps: added to the variance.
    """

    def __init__(self, channels: int, over: Literal["channel", "picture"] = "channel", eps: float = 1e-5) -> None:
        super().__init__()
        self.norm = InstanceNorm(over, eps)
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W), normalized, scaled and shifted."""
        return torch.addcmul(self.bias.view(-1, 1, 1), self.norm(x), self.weight.view(-1, 1, 1))
