"""Noise for training diffusion models: v, the weights of timesteps, and which ones a batch sees."""

import pytest
import torch

from engine.mini import networks
from engine.training.noise import even_timesteps, min_snr_weights, noised


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("alpha", [1.0, 0.6, 0.0])
def test_v_and_the_noisy_latents_give_the_clean_ones_back(alpha):
    clean, noise = torch.randn(2, 2, 8, 4, 4, generator=generator())
    a = torch.full((2,), alpha)
    noisy, v = noised(clean, noise, a)
    assert torch.allclose(alpha**0.5 * noisy - (1 - alpha) ** 0.5 * v, clean, atol=1e-6)
    assert torch.allclose((1 - alpha) ** 0.5 * noisy + alpha**0.5 * v, noise, atol=1e-6)


def test_min_snr_weights_are_even_where_the_signal_is_weak_and_fall_where_it_is_strong():
    alphas = networks.scheduler().alphas_cumprod
    weights = min_snr_weights(alphas, 5.0)
    snr = alphas / (1 - alphas)
    assert weights.mean().item() == pytest.approx(1.0)
    weak = snr < 5
    assert torch.allclose(weights[weak] / alphas[weak], (weights / alphas)[weak][0].expand(int(weak.sum())))
    assert (weights[~weak].diff() > 0).all()


def test_timesteps_of_a_batch_lie_one_in_each_range():
    for seed in range(5):
        timesteps = even_timesteps(10, generator(seed))
        assert sorted((timesteps // 100).tolist()) == list(range(10))
