"""A wide generator that begins as a narrow one (Net2Net, Chen et al. 2016): hours of training for minutes.

A narrow generator trains several times as fast. Every channel is copied, and each copy gets a random share of the
weight that the next layer gave to the one: the function stays the same, because norms without parameters and ReLU
look at one channel at a time, while the copies differ in their gradients and part ways in further training.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from engine.errors import InvalidRequest, Problem
from engine.translation.generator import Generator
from engine.translation.ode import Solver

UNEVENNESS = 0.3  # of the copies' shares, relative to equal ones


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
        to.weight.copy_(_shared_out(weight, to.in_channels // convolution.in_channels, generator))
        to.bias.copy_(convolution.bias.repeat_interleave(outputs, 0))
    return wide


def _shared_out(weight: Tensor, copies: int, generator: torch.Generator) -> Tensor:
    """(O, I, h, w) to (O, copies * I, h, w): shares that sum to each input's weight."""
    outputs, inputs = weight.shape[:2]
    noise = torch.rand((outputs, inputs, copies, 1, 1), generator=generator) - 0.5
    shares = (1 + UNEVENNESS * 2 * (noise - noise.mean(2, keepdim=True))) / copies
    return (weight[:, :, None] * shares).flatten(1, 2)


def _convolutions(model: Generator) -> list[nn.Conv2d]:
    return [module for module in model.modules() if isinstance(module, nn.Conv2d)]
