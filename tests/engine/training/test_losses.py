"""Distances between pictures, by what must be true of them."""

import pytest
import torch

from engine.training.image_losses import loss_colours, loss_edges, loss_perceptual


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_perceptual_loss_has_no_unit() -> None:
    real, fake = torch.rand(1, 3, 4, 4), torch.rand(1, 3, 4, 4)
    assert loss_perceptual([real], [real]) == 0
    torch.testing.assert_close(loss_perceptual([fake], [real]), loss_perceptual([100 * fake], [100 * real]))
    assert loss_perceptual([torch.zeros(1, 3, 4, 4)], [real]).item() == pytest.approx(1)


def test_a_constant_offset_has_no_edges_and_a_step_counts_once_per_row():
    picture = torch.rand(1, 3, 8, 8, generator=generator())
    assert loss_edges(picture + 0.3, picture).item() == pytest.approx(0, abs=1e-6)
    step = torch.zeros(1, 1, 4, 4)
    step[..., 2:] = 1.0
    assert loss_edges(step, torch.zeros_like(step)).item() == pytest.approx(1 / 3)


def test_brightness_is_no_colour_and_green_is_one():
    picture = torch.rand(1, 3, 4, 4, generator=generator())
    assert loss_colours(picture + 0.2, picture).item() == pytest.approx(0, abs=1e-6)
    green = torch.tensor([0.0, 1.0, 0.0]).view(1, 3, 1, 1)
    assert loss_colours(picture + green, picture).item() == pytest.approx(0.587)
