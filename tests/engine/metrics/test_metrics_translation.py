"""Measures of translations on pictures whose values are known."""

import pytest
import torch

from engine.metrics.translation import checkerboard, clipped_share, edge_ssim, edges, flat_share, saturation


def noise(seed: int = 0) -> torch.Tensor:
    return torch.rand(2, 3, 32, 40, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def grey(value: float) -> torch.Tensor:
    return torch.full((1, 3, 32, 40), value)


def test_a_step_from_black_to_white_has_edge_one() -> None:
    picture = grey(-1.0)
    picture[..., 20:] = 1
    assert edges(picture).amax().item() == pytest.approx(1)
    assert edges(picture)[..., :18].abs().max() == 0


def test_edges_of_a_picture_are_like_themselves_only() -> None:
    torch.testing.assert_close(edge_ssim(noise(), noise()), torch.ones(2))
    assert (edge_ssim(noise(0), noise(1)) < 0.5).all()
    brighter = (noise() * 0.5 + 0.4).clamp(-1, 1)
    assert (edge_ssim(noise(), brighter) > edge_ssim(noise(0), noise(1))).all()


def test_flat_share_counts_calm_pixels() -> None:
    assert flat_share(grey(0.2)).item() == 1
    half = grey(-0.5)
    half[..., 20:] = noise()[:1, :, :, 20:]
    assert flat_share(half).item() == pytest.approx(0.5, abs=0.06)


def test_saturation_is_zero_for_grey_and_one_for_pure_colours() -> None:
    assert saturation(grey(0.3)).item() == 0
    red = grey(-1.0)
    red[:, 0] = 1
    assert saturation(red).item() == 1


def test_checkerboard_sees_the_pattern_and_nothing_smooth() -> None:
    board = grey(-1.0)
    board[..., ::2, ::2] = 1
    board[..., 1::2, 1::2] = 1
    assert checkerboard(board).item() == pytest.approx(1)
    assert checkerboard(torch.linspace(-1, 1, 40).expand(1, 3, 32, 40)).item() == pytest.approx(0, abs=1e-6)


def test_clipped_share_counts_black_and_white() -> None:
    picture = grey(0.0)
    picture[..., :10] = -1
    picture[..., 30:] = 1
    assert clipped_share(picture).item() == 0.5


def test_refuses_other_ranges() -> None:
    with pytest.raises(ValueError, match="Pixels must lie in"):
        flat_share(grey(2.0))
