"""Distances between pictures that several trainers ask for: tensors in, scalars out."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.metrics.vgg19 import Vgg19Features

LUMA = (0.299, 0.587, 0.114)  # of red, green and blue


def loss_edges(fake: Tensor, real: Tensor) -> Tensor:
    """Mean absolute difference between the two pictures' steps from pixel to pixel, across plus down.

    Args:
        fake, real: (N, C, H, W).
    """
    error = fake - real
    return error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()


def loss_colours(fake: Tensor, real: Tensor) -> Tensor:
    """Mean absolute difference of the two colour differences, B - Y and R - Y, with Y the luma of ITU-R BT.601.

    Args:
        fake, real: (N, 3, H, W) RGB.
    """
    error = fake - real
    luma = (error * error.new_tensor(LUMA).view(3, 1, 1)).sum(1, keepdim=True)
    return (error[:, ::2] - luma).abs().mean()


def loss_perceptual(fake: Sequence[Tensor], real: Sequence[Tensor]) -> Tensor:
    """Squared distance of feature maps in units of the real ones' mean square, mean over layers.

    The unit makes the published weight mean the same for networks whose activations have another scale
    (Johnson et al. 2016, equation 2, has the plain distance).
    """
    parts = [
        F.mse_loss(f, r.detach()) / r.detach().square().mean().clamp(min=1e-8) for f, r in zip(fake, real, strict=True)
    ]
    return torch.stack(parts).mean()


def loss_vgg19(vgg: Vgg19Features, layers: Sequence[str], fake: Tensor, real: Tensor) -> Tensor:
    """`loss_perceptual` in layers of VGG19.

    Args:
        fake, real: (N, 3, H, W) float32 in [-1, 1], H and W at least 16; `real` without gradient.
    """
    with torch.no_grad():
        wanted = list(vgg(real, layers).values())
    return loss_perceptual(list(vgg(fake, layers).values()), wanted)
