"""Losses as curves."""

import math

import numpy as np
import pytest

from engine.lora.runs.curves import curves_of, running_mean, smoothed, thinned
from engine.lora.runs.progress import Step


def test_smoothing_is_tensorboards():
    """Its slider: an exponential average, divided by the weight that it has seen so far."""
    assert smoothed([3.0, 3.0, 3.0]) == pytest.approx([3.0, 3.0, 3.0])
    assert smoothed([1.0, 2.0], 0.6) == pytest.approx([1.0, (0.6 * 0.4 * 1 + 0.4 * 2) / (1 - 0.6**2)])
    assert smoothed([1.0, 5.0], 0.0) == [1.0, 5.0]


def test_the_mean_looks_back_on_so_many_steps():
    values = np.random.default_rng(0).random(50).tolist()
    expected = [np.mean(values[max(0, place - 19) : place + 1]) for place in range(50)]
    assert running_mean(values) == pytest.approx(expected)


def test_long_curves_are_thinned_and_keep_their_last_value():
    for count in (0, 1, 500, 501, 1999, 100_000):
        points = thinned([(step, 0.0) for step in range(count)])
        assert len(points) <= 500
        assert [step for step, _ in points[-1:]] == ([count - 1] if count else [])


def test_curves_hold_what_was_measured():
    progress = [Step(0, held_out=0.5), Step(1, 0.4, 1e-5), Step(2, 0.2, 2e-5, 0.3)]
    curves = curves_of(progress)
    assert curves.loss == [(1, 0.4), (2, 0.2)]
    assert curves.held_out == [(0, 0.5), (2, 0.3)]
    assert curves.rate == [(1, 1e-5), (2, 2e-5)]
    assert math.isclose(curves.average[-1][1], 0.3)
    assert curves_of([]).loss == []
