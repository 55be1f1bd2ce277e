"""MMD: equal to its definition, unbiased, and the published metrics are what their papers say."""

import math

import pytest
import torch
from torchmetrics.image.kid import poly_mmd

from engine.metrics.bootstrap import counts_of, draw_rows
from engine.metrics.mmd import (
    cmmd,
    gaussian_kernel,
    image_text_mmd,
    kernel_inception_distance,
    median_distance,
    mmd_squared,
    polynomial_kernel,
    unit_mmd,
)


def normal(count, dimensions, seed, shift=0.0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, dimensions, generator=generator, dtype=torch.float64) + shift


def gaussian(x, y):
    return gaussian_kernel(x, y, sigma=2.0)


def by_loops(real, fake, k):
    """The estimator as Gretton et al. write it, pair by pair."""

    def mean(one, other, skip_same):
        pairs = [(i, j) for i in range(len(one)) for j in range(len(other)) if not (skip_same and i == j)]
        return sum(k(one[i], other[j]) for i, j in pairs) / len(pairs)

    return mean(real, real, True) + mean(fake, fake, True) - 2 * mean(real, fake, False)


@pytest.mark.parametrize("chunk", [1, 3, 1024])
def test_gaussian_mmd_is_its_definition_however_it_is_cut(chunk):
    real, fake = normal(7, 3, 0), normal(5, 3, 1, shift=0.4)
    expected = by_loops(real, fake, lambda a, b: math.exp(-sum((a - b) ** 2).item() / (2 * 2.0**2)))
    assert mmd_squared(real, fake, gaussian, chunk=chunk).item() == pytest.approx(expected, abs=1e-12)


def test_polynomial_mmd_is_its_definition_and_torchmetrics():
    real, fake = normal(6, 4, 2), normal(6, 4, 3)
    expected = by_loops(real, fake, lambda a, b: ((a @ b).item() / 4 + 1) ** 3)
    found = mmd_squared(real, fake, polynomial_kernel).item()
    assert found == pytest.approx(expected, abs=1e-12)
    assert found == pytest.approx(poly_mmd(real, fake).item(), abs=1e-12)


def test_it_is_symmetric_and_knows_different_sets():
    real, fake, far = normal(60, 3, 4), normal(50, 3, 5), normal(50, 3, 6, shift=2)
    near = mmd_squared(real, fake, gaussian).item()
    assert near == pytest.approx(mmd_squared(fake, real, gaussian).item())
    assert abs(near) < 0.05 < 0.3 < mmd_squared(real, far, gaussian).item()


def test_it_is_unbiased_also_for_very_few_pictures():
    values = [mmd_squared(normal(3, 2, seed), normal(4, 2, 1000 + seed), gaussian).item() for seed in range(200)]
    assert min(values) < 0
    assert torch.tensor(values).mean().item() == pytest.approx(0, abs=3 * torch.tensor(values).std().item() / 200**0.5)


def test_a_resample_counts_pairs_of_different_pictures_only():
    real, fake = normal(6, 3, 7), normal(5, 3, 8)
    rows = [draw_rows(len(x), 3, torch.Generator().manual_seed(9)) for x in (real, fake)]
    found = mmd_squared(real, fake, gaussian, *(counts_of(r, len(x)) for r, x in zip(rows, (real, fake), strict=True)))
    for k in range(3):
        i, j = rows[0][k], rows[1][k]
        kernels = (gaussian(real, real)[i][:, i], gaussian(fake, fake)[j][:, j], gaussian(real, fake)[i][:, j])
        within = [values[places[:, None] != places].mean() for values, places in zip(kernels[:2], (i, j), strict=True)]
        assert found[k].item() == pytest.approx((sum(within) - 2 * kernels[2].mean()).item(), abs=1e-12)


def test_every_row_once_is_the_set_itself_and_one_row_only_is_no_number():
    real, fake = normal(4, 3, 10), normal(4, 3, 11)
    counts = torch.tensor([[1.0, 1, 1, 1], [4, 0, 0, 0]])
    found = mmd_squared(real, fake, gaussian, counts, counts)
    assert found[0].item() == pytest.approx(mmd_squared(real, fake, gaussian).item())
    assert found[1].isnan()


def test_cmmd_is_a_thousand_times_mmd_of_unit_vectors_with_sigma_ten():
    real, fake = normal(6, 8, 12), normal(7, 8, 13)
    units = [x / x.norm(dim=1, keepdim=True) for x in (real, fake)]
    expected = 1000 * by_loops(*units, lambda a, b: math.exp(-((a - b) @ (a - b)).item() / 200))
    assert cmmd(real, fake) == pytest.approx(expected, abs=1e-9)
    assert cmmd(3 * real, fake) == pytest.approx(expected, abs=1e-9)
    assert unit_mmd(real.float(), fake.float()).item() == pytest.approx(expected, rel=1e-3)


def test_image_text_mmd_is_its_definition_and_says_how_large_it_can_be():
    images, texts = normal(5, 8, 18), normal(5, 8, 19)
    units = [x / x.norm(dim=1, keepdim=True) for x in (images, texts)]
    expected = by_loops(*units, lambda a, b: math.exp(-((a - b) @ (a - b)).item() / (2 * 0.7**2)))
    assert image_text_mmd(images, 3 * texts, 0.7).item() == pytest.approx(expected, abs=1e-12)
    assert median_distance(images, texts) == pytest.approx(torch.cdist(*units).median().item())
    # Two points opposite each other are as far apart as can be: with sigma 10 that is 0.0396, so 0.87 needs another.
    point = torch.tensor([[1.0, 0.0]]).repeat(4, 1)
    assert image_text_mmd(point, -point, 10).item() == pytest.approx(0.0396, abs=1e-4)
    assert image_text_mmd(point, -point, 1).item() > 0.867


def test_the_biased_estimate_exceeds_cmmd_by_what_is_said():
    real, fake = normal(8, 64, 14), normal(8, 64, 15)
    units = [x / x.norm(dim=1, keepdim=True) for x in (real, fake)]
    kernels = [gaussian_kernel(a, b, 10) for a, b in ((units[0],) * 2, (units[1],) * 2, units)]
    biased = 1000 * (kernels[0].mean() + kernels[1].mean() - 2 * kernels[2].mean()).item()
    assert biased - cmmd(real, fake) == pytest.approx(10 * (1 / 8 + 1 / 8), rel=0.1)


def test_kid_of_whole_sets_is_one_mmd_and_of_subsets_their_mean():
    real, fake = normal(20, 4, 16), normal(20, 4, 17, shift=0.5)
    whole = mmd_squared(real, fake, polynomial_kernel).item()
    mean, spread = kernel_inception_distance(real, fake, torch.Generator().manual_seed(0), subsets=2, subset_size=20)
    assert (mean, spread) == (pytest.approx(whole), pytest.approx(0, abs=1e-9))
    mean, spread = kernel_inception_distance(real, fake, torch.Generator().manual_seed(0), subsets=300, subset_size=10)
    assert mean == pytest.approx(whole, abs=4 * spread / 300**0.5)
    assert spread > 0
    with pytest.raises(ValueError, match="KID draws subsets of 1000 pictures; got 20"):
        kernel_inception_distance(real, fake, torch.Generator())


def test_sets_that_do_not_fit_are_refused_in_words():
    with pytest.raises(ValueError, match=r"2 rows or more; got \(1, 3\) and \(4, 3\)"):
        mmd_squared(normal(1, 3, 0), normal(4, 3, 0), gaussian)
