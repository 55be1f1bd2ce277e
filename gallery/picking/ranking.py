"""An order from answers about pairs, and which pair to ask about next.

The model is that of Bradley and Terry (1952, doi:10.2307/2334029): picture i beats j with probability
sigmoid(s_i - s_j). Strengths are the maximum a posteriori under a normal prior (`choix.opt_pairwise`), their covariance
is that of Laplace's approximation, and the next pair is the one whose answer says most: the largest determinant of the
information that is expected after it (a D-optimal design).
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np

PRIOR_VARIANCE = 16.0  # wide: a favourite may beat the weakest always, and the answers decide
SURE = 0.9  # probability from which one picture counts as certainly better than another

Outcome = tuple[int, int, bool]
"""Two pictures by their index, the better one first, and whether it is better at all; False for "cannot tell"."""


@dataclass(frozen=True, slots=True)
class Place:
    """One picture in the order.

    Attributes:
        index: which picture.
        strength: of Bradley and Terry, 0 in the middle.
        best, worst: the places, from 1, that it has for certain: between those that are surely better and those that
            are surely weaker.
    """

    index: int
    strength: float
    best: int
    worst: int


def questions(count: int) -> int:
    """How many questions put `count` pictures in order: about n log2 n, and no pair twice."""
    return min(math.ceil(count * math.log2(count)), count * (count - 1) // 2) if count > 1 else 0


def next_pair(count: int, answers: Sequence[Outcome], gone: Collection[int] = ()) -> tuple[int, int] | None:
    """The pair whose answer says most, the lower index first; None where every pair was asked.

    Args:
        count: how many pictures there are.
        answers: so far.
        gone: pictures that are not asked about any more.
    """
    strengths, covariance = _estimate(count, tuple(answers))
    gain = np.triu(_information(strengths) * _variance(covariance), 1)
    for first, second, _ in answers:
        gain[first, second] = gain[second, first] = 0.0
    gain[list(gone), :] = gain[:, list(gone)] = 0.0
    if not gain.any():
        return None
    first, second = divmod(int(gain.argmax()), count)
    return first, second


def ranking(count: int, answers: Sequence[Outcome]) -> list[Place]:
    """The pictures from the best to the weakest, each with the places that it can have."""
    strengths, covariance = _estimate(count, tuple(answers))
    apart = (strengths[:, None] - strengths[None, :]) / np.sqrt(np.maximum(_variance(covariance), 1e-12))
    surely_above = apart > NormalDist().inv_cdf(SURE)
    order = sorted(range(count), key=lambda index: -strengths[index])
    return [
        Place(
            index,
            float(strengths[index]),
            best=1 + int(surely_above[:, index].sum()),
            worst=count - int(surely_above[index].sum()),
        )
        for index in order
    ]


@lru_cache(maxsize=32)
def _estimate(count: int, answers: tuple[Outcome, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Strengths (count,) and their covariance (count, count)."""
    import choix  # scipy.stats takes a second

    # "Cannot tell" is half a win for each, so every other answer counts as two halves, and the prior with them.
    data = [pair for first, second, better in answers for pair in ((first, second), _half(first, second, better))]
    strengths = choix.opt_pairwise(count, data, alpha=2 / PRIOR_VARIANCE, tol=1e-3)
    precision = np.eye(count) / PRIOR_VARIANCE
    information = _information(strengths)
    for first, second, _ in answers:
        weight = information[first, second]
        precision[first, first] += weight
        precision[second, second] += weight
        precision[first, second] -= weight
        precision[second, first] -= weight
    return strengths, np.linalg.inv(precision)


def _half(first: int, second: int, better: bool) -> tuple[int, int]:
    return (first, second) if better else (second, first)


def _information(strengths: np.ndarray) -> np.ndarray:
    """Of an answer about each pair, by Fisher: p (1 - p), shape (count, count)."""
    chance = 1 / (1 + np.exp(-np.clip(strengths[:, None] - strengths[None, :], -30, 30)))
    return chance * (1 - chance)


def _variance(covariance: np.ndarray) -> np.ndarray:
    """Of the difference between each two strengths."""
    own = np.diag(covariance)
    return own[:, None] + own[None, :] - 2 * covariance
