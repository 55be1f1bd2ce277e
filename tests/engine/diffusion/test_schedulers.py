import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler

from engine.diffusion import schedulers
from engine.diffusion.request import SCHEDULERS
from engine.errors import NotFound

CONFIG = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "steps_offset": 1,
    "set_alpha_to_one": False,
    "clip_sample": False,
    "timestep_spacing": "leading",
}


def sample(name: str, prediction: str, spacing: str, steps: int) -> torch.Tensor:
    """Draw from a distribution whose perfect denoiser is known: N(0.5, 0.3^2) in every place."""
    config = {**CONFIG, "prediction_type": prediction, "timestep_spacing": spacing}
    scheduler = schedulers.build(name, config, seed=3)
    scheduler.set_timesteps(steps)
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(1, 4, 16, 16, generator=generator) * scheduler.init_noise_sigma
    alphas = scheduler.alphas_cumprod.numpy()
    accepts = {"generator": generator} if name == "Euler a" else {}
    for timestep in scheduler.timesteps:
        model_input = scheduler.scale_model_input(x, timestep)
        alpha = np.interp(float(timestep), np.arange(len(alphas)), alphas)
        x = scheduler.step(perfect(model_input, alpha, prediction), timestep, x, **accepts).prev_sample
    return x


def perfect(noisy: torch.Tensor, alpha: float, prediction: str) -> torch.Tensor:
    """The best prediction for noisy = sqrt(alpha) x + sqrt(1 - alpha) noise with x from N(0.5, 0.3^2)."""
    signal, noise = alpha**0.5, (1 - alpha) ** 0.5
    gain = 0.09 * signal / (0.09 * alpha + 1 - alpha)
    clean = 0.5 + gain * (noisy - signal * 0.5)
    epsilon = (noisy - signal * clean) / noise
    return signal * epsilon - noise * clean if prediction == "v_prediction" else epsilon


def test_the_offered_names_are_the_ones_built():
    assert tuple(schedulers.BUILDERS) == SCHEDULERS


@pytest.mark.parametrize(
    ("prediction", "spacing"), [("v_prediction", "leading"), ("v_prediction", "trailing"), ("epsilon", "leading")]
)
@pytest.mark.parametrize("name", SCHEDULERS)
def test_every_scheduler_reaches_the_distribution(name, prediction, spacing):
    x = sample(name, prediction, spacing, steps=60)
    assert float(x.mean()) == pytest.approx(0.5, abs=0.03)
    assert float(x.std()) == pytest.approx(0.3, abs=0.045)


@pytest.mark.parametrize("name", ["DDIM", "Euler a", "DPM++ 2M", "UniPC", "Heun"])
def test_more_steps_come_closer(name):
    few, many = (float(sample(name, "v_prediction", "trailing", steps).std()) for steps in (8, 100))
    assert abs(many - 0.3) < max(abs(few - 0.3), 0.005)


def test_ddim_leaves_no_noise_where_steps_do_not_divide_evenly():
    assert float(sample("DDIM", "v_prediction", "trailing", steps=150).std()) == pytest.approx(0.3, abs=0.02)


@pytest.mark.parametrize("spacing", ["leading", "trailing"])
@pytest.mark.parametrize("steps", [1, 20, 25, 50])
def test_ddim_is_the_librarys_where_steps_divide_evenly(spacing, steps):
    config = {**CONFIG, "prediction_type": "v_prediction", "timestep_spacing": spacing}
    samples = []
    for scheduler in (schedulers.build("DDIM", config), DDIMScheduler.from_config(config)):
        scheduler.set_timesteps(steps)
        x = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
        for timestep in scheduler.timesteps:
            x = scheduler.step(torch.sin(x), timestep, x).prev_sample
        samples.append(x)
    assert torch.equal(*samples)


def test_schedulers_draw_different_pictures(tiny, pixels):
    pictures = {name: pixels(tiny, scheduler=name, num_inference_steps=4).tobytes() for name in SCHEDULERS}
    # DDIM and Euler are the same method in other coordinates; all others differ.
    del pictures["Euler"]
    assert len(set(pictures.values())) == len(pictures)


def test_seeds_of_the_scheduler_with_its_own_noise(tiny, draw):
    first, second = draw(tiny, scheduler="DPM++ SDE Karras", num_images=2)
    (alone,) = draw(tiny, scheduler="DPM++ SDE Karras", seed=12)
    assert first.image.tobytes() != second.image.tobytes() == alone.image.tobytes()


def test_each_build_is_fresh():
    first, second = (schedulers.build("UniPC", {**CONFIG, "prediction_type": "epsilon"}) for _ in range(2))
    first.set_timesteps(7)
    assert first is not second
    assert second.num_inference_steps is None


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(NotFound, match=r"'PLMS'\. Choose one of DDIM, Euler"):
        schedulers.build("PLMS", CONFIG)
