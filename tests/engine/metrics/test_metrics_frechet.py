"""Frechet distance: what must be true of it for any features."""

import pytest
import torch

from engine.metrics.frechet import frechet_distance, gaussian_of, half_to_half_floor, squared_distance


def normal(count, dimensions, seed, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(count, dimensions, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize(("count", "dimensions"), [(200, 5), (10, 40)])
def test_a_set_has_no_distance_to_itself_also_with_fewer_pictures_than_features(count, dimensions):
    features = normal(count, dimensions, 0)
    assert frechet_distance(features, features) == pytest.approx(0, abs=1e-9)


def test_equal_covariances_leave_the_squared_distance_of_the_means():
    features, step = normal(50, 8, 1), torch.arange(8).double()
    assert frechet_distance(features, features + step) == pytest.approx(step.square().sum().item())


def test_it_is_symmetric_and_grows_with_the_spread():
    narrow, wide = normal(300, 4, 2), normal(300, 4, 3, scale=2)
    assert frechet_distance(narrow, wide) == pytest.approx(frechet_distance(wide, narrow))
    # For N(0, 1) and N(0, 4) in each of four dimensions: 4 (1 + 4 - 2 * 2) = 4.
    assert frechet_distance(normal(40_000, 4, 2), normal(40_000, 4, 3, scale=2)) == pytest.approx(4, rel=0.03)


def test_it_is_the_trace_of_the_formula():
    one, other = normal(60, 6, 4), normal(80, 6, 5) @ normal(6, 6, 6)
    product = torch.linalg.eigvals(one.T.cov() @ other.T.cov())
    trace = one.T.cov().trace() + other.T.cov().trace() - 2 * product.real.clamp_min(0).sqrt().sum()
    expected = (one.mean(0) - other.mean(0)).square().sum() + trace
    assert frechet_distance(one, other) == pytest.approx(expected.item())


@pytest.mark.parametrize(("count", "dimensions"), [(30, 4), (5, 8)])
def test_its_gradient_is_that_of_the_number(count, dimensions):
    aim, features = gaussian_of(normal(40, dimensions, 8)), normal(count, dimensions, 9, scale=2)
    assert torch.autograd.gradcheck(
        lambda x: squared_distance(aim.compact(), gaussian_of(x)), features.requires_grad_(True), atol=1e-4
    )


def test_the_floor_is_small_reproducible_and_falls_with_more_pictures():
    few, many = normal(40, 6, 7), normal(4000, 6, 7)
    floors = [half_to_half_floor(features, torch.Generator().manual_seed(0)) for features in (few, few, many)]
    assert floors[0] == floors[1]
    assert 0 < floors[2] < floors[0] / 10


def test_wrong_features_are_refused_in_words():
    with pytest.raises(ValueError, match=r"floating-point \(N, D\) with N of at least 2; got torch.float64 \(1, 3\)"):
        frechet_distance(torch.zeros(1, 3).double(), torch.zeros(2, 3).double())
    with pytest.raises(ValueError, match="same features; got 3 and 4"):
        frechet_distance(torch.zeros(2, 3).double(), torch.zeros(2, 4).double())
    with pytest.raises(ValueError, match="got NaN or infinity"):
        frechet_distance(torch.full((2, 3), torch.nan), torch.zeros(2, 3))
