"""A wide generator that begins as a narrow one; see `engine.training.widening`.

The function stays the same because norms without parameters and ReLU look at one channel at a time.
"""

from dataclasses import replace

import torch
from torch import nn

from engine.errors import InvalidRequest, Problem
from engine.training.widening import shared_out
from engine.translation.networks.generator import Generator
from engine.translation.networks.ode import Solver


@torch.no_grad()
def widened(narrow: Generator, width: int, generator: torch.Generator) -> Generator:
    """A generator of another width that computes the same.

    Args:
        width: of its first layer; a multiple of the narrow one's.

    Raises:
        InvalidRequest: it is no such multiple.
    """
    architecture = narrow.architecture
    copies, rest = divmod(width, architecture.width)
    if rest or copies < 1:
        text = f"A generator can be widened to a multiple of its width {architecture.width}; got {width}."
        raise InvalidRequest([Problem("width", text)])
    wide = Generator(replace(architecture, width=width), narrow.solver or Solver())
    pairs = zip(_convolutions(wide), _convolutions(narrow), strict=True)
    for to, convolution in pairs:
        assert to.bias is not None
        assert convolution.bias is not None
        outputs = to.out_channels // convolution.out_channels  # the picture's own channels are not copied
        weight = convolution.weight.repeat_interleave(outputs, 0)
        to.weight.copy_(shared_out(weight, to.in_channels // convolution.in_channels, generator))
        to.bias.copy_(convolution.bias.repeat_interleave(outputs, 0))
    return wide


def _convolutions(model: Generator) -> list[nn.Conv2d]:
    return [module for module in model.modules() if isinstance(module, nn.Conv2d)]
