"""Intervals hold what they should, as often as they should, and are the same each time."""

import math

import pytest
import torch

from engine.metrics.bootstrap import bootstrap_interval, counts_of, draw_rows, percentile_interval, resampled
from engine.metrics.frechet import frechet_distance


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed):
    return torch.randn(*shape, generator=seeded(seed), dtype=torch.float64)


def mean(values):
    return values.mean().item()


def test_the_interval_of_a_mean_is_about_two_standard_errors_wide_and_reproducible():
    values = normal(400, seed=0)
    low, high = bootstrap_interval(mean, [values], seeded())
    assert (low, high) == bootstrap_interval(mean, [values], seeded())
    error = (values.std() / 400**0.5).item()
    assert low == pytest.approx(mean(values) - 1.96 * error, abs=0.15 * error)
    assert high == pytest.approx(mean(values) + 1.96 * error, abs=0.15 * error)


def test_it_holds_the_truth_about_95_times_in_100():
    samples = normal(300, 50, seed=1)
    rows = draw_rows(50, 300, seeded())
    hits = 0
    for values in samples:
        low, high = percentile_interval(values[rows].mean(1))
        hits += low <= 0 <= high
    assert 0.89 <= hits / 300 <= 0.98


def test_more_confidence_is_wider():
    values = normal(30, seed=2)
    narrow, wide = (bootstrap_interval(mean, [values], seeded(), confidence=c) for c in (0.5, 0.99))
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_two_feature_sets_are_resampled_each_by_itself():
    real, fake = normal(40, 3, seed=3), normal(30, 3, seed=4) + 2
    low, high = bootstrap_interval(frechet_distance, [real, fake], seeded(), resamples=100)
    assert 6 < low < high < 24


def test_rows_and_counts_tell_the_same_draws():
    rows = draw_rows(5, 4, seeded())
    assert rows.shape == (4, 5)
    counts = counts_of(rows, 5)
    assert counts.tolist() == [[row.count(k) for k in range(5)] for row in rows.tolist()]
    values = normal(5, seed=5)
    torch.testing.assert_close(resampled(lambda i: mean(values[i]), [rows]), counts @ values / 5)


def test_resamples_without_a_number_do_not_count():
    values = torch.tensor([1.0, math.nan, 3.0])
    assert percentile_interval(values, confidence=0.999) == pytest.approx((1, 3), abs=0.01)
    assert all(map(math.isnan, percentile_interval(torch.full((3,), math.nan))))
