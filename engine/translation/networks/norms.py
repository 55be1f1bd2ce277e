"""Normalization whose statistics can be shared by the parts of one photo.

Instance norm looks at a whole picture. A photo too big to hold whole is translated tile by tile, and every tile
must be normalized with the statistics of the photo, or colours change from tile to tile. So the statistics can
be gathered once, pooled over crops of the photo, and used again for every tile.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(eq=False)
class Statistics:
    """Means and variances of one photo, in the order in which a forward pass asks for them."""

    moments: list[tuple[Tensor, Tensor]] = field(default_factory=list)
    gathering: bool = True
    place: int = 0


class InstanceNorm(nn.Module):
    """Instance norm without parameters or running statistics (Ulyanov et al. 2016), eps 1e-5.

    Args:
        over: what shares one mean and variance: each channel of a picture, or all its channels together
            ("picture", layer norm as in GroupNorm with one group).
        eps: added to the variance.
    """

    def __init__(self, over: Literal["channel", "picture"] = "channel", eps: float = 1e-5) -> None:
        super().__init__()
        self.over = over
        self.eps = eps
        self.statistics: Statistics | None = None

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W), normalized."""
        if torch.jit.is_tracing():
            return self._traced(x)
        if self.statistics is None:
            # group_norm keeps channels_last, which instance_norm does not: half the time on a CPU.
            return F.group_norm(x, x.shape[1] if self.over == "channel" else 1, eps=self.eps)
        mean, variance = self._moments(x, self.statistics)
        channels = (x.shape[1],)  # as a batch norm it is one pass over memory
        mean, variance = (moment.flatten().expand(channels).contiguous() for moment in (mean, variance))
        return F.batch_norm(x, mean, variance, eps=self.eps)

    def _traced(self, x: Tensor) -> Tensor:
        """The same in plain arithmetic: OpenVINO ends the program over a group_norm with a group for each channel."""
        if self.statistics is None:
            axes = (2, 3) if self.over == "channel" else (1, 2, 3)
            mean = x.mean(axes, keepdim=True)
            return (x - mean) / torch.sqrt((x - mean).square().mean(axes, keepdim=True) + self.eps)
        mean, variance = self._moments(x, self.statistics)
        return (x - mean) / torch.sqrt(variance + self.eps)

    def _moments(self, x: Tensor, known: Statistics) -> tuple[Tensor, Tensor]:
        if known.gathering:
            axes = (0, 2, 3) if self.over == "channel" else (0, 1, 2, 3)
            variance, mean = torch.var_mean(x, dim=axes, correction=0, keepdim=True)
            known.moments.append((mean, variance))
            return mean, variance
        known.place += 1
        return known.moments[known.place - 1]


@contextmanager
def gathering(model: nn.Module) -> Iterator[Statistics]:
    """Pool the statistics of one forward pass over its whole batch, and remember them."""
    statistics = Statistics()
    with _shared(model, statistics):
        yield statistics


@contextmanager
def using(model: nn.Module, statistics: Statistics) -> Iterator[None]:
    """Normalize one forward pass with remembered statistics."""
    statistics.gathering, statistics.place = False, 0
    with _shared(model, statistics):
        yield


@contextmanager
def _shared(model: nn.Module, statistics: Statistics) -> Iterator[None]:
    norms = [module for module in model.modules() if isinstance(module, InstanceNorm)]
    for norm in norms:
        norm.statistics = statistics
    try:
        yield
    finally:
        for norm in norms:
            norm.statistics = None
