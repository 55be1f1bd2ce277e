from collections.abc import Callable

import numpy as np
import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    DPMSolverSDEScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    HeunDiscreteScheduler,
    LCMScheduler,
    LMSDiscreteScheduler,
    UniPCMultistepScheduler,
)

from engine.diffusion import schedulers
from engine.diffusion.request import SCHEDULERS
from engine.errors import InvalidRequest, NotFound
from engine.files import read_json
from engine.settings import PROJECT

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
ORDINARY = [name for name in SCHEDULERS if name != "LCM"]  # that reach the distribution with an ordinary model


def sample(name: str, prediction: str, spacing: str, steps: int, distilled: bool = False, **own) -> torch.Tensor:
    """Draw from a distribution whose perfect denoiser is known: N(0.5, 0.3^2) in every place.

    A model that was distilled for few steps says where the noisy value's path ends, not the mean of all that it may be.
    """
    config = {**CONFIG, "prediction_type": prediction, "timestep_spacing": spacing, **own}
    scheduler = schedulers.build(name, config, seed=3)
    scheduler.set_timesteps(steps)
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(1, 4, 16, 16, generator=generator) * scheduler.init_noise_sigma
    alphas = scheduler.alphas_cumprod.numpy()
    accepts = {"generator": generator} if name in ("Euler a", "LCM") else {}
    for timestep in scheduler.timesteps:
        model_input = scheduler.scale_model_input(x, timestep)
        alpha = np.interp(float(timestep), np.arange(len(alphas)), alphas)
        output = predicted(model_input, alpha, prediction, consistent if distilled else mean)
        x = scheduler.step(output, timestep, x, **accepts).prev_sample
    return x


def predicted(noisy: torch.Tensor, alpha: float, prediction: str, clean_of: Callable) -> torch.Tensor:
    """The prediction for noisy = sqrt(alpha) x + sqrt(1 - alpha) noise with x from N(0.5, 0.3^2)."""
    signal, noise = alpha**0.5, (1 - alpha) ** 0.5
    clean = clean_of(noisy, alpha)
    epsilon = (noisy - signal * clean) / noise
    return signal * epsilon - noise * clean if prediction == "v_prediction" else epsilon


def mean(noisy: torch.Tensor, alpha: float) -> torch.Tensor:
    """What a perfect ordinary model knows: the mean of all clean values that this one may come from."""
    return 0.5 + 0.09 * alpha**0.5 / (0.09 * alpha + 1 - alpha) * (noisy - alpha**0.5 * 0.5)


def consistent(noisy: torch.Tensor, alpha: float) -> torch.Tensor:
    """What a perfect distilled model knows: the end of the path of the probability flow through this value."""
    return 0.5 + 0.3 / (0.09 * alpha + 1 - alpha) ** 0.5 * (noisy - alpha**0.5 * 0.5)


def test_the_offered_names_are_the_ones_built():
    assert tuple(schedulers.BUILDERS) == SCHEDULERS


@pytest.mark.parametrize(
    ("prediction", "spacing"), [("v_prediction", "leading"), ("v_prediction", "trailing"), ("epsilon", "leading")]
)
@pytest.mark.parametrize("name", ORDINARY)
def test_every_scheduler_reaches_the_distribution(name, prediction, spacing):
    x = sample(name, prediction, spacing, steps=60)
    assert float(x.mean()) == pytest.approx(0.5, abs=0.03)
    assert float(x.std()) == pytest.approx(0.3, abs=0.045)


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
@pytest.mark.parametrize(("name", "steps"), [("LCM", 1), ("LCM", 2), ("LCM", 4), ("LCM", 50), ("Turbo", 1)])
def test_few_steps_reach_the_distribution_with_a_distilled_model(name, steps, prediction):
    x = sample(name, prediction, "leading", steps, distilled=True)
    assert float(x.mean()) == pytest.approx(0.5, abs=0.03)
    assert float(x.std()) == pytest.approx(0.3, abs=0.03)


@pytest.mark.parametrize(("name", "steps"), [("LCM", 4), ("LCM", 50), ("Turbo", 1), ("Turbo", 4)])
def test_few_steps_give_an_ordinary_model_flat_pictures(name, steps):
    """What the note about it says: only a distilled model knows the end of a path, others know a mean."""
    assert float(sample(name, "epsilon", "leading", steps).std()) < 0.2


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_turbo_is_what_the_published_model_asks_for(steps):
    config = {**CONFIG, "prediction_type": "epsilon"}  # SD-Turbo's own, but for the spacing, which the name brings
    ours = run(schedulers.build("Turbo", config), steps)
    library = run(EulerDiscreteScheduler.from_config(config, timestep_spacing="trailing"), steps)
    assert all(map(torch.equal, ours, library))
    assert float(ours[0][0]) == 999


@pytest.mark.parametrize(("levels", "first"), [(1000, 999), (500, 499), (130, 129), (75, 74), (20, 19)])
def test_lcm_begins_at_the_noise_of_any_model(levels, first):
    scheduler = schedulers.build("LCM", {**CONFIG, "num_train_timesteps": levels, "prediction_type": "epsilon"})
    for steps in {1, 4, min(50, levels - 1)}:
        scheduler.set_timesteps(steps)
        assert (len(scheduler.timesteps), int(scheduler.timesteps[0])) == (steps, first)


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


# -- what a folder's scheduler config may and may not change

BETAS = [0.0001 + step * 0.00002 for step in range(1000)]
# What belongs to the model and stays, and beside it what some other sampler left in the folder.
ODD = {
    "Karras sigmas": ({}, {"use_karras_sigmas": True}),
    "exponential sigmas": ({}, {"use_exponential_sigmas": True}),
    "beta sigmas": ({}, {"use_beta_sigmas": True}),
    "flow sigmas": ({}, {"use_flow_sigmas": True, "flow_shift": 3.0, "use_dynamic_shifting": True}),
    "Lu lambdas": ({}, {"use_lu_lambdas": True, "sigma_min": 0.3, "sigma_max": 4.0}),
    "another solver": ({}, {"algorithm_type": "sde-dpmsolver++", "solver_type": "heun", "predict_x0": False}),
    "the old solver": ({}, {"algorithm_type": "dpmsolver", "final_sigmas_type": "zero"}),
    "third order": ({}, {"solver_order": 3, "lower_order_final": False, "euler_at_final": True}),
    "clipping": ({}, {"clip_sample": True, "thresholding": True, "set_alpha_to_one": True}),
    "final sigma": ({}, {"final_sigmas_type": "sigma_min", "interpolation_type": "log_linear"}),
    "continuous": ({}, {"timestep_type": "continuous", "lambda_min_clipped": -5.1, "variance_type": "learned_range"}),
    "cosine": ({"beta_schedule": "squaredcos_cap_v2", "timestep_spacing": "linspace"}, {"use_lu_lambdas": True}),
    "linear": ({"beta_schedule": "linear", "beta_start": 0.0001, "beta_end": 0.02}, {"disable_corrector": [0]}),
    "own betas": ({"trained_betas": BETAS, "timestep_spacing": "trailing"}, {"use_karras_sigmas": True}),
    "few levels": ({"num_train_timesteps": 500, "steps_offset": 0}, {"noise_sampler_seed": 5, "order": 4}),
    "zero SNR, v": ({"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}, {"solver_order": 1}),
    "zero SNR, noise": (
        {"rescale_betas_zero_snr": True, "timestep_spacing": "linspace", "prediction_type": "epsilon"},
        {"clip_sample": True},
    ),
}
LIBRARY = {
    "DDIM": (DDIMScheduler, {"clip_sample": False, "set_alpha_to_one": False}),
    "Euler": (EulerDiscreteScheduler, {}),
    "Euler a": (EulerAncestralDiscreteScheduler, {}),
    "DPM++ 2M": (DPMSolverMultistepScheduler, {}),
    "DPM++ 2M Karras": (DPMSolverMultistepScheduler, {"use_karras_sigmas": True}),
    "DPM++ SDE Karras": (DPMSolverSDEScheduler, {"use_karras_sigmas": True, "noise_sampler_seed": 3}),
    "UniPC": (UniPCMultistepScheduler, {}),
    "Heun": (HeunDiscreteScheduler, {}),
    "LMS": (LMSDiscreteScheduler, {}),
    "LCM": (LCMScheduler, {}),
    "Turbo": (EulerDiscreteScheduler, {"timestep_spacing": "trailing"}),
}
NOISY = (EulerAncestralDiscreteScheduler, LCMScheduler)


def run(scheduler, steps: int = 8) -> tuple[torch.Tensor, ...]:
    """Timesteps, and what becomes of one start under a made-up model."""
    scheduler.set_timesteps(steps)
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(1, 4, 4, 4, generator=generator) * scheduler.init_noise_sigma
    accepts = {"generator": generator} if isinstance(scheduler, NOISY) else {}
    for timestep in scheduler.timesteps:
        output = torch.sin(scheduler.scale_model_input(x, timestep))
        x = scheduler.step(output, timestep, x, **accepts).prev_sample
    return scheduler.timesteps, x


@pytest.mark.parametrize("case", ODD)
@pytest.mark.parametrize("name", SCHEDULERS)
def test_a_name_means_the_same_whatever_else_the_folder_says(name, case):
    own, foreign = ODD[case]
    model = {**CONFIG, "prediction_type": "v_prediction", **own}
    plain = run(schedulers.build(name, model, seed=3))
    odd = run(schedulers.build(name, {**model, **foreign}, seed=3))
    assert all(map(torch.equal, odd, plain))
    assert bool(torch.isfinite(odd[1]).all())


@pytest.mark.parametrize("model", ["mini", "sd21"])
@pytest.mark.parametrize("name", SCHEDULERS)
def test_on_the_shipped_noise_schedules_each_is_the_librarys_own(name, model):
    config = read_json(PROJECT / "weights" / model / "scheduler/scheduler_config.json")
    kind, options = LIBRARY[name]
    for prediction in ("v_prediction", "epsilon"):
        config["prediction_type"] = prediction
        assert all(map(torch.equal, run(schedulers.build(name, config, 3)), run(kind.from_config(config, **options))))


@pytest.mark.parametrize("name", SCHEDULERS)
def test_all_share_the_noise_levels_that_the_folder_names_or_leaves_out(name):
    for config in ({}, {"rescale_betas_zero_snr": True}, {"beta_schedule": "scaled_linear", "trained_betas": None}):
        base = schedulers.build("DDIM", config)
        alphas = schedulers.build(name, base.config).alphas_cumprod
        torch.testing.assert_close(alphas.float(), base.alphas_cumprod, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("prediction", ["v_prediction", "epsilon"])
@pytest.mark.parametrize("name", ORDINARY)
def test_zero_terminal_snr_reaches_the_distribution(name, prediction):
    x = sample(name, prediction, "trailing", steps=60, rescale_betas_zero_snr=True)
    assert float(x.mean()) == pytest.approx(0.5, abs=0.05)
    assert float(x.std()) == pytest.approx(0.3, abs=0.06)


@pytest.mark.parametrize("name", SCHEDULERS)
def test_a_model_that_predicts_the_picture_is_drawn_or_refused_in_words(name):
    config = {**CONFIG, "prediction_type": "sample"}
    if name in ("Euler a", "DPM++ SDE Karras"):
        with pytest.raises(InvalidRequest, match=r"predicts the picture itself.*Choose one of DDIM, Euler, DPM"):
            schedulers.build(name, config)
    else:
        assert bool(torch.isfinite(run(schedulers.build(name, config))[1]).all())


def test_more_steps_than_levels_are_refused_in_words():
    scheduler = schedulers.build("UniPC", {**CONFIG, "num_train_timesteps": 50})
    with pytest.raises(InvalidRequest, match=r"50 levels of noise .* 1 to 49 steps; got 60"):
        scheduler.set_timesteps(60)
