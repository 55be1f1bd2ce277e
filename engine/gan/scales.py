"""At which sizes the two networks meet: at one, at ever larger ones, or at all at once."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.gan.config import MULTI, PROGRESSIVE, SIDES, Growth
from engine.gan.networks import Discriminator, Generator, enlarged

Sizes = list[Tensor]  # the same pictures (N, channels, S, S) at one size S or at several, smallest first


@dataclass(frozen=True)
class Scales:
    """What a step does with both networks, given how far they have grown.

    Attributes:
        draw: pictures from noise (N, latents).
        see: the training's pictures (N, channels, side, side) as the discriminator gets them.
        judge: logits (N,) of either.
    """

    draw: Callable[[Generator, Tensor, Growth], Sizes]
    see: Callable[[Tensor, Growth], Sizes]
    judge: Callable[[Discriminator, Sizes, Growth], Tensor]


def halved_to(pictures: Tensor, side: int) -> Tensor:
    """(N, channels, S, S) at `side` pixels, by means."""
    return F.avg_pool2d(pictures, pictures.shape[-1] // side)


def faded(pictures: Tensor, growth: Growth) -> Tensor:
    """Pictures at the size that both have grown to, as coarse as those that are drawn while a block fades in."""
    new = halved_to(pictures, growth.side)
    return new if growth.alpha == 1 else torch.lerp(enlarged(F.avg_pool2d(new, 2)), new, growth.alpha)


def shown(generator: Generator, noise: Tensor, growth: Growth, side: int) -> Tensor:
    """What it draws now, (N, channels, side, side)."""
    if growth.side == side and growth.alpha == 1:
        return generator(noise)
    return F.interpolate(generator.grown(noise, growth), (side, side))


_SINGLE = Scales(
    draw=lambda generator, noise, growth: [generator(noise)],
    see=lambda pictures, growth: [pictures],
    judge=lambda discriminator, pictures, growth: discriminator(pictures[0]),
)
_PROGRESSIVE = Scales(
    draw=lambda generator, noise, growth: [generator.grown(noise, growth)],
    see=lambda pictures, growth: [faded(pictures, growth)],
    judge=lambda discriminator, pictures, growth: discriminator.grown(pictures[0], growth),
)
_MULTI = Scales(
    draw=lambda generator, noise, growth: generator.at_all_sizes(noise),
    see=lambda pictures, growth: [halved_to(pictures, side) for side in SIDES if side <= growth.side],
    judge=lambda discriminator, pictures, growth: discriminator.at_all_sizes(pictures),
)


def scales_of(name: str) -> Scales:
    """By the name in the settings."""
    return {PROGRESSIVE: _PROGRESSIVE, MULTI: _MULTI}.get(name, _SINGLE)
