"""Losses of a generator and its discriminator, on verdicts made by hand."""

import torch

from engine.training.adversarial_losses import (
    loss_discriminator_hinge,
    loss_discriminator_least_squares,
    loss_gan_hinge,
    loss_gan_least_squares,
)


def test_least_squares_are_zero_where_wanted() -> None:
    ones, zeros = torch.ones(1, 1, 3, 3), torch.zeros(1, 1, 3, 3)
    assert loss_gan_least_squares(ones) == 0
    assert loss_gan_least_squares(zeros) == 1
    assert loss_discriminator_least_squares(ones, zeros) == 0
    assert loss_discriminator_least_squares(zeros, ones) == 1
    assert loss_discriminator_least_squares(0.5 * ones, 0.5 * ones) == 0.25


def test_hinge_losses_want_real_above_one_and_fake_below_minus_one():
    ones = torch.ones(2, 1, 4, 4)
    assert loss_discriminator_hinge(ones, -ones).item() == 0
    assert loss_discriminator_hinge(-ones, ones).item() == 4
    assert loss_gan_hinge(3 * ones).item() == -3
