"""A wide network that begins as a narrow one (Net2Net, Chen et al. 2016): hours of training for minutes.

A narrow network trains several times as fast. Every channel is copied, and each copy gets a random share of the
weight that the next layer gave to the one: the function stays the same, while the copies differ in their gradients and
part ways in further training.
"""

import torch
from torch import Tensor

UNEVENNESS = 0.3  # of the copies' shares, relative to equal ones


def shared_out(weight: Tensor, copies: int, generator: torch.Generator) -> Tensor:
    """A layer's weight for copied inputs, (O, I, ...) to (O, copies * I, ...): shares that sum to each weight."""
    outputs, inputs, *kernel = weight.shape
    noise = torch.rand((outputs, inputs, copies, *[1] * len(kernel)), generator=generator) - 0.5
    shares = (1 + UNEVENNESS * 2 * (noise - noise.mean(2, keepdim=True))) / copies
    return (weight[:, :, None] * shares).flatten(1, 2)
