"""The discriminator that judges the small model's decoder."""

import torch

from engine.mini.discriminator import SpectralPatchDiscriminator, loss_features


def test_the_distance_of_features_is_their_mean_absolute_difference():
    ones = torch.ones(2, 1, 4, 4)
    assert loss_features([ones, ones], [ones, ones * 3]).item() == 1


def test_the_discriminator_judges_patches():
    verdicts = SpectralPatchDiscriminator()(torch.zeros(2, 3, 64, 64))[-1]
    assert verdicts.shape == (2, 1, 8, 8)
