"""The losses of neural style (Gatys et al. 2016), as shares of their targets: tensors in, scalars out."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor


def gram_matrix(features: Tensor) -> Tensor:
    """Mean products of each two channels over the pixels (equation 3): which textures there are, not where.

    Args:
        features: (N, C, H, W).

    Returns:
        (N, C, C), symmetric.
    """
    flat = features.flatten(2)
    return flat @ flat.mT / flat.shape[2]


def loss_content(features: Tensor, target: Tensor) -> Tensor:
    """Squared distance between features (equation 1), as a share of the target's square."""
    return (features - target).square().mean() / target.square().mean()


def loss_style(
    features: Mapping[str, Tensor], grams: Mapping[str, Tensor], weights: Mapping[str, float] | None = None
) -> Tensor:
    """Squared distance between Gram matrices (equation 4), as a share of the target's square, mean over layers.

    The share takes the place of the paper's rescaled network: raw features of deep layers are a hundred times
    those of the first.

    Args:
        weights: of the layers in the mean; None means equal ones.
    """
    shares = [
        (gram_matrix(features[name]) - gram).square().mean() / gram.square().mean() for name, gram in grams.items()
    ]
    return weighted_mean(shares, [1.0] * len(shares) if weights is None else [weights[name] for name in grams])


def loss_total_variation(pixels: Tensor, absolute: bool = False) -> Tensor:
    """Mean squared step between neighbours, across plus down; or the mean step as it is, which punishes edges less."""
    down, across = pixels.diff(dim=2), pixels.diff(dim=3)
    if absolute:
        return down.abs().mean() + across.abs().mean()
    return down.square().mean() + across.square().mean()


def weighted_mean(values: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """The mean of scalars; equal weights give the plain mean to the last bit."""
    stacked = torch.stack(list(values))
    if len(set(weights)) == 1:
        return stacked.mean()
    shares = stacked.new_tensor(weights)
    return (stacked * shares).sum() / shares.sum()
