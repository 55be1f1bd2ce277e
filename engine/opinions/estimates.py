"""Means over people and pictures with honest intervals: both are a sample of those who might have been asked about.

An interval comes from the bootstrap that draws participants and pictures anew, both at once (Owen, "The pigeonhole
bootstrap", 2007, doi:10.1214/07-AOAS122). That bootstrap counts the noise of single answers three times and knows
nothing of small samples, so its deviations are stretched or shrunk to the variance of two-way clustering (Cameron,
Gelbach and Miller 2011, doi:10.1198/jbes.2010.07136; with complete answers that of the analysis of variance) and to
Student's t with Satterthwaite's degrees of freedom.
"""

import math
from dataclasses import dataclass

import numpy as np

RESAMPLES = 2000
LEVEL = 0.95
MOST_WANTED = 10_000  # participants; beyond that more people do not help


@dataclass(frozen=True)
class Estimate:
    """A mean with its interval.

    Attributes:
        mean: of all answers; NaN where there are none.
        low, high: the 95% interval; NaN where one participant or one picture is all there is.
        deviation: standard deviation of the answers.
        participants, contents, answers: how many there are.
        of_people, of_pictures: the parts of the mean's variance that more people, or more pictures, make smaller.
    """

    mean: float
    low: float
    high: float
    deviation: float
    participants: int
    contents: int
    answers: int
    of_people: float
    of_pictures: float

    @property
    def excludes_zero(self) -> bool:
        """Whether zero lies outside the interval."""
        return self.low > 0 or self.high < 0


def estimate(answers: np.ndarray, seed: int = 0) -> Estimate:
    """The mean of answers and how far it can be trusted.

    Args:
        answers: (participants, contents) float, NaN where somebody was not asked.
        seed: of the bootstrap.
    """
    answers = answers[~np.isnan(answers).all(axis=1)][:, ~np.isnan(answers).all(axis=0)]
    known = ~np.isnan(answers)
    people, pictures, count = *answers.shape, int(known.sum())
    if not count:
        return Estimate(math.nan, math.nan, math.nan, math.nan, 0, 0, 0, math.nan, math.nan)
    mean, deviation = float(answers[known].mean()), float(answers[known].std(ddof=1)) if count > 1 else math.nan
    if people < 2 or pictures < 2:
        return Estimate(mean, math.nan, math.nan, deviation, people, pictures, count, math.nan, math.nan)
    share = np.where(known, answers - mean, 0.0) / count
    by_people, by_pictures, by_answer = _variances(share)
    variance = max(by_people + by_pictures - by_answer, by_answer)
    freedom = _freedom(variance, (by_people, people - 1), (by_pictures, pictures - 1))
    low, high = _interval(answers, known, mean, math.sqrt(variance) * _t(freedom), seed)
    of_pictures = max(by_pictures - by_answer, 0.0)
    return Estimate(mean, low, high, deviation, people, pictures, count, max(variance - of_pictures, 0.0), of_pictures)


def wanted(found: Estimate) -> int | None:
    """About how many participants would tell this difference from zero, if it is as large as it looks.

    Returns:
        None where it cannot be said, or no number of people would do because the pictures disagree.
    """
    if not found.of_people >= 0 or not found.mean:
        return None
    for people in sorted({*range(2, 200), *map(round, np.geomspace(200, MOST_WANTED, 200))}):
        variance = found.of_people * found.participants / people + found.of_pictures
        if abs(found.mean) > math.sqrt(variance) * _t(min(people - 1, max(found.contents - 1, 1) * 4)):
            return people
    return None


def _variances(share: np.ndarray) -> tuple[float, float, float]:
    """Of the mean, clustered by participants, by pictures and by single answers, each without bias for few of them."""
    people, pictures = share.shape
    by_people = float((share.sum(axis=1) ** 2).sum()) * people / (people - 1)
    by_pictures = float((share.sum(axis=0) ** 2).sum()) * pictures / (pictures - 1)
    single = share - share.mean(axis=1, keepdims=True) - share.mean(axis=0, keepdims=True) + share.mean()
    by_answer = float((single**2).sum()) * people * pictures / ((people - 1) * (pictures - 1))
    return by_people, by_pictures, by_answer


def _freedom(variance: float, *parts: tuple[float, int]) -> float:
    spread = sum(part**2 / freedom for part, freedom in parts)
    return max(1.0, variance**2 / spread) if spread else math.inf


def _t(freedom: float) -> float:
    from scipy.special import stdtrit  # scipy.stats takes a second to import

    return float(stdtrit(min(freedom, 1e9), (1 + LEVEL) / 2))


def _interval(answers: np.ndarray, known: np.ndarray, mean: float, half_width: float, seed: int) -> tuple[float, float]:
    drawn = _resampled(np.where(known, answers, 0.0), known.astype(float), seed) - mean
    spread = float(drawn.std())
    if not spread:
        return mean - half_width, mean + half_width
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    scale = half_width / (spread * 1.959964)
    return mean + float(low) * scale, mean + float(high) * scale


def _resampled(values: np.ndarray, known: np.ndarray, seed: int) -> np.ndarray:
    """Means of studies with other participants and pictures, (RESAMPLES,)."""
    chance = np.random.default_rng(seed)
    people, pictures = values.shape
    of_people = chance.multinomial(people, np.full(people, 1 / people), RESAMPLES).astype(float)
    of_pictures = chance.multinomial(pictures, np.full(pictures, 1 / pictures), RESAMPLES).astype(float)
    sums = ((of_people @ values) * of_pictures).sum(axis=1)
    counts = ((of_people @ known) * of_pictures).sum(axis=1)
    return sums[counts > 0] / counts[counts > 0]
