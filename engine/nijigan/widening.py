"""A wide network that begins as a narrow one (Net2Net, Chen et al. 2016): hours of training for minutes.

A narrow generator trains several times as fast. Every channel is copied, and each copy gets a random share of the
weight that the next layer gave to the one: the function stays the same, because norms without parameters and ReLU
look at one channel at a time, while the copies differ in their gradients and part ways in further training.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn

from engine.errors import InvalidRequest, Problem
from engine.translation.networks.generator import Generator
from engine.translation.networks.ode import Solver

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
    """(O, I, ...) to (O, copies * I, ...): shares that sum to each input's weight."""
    outputs, inputs, *kernel = weight.shape
    noise = torch.rand((outputs, inputs, copies, *[1] * len(kernel)), generator=generator) - 0.5
    shares = (1 + UNEVENNESS * 2 * (noise - noise.mean(2, keepdim=True))) / copies
    return (weight[:, :, None] * shares).flatten(1, 2)


def _convolutions(model: Generator) -> list[nn.Conv2d]:
    return [module for module in model.modules() if isinstance(module, nn.Conv2d)]


@torch.no_grad()
def widened_autoencoder(narrow: AutoencoderKL, widths: Sequence[int], generator: torch.Generator) -> AutoencoderKL:
    """An autoencoder with more channels in its blocks that computes the same, up to rounding.

    Norms keep their numbers because every channel of a layer is copied equally often.

    Args:
        widths: of the blocks, the one at full size first; multiples of the narrow one's. The last must stay, for its
            attention has a scale, and neighbours may be equal only where they were, for a block has another layer
            where its width changes.

    Raises:
        InvalidRequest: they are not such.
    """
    channels = narrow.config["block_out_channels"]
    possible = (
        len(widths) == len(channels)
        and widths[-1] == channels[-1]
        and all(wide % channel == 0 for wide, channel in zip(widths, channels, strict=True))
        and [a == b for a, b in pairwise(widths)] == [a == b for a, b in pairwise(channels)]
    )
    if not possible:
        text = (
            f"An autoencoder's widths {list(channels)} can grow to multiples, except the last, and neighbours must not "
            f"become equal; got {list(widths)}."
        )
        raise InvalidRequest([Problem("widths", text)])
    settings = {name: value for name, value in narrow.config.items() if not name.startswith("_")}  # not where it lay
    wide = AutoencoderKL.from_config(settings, block_out_channels=list(widths))
    parts = dict(narrow.named_parameters())
    for name, to in wide.named_parameters():
        weight = parts[name]
        if weight.ndim > 1:
            weight = _shared_out(weight, to.shape[1] // weight.shape[1], generator)
        to.copy_(weight.repeat_interleave(to.shape[0] // weight.shape[0], 0))
    return wide
