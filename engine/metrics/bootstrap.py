"""How sure a number is: percentile intervals from resampled pictures (Efron 1979).

Each resample draws as many pictures as there are, with repetition, and works the number out anew; the interval
holds the middle 95 % of the results. With few pictures such intervals are too narrow: for a mean of 8 pictures by
about a fifth (the normal quantile in place of Student's, and N in place of N - 1).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

RESAMPLES = 1000
CONFIDENCE = 0.95
FEW = 20
"""Fewer pictures than this leave an interval a hint only."""


@dataclass(frozen=True)
class Figure:
    """A number with all that is needed to believe it.

    Attributes:
        name: of the measure.
        value: on the pictures as they are.
        low, high: ends of the interval, in the value's unit; NaN where there is none.
        n: pictures (or pairs of pictures) that it rests on.
        extractor: the network that saw the pictures; empty when pixels were compared.
        reference: who defined the measure.
        note: what to keep in mind; empty when there is nothing.
        lower_is_better: true for distances.
    """

    name: str
    value: float
    low: float
    high: float
    n: int
    extractor: str
    reference: str
    note: str = ""
    lower_is_better: bool = True


def bootstrap_interval(
    statistic: Callable[..., float],
    sets: Sequence[Tensor],
    generator: torch.Generator,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
) -> tuple[float, float]:
    """The percentile interval of any number that is worked out from one or more sets.

    Args:
        statistic: takes as many sets as there are.
        sets: (N, ...) each: feature rows or per-picture values; each is resampled by itself.
        generator: draws.
    """
    rows = [draw_rows(len(values), resamples, generator) for values in sets]
    return percentile_interval(
        resampled(lambda *drawn: statistic(*(s[i] for s, i in zip(sets, drawn, strict=True))), rows), confidence
    )


def draw_rows(count: int, resamples: int, generator: torch.Generator) -> Tensor:
    """(B, N) int64: places of N pictures with repetition, for each of B resamples."""
    return torch.randint(count, (resamples, count), generator=generator)


def counts_of(rows: Tensor, count: int) -> Tensor:
    """(B, count) float64: how often each place occurs in each row of (B, N) places."""
    counts = torch.zeros(len(rows), count, dtype=torch.float64)
    return counts.scatter_add_(1, rows, torch.ones_like(rows, dtype=torch.float64))


def resampled(statistic: Callable[..., float], rows: Sequence[Tensor]) -> Tensor:
    """(B,) float64: the number for each resample.

    Args:
        statistic: takes one (N,) of places for each of `rows`.
        rows: (B, N) places each, from `draw_rows`.
    """
    return torch.tensor([statistic(*drawn) for drawn in zip(*rows, strict=True)], dtype=torch.float64)


def percentile_interval(values: Tensor, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The middle share of (B,) resampled numbers; resamples that gave NaN do not count.

    Returns:
        Both ends; NaN when there is no number.
    """
    ends = torch.tensor([(1 - confidence) / 2, (1 + confidence) / 2], dtype=torch.float64)
    low, high = torch.nanquantile(values.double(), ends).tolist()
    return low, high
