"""Which distances between sets each network gives, under which names: CMMD, FID and KID only from the real networks."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from engine.metrics import clip, inception
from engine.metrics.bootstrap import counts_of, resampled
from engine.metrics.features import Extractor
from engine.metrics.frechet import frechet_distance
from engine.metrics.mmd import mmd_squared, polynomial_kernel, unit_mmd

FRECHET_RESAMPLES = 200
"""A singular value decomposition for each; the ends of a 95 % interval are the fifth numbers from both sides."""
RESAMPLED_TOO_FAR = (
    "The interval does not hold the value, because a resample repeats pictures and so looks less diverse: "
    "read the difference, where this mostly cancels."
)


@dataclass(frozen=True)
class Distance:
    """A distance between two sets of pictures in one network's features; lower is nearer.

    Attributes:
        name: under which it may be reported.
        extractor: whose features.
        reference: who defined it.
        value: of real features (N, D) and fake ones (M, D).
        resampled: the same, for each pair of rows of places (B, N) and (B, M), as (B,); calls its last argument now
            and then, which may end it with an error.
        least: pictures below which the number means little.
    """

    name: str
    extractor: str
    reference: str
    value: Callable[[Tensor, Tensor], float]
    resampled: Callable[[Tensor, Tensor, Tensor, Tensor, Callable[[], None]], Tensor]
    least: int = 0

    def note(self, n: int) -> str:
        """What to keep in mind about this number from n pictures in the smaller set."""
        if n >= self.least:
            return ""
        return (
            f"Means little: the covariance of {n} pictures has rank {n - 1} in {self.least - 1} dimensions, so the "
            f"number depends on how many there are. Take {self.least} pictures or more."
        )


def distances_in(extractor: Extractor) -> tuple[Distance, Distance]:
    """The kernel distance and the Frechet distance in this network's features."""
    return _kernel_distance(extractor), _frechet(extractor)


def shortened(*sets: Tensor) -> tuple[Tensor, ...]:
    """The same rows in an orthonormal basis of all of them: as far from each other, with no more numbers than rows."""
    together = torch.cat(sets)
    if len(together) >= together.shape[1]:
        return sets
    basis = torch.linalg.qr(together.T).Q
    return tuple(rows @ basis for rows in sets)


def _kernel_distance(extractor: Extractor) -> Distance:
    if extractor.name == clip.NAME:
        return _mmd(extractor, "CMMD", "Jayasumana et al. 2024, arXiv 2401.09603 (unbiased, times 1000)", unit_mmd)
    if extractor.name == inception.NAME:
        kid = partial(mmd_squared, kernel=polynomial_kernel)
        return _mmd(extractor, "KID", "Binkowski et al. 2018, arXiv 1801.01401 (all pictures as one subset)", kid)
    source = "Gretton et al. 2012; kernel, unit vectors and factor 1000 as in arXiv 2401.09603, in another network"
    return _mmd(extractor, f"MMD in {_network(extractor)} features", source, unit_mmd)


def _mmd(extractor: Extractor, name: str, reference: str, compute: Callable[..., Tensor]) -> Distance:
    def from_rows(
        real: Tensor, fake: Tensor, real_rows: Tensor, fake_rows: Tensor, check: Callable[[], None]
    ) -> Tensor:
        check()
        counts = counts_of(real_rows, len(real)), counts_of(fake_rows, len(fake))
        return compute(real, fake, real_counts=counts[0], fake_counts=counts[1])

    return Distance(name, extractor.name, reference, lambda real, fake: compute(real, fake).item(), from_rows)


def _frechet(extractor: Extractor) -> Distance:
    name, source = f"Frechet distance in {_network(extractor)} features", "Dowson and Landau 1982"
    if extractor.name == inception.NAME:
        name, source = "FID", "Heusel et al. 2017, arXiv 1706.08500"
    return Distance(name, extractor.name, source, frechet_distance, _frechet_from_rows, least=extractor.dimensions + 1)


def _frechet_from_rows(
    real: Tensor, fake: Tensor, real_rows: Tensor, fake_rows: Tensor, check: Callable[[], None]
) -> Tensor:
    def distance(i: Tensor, j: Tensor) -> float:
        check()
        return frechet_distance(real[i], fake[j])

    return resampled(distance, (real_rows[:FRECHET_RESAMPLES], fake_rows[:FRECHET_RESAMPLES]))


def _network(extractor: Extractor) -> str:
    """The first word of a name such as "VGG19 relu5_4"; the layer stands in the figure's extractor."""
    return extractor.name.split()[0]
