"""Pixel measures: known values, per picture, and no other range."""

import math

import pytest
import torch

from engine.metrics.image_quality import mean_squared_error, psnr, ssim


@pytest.fixture(scope="module")
def pictures():
    return torch.rand(3, 3, 32, 40, generator=torch.Generator().manual_seed(0)) * 1.6 - 0.8


@pytest.mark.parametrize("offset", [0.1, 0.01])
def test_a_constant_offset_gives_its_square_and_minus_twenty_logarithms(pictures, offset):
    other = pictures + 2 * offset  # the offset on pixels in [0, 1]
    assert mean_squared_error(other, pictures).values.tolist() == pytest.approx([offset**2] * 3, rel=1e-4)
    assert psnr(other, pictures).values.tolist() == pytest.approx([-20 * math.log10(offset)] * 3, rel=1e-4)


def test_equal_pictures_are_perfect(pictures):
    assert mean_squared_error(pictures, pictures).mean == 0
    assert psnr(pictures, pictures).mean == math.inf
    assert ssim(pictures, pictures).values.tolist() == pytest.approx([1, 1, 1])


def test_opposite_corners_are_as_far_as_can_be():
    black, white = torch.full((1, 3, 16, 16), -1.0), torch.full((1, 3, 16, 16), 1.0)
    assert mean_squared_error(black, white).mean == 1
    assert psnr(black, white).mean == 0
    # Flat pictures leave the brightness term only: c1 / (1 + c1) with c1 = 0.01^2.
    assert ssim(black, white).mean == pytest.approx(1e-4 / (1 + 1e-4), rel=1e-3)


def test_ssim_is_symmetric_and_falls_with_noise(pictures):
    noise = torch.randn(pictures.shape, generator=torch.Generator().manual_seed(1))
    little, much = ((pictures + level * noise).clamp(-1, 1) for level in (0.05, 0.3))
    assert 1 > ssim(little, pictures).mean > ssim(much, pictures).mean > 0
    assert ssim(much, pictures).mean == pytest.approx(ssim(pictures, much).mean)


def test_every_picture_counts_by_itself(pictures):
    other = pictures.clone()
    other[1] = -other[1]
    for score in (mean_squared_error, psnr, ssim):
        found = score(other, pictures)
        assert found.values.shape == (3,)
        assert found.values[1].item() == pytest.approx(score(other[1:2], pictures[1:2]).mean)
        assert found.values[0] == found.values[2] != found.values[1]


def test_other_ranges_shapes_and_tiny_pictures_are_refused(pictures):
    with pytest.raises(ValueError, match=r"must lie in \[-1, 1\]"):
        psnr(pictures, (pictures + 1) * 127.5)
    with pytest.raises(ValueError, match=r"got \(3, 3, 32, 40\) and \(2, 3, 32, 40\)"):
        mean_squared_error(pictures, pictures[:2])
    with pytest.raises(ValueError, match="SSIM needs pictures of 11 px or more"):
        ssim(pictures[..., :10], pictures[..., :10])
