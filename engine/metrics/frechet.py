"""How far apart two sets of pictures are, by the means and covariances of their features.

Frechet distance between Gaussians (Dowson and Landau 1982), as in Heusel et al. 2017 for Inception features. The
number depends on the features and on the size of the sets: compare it only with numbers of the same features and
the same N, such as the distance between two halves of one set.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Gaussian:
    """Mean and covariance of features.

    Attributes:
        mean: (D,).
        root: (M, D); `root.T @ root` is the unbiased covariance.
    """

    mean: Tensor
    root: Tensor

    def compact(self) -> "Gaussian":
        """The same with min(M, D) rows, by a QR decomposition; not differentiable."""
        return Gaussian(self.mean, torch.linalg.qr(self.root, mode="r").R)


def gaussian_of(features: Tensor) -> Gaussian:
    """Of (N, D) features, N >= 2; differentiable."""
    mean = features.mean(0)
    return Gaussian(mean, (features - mean) / (len(features) - 1) ** 0.5)


def squared_distance(one: Gaussian, other: Gaussian) -> Tensor:
    """|mu1 - mu2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)), a scalar; differentiable, so a loss can be made of it."""
    gap = (one.mean - other.mean).square().sum()
    # For C1 = A'A and C2 = B'B the trace of (C1 C2)^(1/2) is the sum of the singular values of A B': no square
    # root of a matrix that is singular whenever N <= D.
    overlap = torch.linalg.svdvals(one.root @ other.root.T).sum()
    return gap + one.root.square().sum() + other.root.square().sum() - 2 * overlap


def frechet_distance(real_features: Tensor, fake_features: Tensor) -> float:
    """|mu1 - mu2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)) with unbiased covariances.

    Args:
        real_features: (N, D) of any floating dtype, N >= 2; computed in float64.
        fake_features: (M, D), M >= 2.

    Returns:
        0 or more, in squared units of the features.

    Raises:
        ValueError: other shapes, or numbers that are not finite.
    """
    real, fake = _checked(real_features), _checked(fake_features)
    if real.shape[1] != fake.shape[1]:
        raise ValueError(
            f"Both sets must have the same features; got {real.shape[1]} and {fake.shape[1]}. "
            "Take both from one extractor."
        )
    distance = squared_distance(gaussian_of(real).compact(), gaussian_of(fake).compact())
    return max(0.0, distance.item())


def half_to_half_floor(features: Tensor, generator: torch.Generator, splits: int = 4) -> float:
    """Mean Frechet distance between random halves of one set: what equal sets of N / 2 pictures score.

    Args:
        features: (N, D), N >= 4.
        generator: draws the halves.
        splits: number of ways to halve.
    """
    features, half = _checked(features, least=4), len(features) // 2
    total = 0.0
    for _ in range(splits):
        order = torch.randperm(len(features), generator=generator)
        total += frechet_distance(features[order[:half]], features[order[half : 2 * half]])
    return total / splits


def _checked(features: Tensor, least: int = 2) -> Tensor:
    if features.ndim != 2 or len(features) < least or not features.is_floating_point():
        raise ValueError(
            f"Features must be floating-point (N, D) with N of at least {least}; "
            f"got {features.dtype} {tuple(features.shape)}. Extract more pictures, one row each."
        )
    if not bool(torch.isfinite(features).all()):
        raise ValueError("Features must be finite numbers; got NaN or infinity. Look for the picture they came from.")
    return features.double()
