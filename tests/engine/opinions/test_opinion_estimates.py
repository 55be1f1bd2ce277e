"""Intervals hold what they promise: simulated studies with known means."""

import math

import numpy as np
import pytest

from engine.opinions import estimates
from engine.opinions.estimates import estimate, wanted


def simulated(chance, people, pictures, of_people, of_pictures, noise):
    """Ratings of 1 to 5 by (people, pictures), each with a taste of their own."""
    score = 3.2 + of_people * chance.normal(size=(people, 1)) + of_pictures * chance.normal(size=(1, pictures))
    return np.clip(np.rint(score + noise * chance.normal(size=(people, pictures))), 1, 5)


# Participants, pictures; how far tastes of people, of pictures and single answers differ.
DESIGNS = [
    (8, 10, 0.6, 0.4, 0.8),
    pytest.param((20, 10, 0.5, 0.3, 0.7), marks=pytest.mark.slow),
    pytest.param((30, 10, 0.2, 0.8, 0.6), marks=pytest.mark.slow),
]


@pytest.mark.parametrize("design", DESIGNS)
def test_95_percent_intervals_hold_the_truth_in_95_percent_of_500_studies(design, monkeypatch):
    monkeypatch.setattr(estimates, "RESAMPLES", 500)
    chance = np.random.default_rng(2)
    truth = float(np.mean([simulated(chance, 2000, 2000, *design[2:]).mean() for _ in range(3)]))
    found = [estimate(simulated(chance, *design), seed=number) for number in range(500)]
    held = sum(each.low <= truth <= each.high for each in found) / 500
    assert 0.93 <= held <= 0.97


def test_missing_answers_are_not_zeros():
    chance = np.random.default_rng(3)
    answers = simulated(chance, 12, 8, 0.4, 0.3, 0.5)
    holes = np.where(chance.random(answers.shape) < 0.3, math.nan, answers)
    whole, some = estimate(answers), estimate(holes)
    assert some.answers == int((~np.isnan(holes)).sum()) < whole.answers
    assert math.isclose(some.mean, float(np.nanmean(holes)))
    assert some.low < whole.mean < some.high
    nobody = np.full((3, 8), math.nan)
    assert estimate(np.vstack([holes, nobody])) == some


def test_without_two_people_or_two_pictures_there_is_no_interval():
    assert math.isnan(estimate(np.array([[3.0, 4.0, 5.0]])).low)
    assert math.isnan(estimate(np.array([[3.0], [4.0]])).low)
    assert estimate(np.full((2, 2), math.nan)).answers == 0
    same = estimate(np.full((3, 4), 5.0))
    assert (same.low, same.mean, same.high) == (5.0, 5.0, 5.0)


def test_how_many_people_would_be_needed():
    chance = np.random.default_rng(4)
    small = estimate(0.1 + 0.9 * chance.normal(size=(8, 40)) + 0.5 * chance.normal(size=(8, 1)))
    assert not small.excludes_zero
    needed = wanted(small)
    assert needed is not None
    assert needed > 8
    disagreeing = estimate(0.1 + 2.0 * chance.normal(size=(1, 4)) + 0.01 * chance.normal(size=(20, 4)))
    assert wanted(disagreeing) is None
