"""Texture for the decoder against a discriminator of patches."""

import torch

from engine.mini.sharpen import PatchDiscriminator, loss_discriminator, loss_features


def test_hinge_losses_want_real_above_one_and_fake_below_minus_one():
    ones = torch.ones(2, 1, 4, 4)
    assert loss_discriminator(ones, -ones).item() == 0
    assert loss_discriminator(-ones, ones).item() == 4
    assert loss_features([ones, ones], [ones, ones * 3]).item() == 1


def test_the_discriminator_judges_patches():
    verdicts = PatchDiscriminator()(torch.zeros(2, 3, 64, 64))[-1]
    assert verdicts.shape == (2, 1, 8, 8)
