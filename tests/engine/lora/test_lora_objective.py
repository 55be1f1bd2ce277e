"""What the model is asked to predict, against diffusers; weights of the loss; the learning rate."""

from itertools import pairwise

import pytest
import torch
from diffusers import DDIMScheduler
from diffusers.training_utils import compute_snr

from engine.diffusion import schedulers
from engine.errors import InvalidRequest
from engine.lora.runs.config import Config
from engine.lora.training.learner import learning_rates
from engine.lora.training.objective import loss_denoising, loss_weights, objective_of
from engine.mini.networks import SCHEDULER


def scheduler(prediction_type: str) -> DDIMScheduler:
    return DDIMScheduler(**SCHEDULER | {"prediction_type": prediction_type})


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
def test_noise_and_target_are_those_of_diffusers(prediction_type):
    own = scheduler(prediction_type)
    clean, noise = torch.randn(2, 3, 4, 8, 8, generator=generator())
    timesteps = torch.tensor([0, 500, 999])
    noisy, target = objective_of(own, Config()).noised(clean, noise, timesteps)

    velocity = own.get_velocity(clean, noise, timesteps)
    assert torch.allclose(noisy, own.add_noise(clean, noise, timesteps), atol=1e-6)
    assert torch.allclose(target, velocity if prediction_type == "v_prediction" else noise, atol=1e-6)


def test_a_model_that_predicts_pictures_is_refused_in_words():
    with pytest.raises(InvalidRequest, match="predict epsilon or v_prediction; this one predicts 'sample'"):
        objective_of(scheduler("sample"), Config())


@pytest.mark.parametrize(("prediction_type", "extra"), [("epsilon", 0), ("v_prediction", 1)])
def test_min_snr_weights_follow_the_paper(prediction_type, extra):
    own = scheduler(prediction_type)
    snr = compute_snr(own, torch.arange(1000))
    expected = snr.clamp(max=5) / (snr + extra)
    weights = loss_weights(own.alphas_cumprod, prediction_type, 5.0)
    assert torch.allclose(weights, expected / expected.mean(), rtol=1e-4)
    assert loss_weights(own.alphas_cumprod, prediction_type, None).unique().tolist() == [1.0]


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
def test_a_model_of_zero_terminal_snr_is_weighted_in_finite_numbers(prediction_type):
    config = SCHEDULER | {"prediction_type": prediction_type, "rescale_betas_zero_snr": True}
    weights = objective_of(schedulers.build("DDIM", config), Config(min_snr_gamma=5.0)).weights
    assert bool(torch.isfinite(weights).all())
    assert float(weights.mean()) == pytest.approx(1)


def test_offset_noise_is_equal_over_a_channel():
    latents = torch.zeros(2, 4, 8, 8)
    plain = objective_of(scheduler("epsilon"), Config()).draw_noise(latents, generator())
    offset = objective_of(scheduler("epsilon"), Config(noise_offset=0.5)).draw_noise(latents, generator()) - plain
    assert torch.allclose(offset, offset[..., :1, :1].expand_as(offset), atol=1e-6)
    assert offset[..., 0, 0].unique().numel() == 8


def test_timesteps_of_a_step_cover_the_schedule():
    timesteps = objective_of(scheduler("epsilon"), Config()).draw_timesteps(4, generator())
    assert sorted((timesteps // 250).tolist()) == [0, 1, 2, 3]


def test_the_loss_is_the_mean_square_of_each_picture():
    preds = torch.zeros(2, 4, 8, 8, dtype=torch.float16)
    assert loss_denoising(preds, torch.stack([torch.ones(4, 8, 8), 2 * torch.ones(4, 8, 8)])).tolist() == [1.0, 4.0]


def test_the_learning_rate_rises_falls_and_begins_again():
    config = Config(steps=100, warmup_steps=10, learning_rate=2.0e-2, lr_cycles=2)
    rates = [learning_rates(config)(step) for step in range(100)]
    assert rates[:11] == pytest.approx([2e-3 * step for step in range(11)])
    assert rates[54] < 1e-3
    assert rates[55] == pytest.approx(2e-2)
    assert all(later < earlier for earlier, later in pairwise(rates[55:]))
