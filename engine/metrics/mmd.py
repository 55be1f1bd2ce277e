"""How far apart two sets of pictures are, by a kernel on their features: MMD (Gretton et al. 2012), CMMD, KID.

Unlike the Frechet distance, the estimator used here is unbiased for any number of pictures, so its expected value
does not depend on how many there are; it may come out a little below 0 for sets that are alike.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

Kernel = Callable[[Tensor, Tensor], Tensor]
CHUNK = 1024  # rows of a kernel matrix in memory at once
CMMD_SIGMA, CMMD_SCALE = 10.0, 1000.0


def gaussian_kernel(x: Tensor, y: Tensor, sigma: float) -> Tensor:
    """exp(-|x - y|^2 / (2 sigma^2)) of every row of (N, D) with every row of (M, D): (N, M), above 0 to 1."""
    squares = x.square().sum(1)[:, None] + y.square().sum(1) - 2 * x @ y.T
    return torch.exp(-squares.clamp_min(0) / (2 * sigma**2))


def polynomial_kernel(x: Tensor, y: Tensor, degree: int = 3, gamma: float | None = None, coef: float = 1.0) -> Tensor:
    """(gamma x.y + coef)^degree of every row of (N, D) with every row of (M, D): (N, M).

    Args:
        gamma: None means 1 / D, as in KID.
    """
    return (x @ y.T * (1 / x.shape[1] if gamma is None else gamma) + coef) ** degree


def mmd_squared(
    real_features: Tensor,
    fake_features: Tensor,
    kernel: Kernel,
    real_counts: Tensor | None = None,
    fake_counts: Tensor | None = None,
    chunk: int = CHUNK,
) -> Tensor:
    """The unbiased estimate of MMD^2 (Gretton et al. 2012, JMLR 13, Eq. 3), of a set or of many resamples of it.

    Mean kernel of two different real pictures, plus that of two different fake ones, less twice that of a real and
    a fake one. In a resample two copies of one picture do not count as two different ones; else every repetition
    would look like a set that is less diverse.

    Args:
        real_features: (N, D) of any floating dtype, N >= 2; computed in float64.
        fake_features: (M, D), M >= 2.
        kernel: of two row blocks.
        real_counts: (B, N), how often each row was drawn in each of B resamples; None means every row once, B = 1.
        fake_counts: (B, M).
        chunk: rows of a kernel matrix in memory at once.

    Returns:
        (B,) float64, in units of the kernel; NaN for a resample that holds one picture only.

    Raises:
        ValueError: other shapes.
    """
    real, fake = _checked(real_features, fake_features)
    w, v = _counts(real, real_counts), _counts(fake, fake_counts)
    across = torch.zeros(len(w), dtype=torch.float64)
    for start in range(0, len(real), chunk):
        rows = slice(start, start + chunk)
        across += ((w[:, rows] @ kernel(real[rows], fake)) * v).sum(1)
    across /= w.sum(1) * v.sum(1)
    return _within(real, w, kernel, chunk) + _within(fake, v, kernel, chunk) - 2 * across


def unit_mmd(
    real_features: Tensor, fake_features: Tensor, real_counts: Tensor | None = None, fake_counts: Tensor | None = None
) -> Tensor:
    """1000 MMD^2 between rows scaled to length 1, Gaussian kernel of sigma 10; see `mmd_squared`.

    In CLIP ViT-L/14-336 embeddings this is CMMD.
    """
    kernel = partial(gaussian_kernel, sigma=CMMD_SIGMA)
    real, fake = (F.normalize(features.double(), dim=1) for features in (real_features, fake_features))
    return CMMD_SCALE * mmd_squared(real, fake, kernel, real_counts, fake_counts)


def cmmd(real_embeddings: Tensor, fake_embeddings: Tensor) -> float:
    """CMMD of Jayasumana et al. 2024 (arXiv 2401.09603): about 0 (alike) upwards, lower is nearer.

    MMD^2 with a Gaussian kernel of sigma 10 between CLIP ViT-L/14-336 image embeddings of length 1, times 1000 as
    in the paper. This is the unbiased estimator that the paper gives. The authors' program takes the biased one, which
    counts each picture's kernel with itself and so is larger, by up to about 10 (1 / N + 1 / M): nothing for
    30,000 pictures and much for 8.

    Args:
        real_embeddings, fake_embeddings: (N, D) and (M, D), N and M at least 2.
    """
    return unit_mmd(real_embeddings, fake_embeddings).item()


def image_text_mmd(
    image_embeddings: Tensor, text_embeddings: Tensor, sigma: float, counts: Tensor | None = None
) -> Tensor:
    """MMD^2 between pictures and their captions, Gaussian kernel on rows scaled to length 1, not scaled: 0 to 2.

    This is no CMMD: mostly it tells how far pictures and texts lie apart in CLIP at all, whatever they show, and the
    value depends on sigma.

    Args:
        image_embeddings, text_embeddings: (N, D) of one CLIP, row k of one belongs to row k of the other; N >= 2.
        sigma: of the kernel, above 0; see `median_distance`.
        counts: (B, N), how often each pair was drawn in each of B resamples; None means every pair once, B = 1.

    Returns:
        (B,) float64, unbiased, so a little below 0 is possible.
    """
    images, texts = (F.normalize(rows.double(), dim=1) for rows in (image_embeddings, text_embeddings))
    return mmd_squared(images, texts, partial(gaussian_kernel, sigma=sigma), counts, counts)


def median_distance(one: Tensor, other: Tensor) -> float:
    """The median distance of rows of (N, D) and (M, D) scaled to length 1: a usual sigma, above 0."""
    rows = (F.normalize(each.double(), dim=1) for each in (one, other))
    return max(torch.cdist(*rows).median().item(), 1e-6)


def kernel_inception_distance(
    real_features: Tensor,
    fake_features: Tensor,
    generator: torch.Generator,
    subsets: int = 100,
    subset_size: int = 1000,
) -> tuple[float, float]:
    """KID of Binkowski et al. 2018 (arXiv 1801.01401): about 0 (alike) upwards, lower is nearer.

    MMD^2 with the kernel (x.y / D + 1)^3, over random subsets without repetition.

    Args:
        real_features, fake_features: (N, D) and (M, D) of Inception v3 pool3.
        generator: draws the subsets.
        subset_size: rows of each set in a subset, at most N and M.

    Returns:
        Mean and standard deviation over the subsets; with subsets as large as both sets all are one.

    Raises:
        ValueError: fewer rows than `subset_size`.
    """
    fewest = min(len(real_features), len(fake_features))
    if subset_size > fewest:
        raise ValueError(f"KID draws subsets of {subset_size} pictures; got {fewest}. Lower subset_size.")

    def drawn(features: Tensor) -> Tensor:
        return features[torch.randperm(len(features), generator=generator)[:subset_size]]

    values = torch.cat(
        [mmd_squared(drawn(real_features), drawn(fake_features), polynomial_kernel) for _ in range(subsets)]
    )
    return values.mean().item(), values.std(correction=0).item()


def _within(features: Tensor, counts: Tensor, kernel: Kernel, chunk: int) -> Tensor:
    """Mean kernel over pairs of different rows in each resample, (B,)."""
    total = torch.zeros(len(counts), dtype=torch.float64)
    for start in range(0, len(features), chunk):
        rows = slice(start, start + chunk)
        values = kernel(features[rows], features)
        values.diagonal(start).zero_()
        total += ((counts[:, rows] @ values) * counts).sum(1)
    return total / (counts.sum(1).square() - counts.square().sum(1))


def _counts(features: Tensor, counts: Tensor | None) -> Tensor:
    return torch.ones(1, len(features), dtype=torch.float64) if counts is None else counts.double()


def _checked(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    shapes = f"{tuple(real.shape)} and {tuple(fake.shape)}"
    if real.ndim != 2 or fake.ndim != 2 or real.shape[1] != fake.shape[1] or min(len(real), len(fake)) < 2:
        raise ValueError(
            f"MMD needs two sets (N, D) of the same features with 2 rows or more; got {shapes}. "
            "Take both from one extractor, one row for each picture."
        )
    return real.double(), fake.double()
