"""The beta-VAE: its shapes, its losses against the study's formula, and the effective betas."""

import pytest
import torch

from engine.betavae.config import BATIK, EXPLORE, STUDY, STUDY_100
from engine.betavae.networks import BetaVAE
from engine.betavae.trainer import kld, losses


def test_shapes_of_both_variants() -> None:
    for channels, blocks in ((3, STUDY.blocks), (1, BATIK.blocks)):
        model = BetaVAE(channels, 64, blocks).eval()
        pictures = torch.rand(2, channels, 64, 64)
        again, mu, log_variance = model(pictures, torch.zeros(2, 128))
        assert again.shape == pictures.shape
        assert mu.shape == log_variance.shape == (2, 128)
        torch.testing.assert_close(again, model.decode(mu))  # no noise: the mean


def test_kl_is_that_of_normal_distributions() -> None:
    mu, log_variance = torch.randn(5, 7), torch.randn(5, 7)
    own = torch.distributions.Normal(mu, torch.exp(log_variance / 2))
    expected = torch.distributions.kl_divergence(own, torch.distributions.Normal(torch.zeros(5, 7), torch.ones(5, 7)))
    torch.testing.assert_close(kld(mu, log_variance), expected)


def test_the_losses_are_means_over_all_numbers_and_over_the_batch() -> None:
    model, pictures, noise = BetaVAE(3, 16, (4, 8), 5), torch.rand(4, 3, 16, 16), torch.randn(4, 5)
    parts = losses(model, pictures, noise)
    again, mu, log_variance = model(pictures, noise)
    torch.testing.assert_close(parts["reconstruction"], ((again - pictures) ** 2).mean())
    torch.testing.assert_close(parts["kld"], kld(mu, log_variance).sum() / 4)


def test_effective_betas_are_those_of_the_study_and_ours_is_far_below_the_plain_vae() -> None:
    assert [STUDY.effective_beta, STUDY_100.effective_beta, BATIK.effective_beta] == pytest.approx([153.6, 1536, 51.2])
    assert EXPLORE.effective_beta == pytest.approx(0.0614, abs=1e-4)
