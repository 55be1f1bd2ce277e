"""The schedulers artists know, each built fresh on the model's own noise schedule.

Only the noise schedule belongs to the model. What a name means is decided here: a folder that asks for Karras sigmas,
another solver or clipping cannot turn one name on the menu into another. Schedulers keep state while they sample, so
one is never used for two images.
"""

import warnings
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import partial, wraps
from typing import Any

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
    SchedulerMixin,
    UniPCMultistepScheduler,
)
from diffusers.schedulers.scheduling_ddim import rescale_zero_terminal_snr

from engine.diffusion.request import LCM_STEPS, sampler_problems
from engine.errors import InvalidRequest, NotFound, Problem

Config = Mapping[str, Any]
Builder = Callable[[Config, int], SchedulerMixin]

# What a model was trained with. Everything else in its scheduler_config.json is some sampler's option.
NOISE_SCHEDULE = (
    "num_train_timesteps",
    "beta_start",
    "beta_end",
    "beta_schedule",
    "trained_betas",
    "rescale_betas_zero_snr",
    "prediction_type",
)
# Where the model is silent, each sampler takes its own usual spacing; so does the diffusers library.
SPACING = ("timestep_spacing", "steps_offset")
EPSILON = "epsilon"
# The library's stand-in for a terminal signal of zero: the smallest float16, so that no sigma is infinite.
TERMINAL_ALPHA = 2**-24

# The Brownian tree of DPM++ SDE remarks on rounding in the seventh digit of its interval's ends.
warnings.filterwarnings("ignore", message="Should have t[ab]", module="torchsde")


class EvenDDIMScheduler(DDIMScheduler):
    """DDIM in which each step ends where the next begins, for any number of steps.

    The library ends a step at `timestep - 1000 // steps`. Where steps do not divide 1000 and the spacing is
    "trailing", that is not the next timestep: at 150 steps the picture keeps visible noise. Where they
    agree, as at 20, 25 or 50 steps, this is the library's DDIM bit for bit.
    """

    num_inference_steps: int | Fraction | None

    @wraps(DDIMScheduler.set_timesteps)
    def set_timesteps(self, *args, **kwargs):
        super().set_timesteps(*args, **kwargs)
        places = [int(timestep) for timestep in self.timesteps]
        self._gaps = {start: start - end for start, end in zip(places, [*places[1:], -1], strict=True)}

    @wraps(DDIMScheduler.step)
    def step(self, model_output, timestep, sample, *args, **kwargs):
        steps = self.num_inference_steps
        # Only used there to divide by; this fraction makes the quotient the true gap.
        self.num_inference_steps = Fraction(self.config.num_train_timesteps, self._gaps[int(timestep)])
        try:
            return super().step(model_output, timestep, sample, *args, **kwargs)
        finally:
            self.num_inference_steps = steps


def build(name: str, config: Config, seed: int = 0) -> SchedulerMixin:
    """A fresh scheduler.

    Args:
        name: one of `engine.diffusion.request.SCHEDULERS`.
        config: the model's scheduler config; of it `NOISE_SCHEDULE` and `SPACING` are read, nothing else.
        seed: the image's seed, for schedulers that draw noise from a source of their own.

    Returns:
        The scheduler; its `set_timesteps` raises InvalidRequest for more steps than the model has noise levels.

    Raises:
        NotFound: no scheduler has that name.
        InvalidRequest: it cannot draw what the model predicts.
    """
    try:
        builder = BUILDERS[name]
    except KeyError:
        raise NotFound(f"No scheduler is called {name!r}. Choose one of {', '.join(BUILDERS)}.") from None
    if problems := sampler_problems(name, config.get("prediction_type") or ""):
        raise InvalidRequest(problems)
    return _from_the_top(builder(noise_schedule(config), seed))


def noise_schedule(config: Config) -> dict[str, Any]:
    """The part of a scheduler config that belongs to the model.

    Args:
        config: as a scheduler_config.json holds it, or as a scheduler of the library carries it; values of null and
            spacings that the library filled in by itself are left out.
    """
    filled_in = config.get("_use_default_values", ())
    own = [*NOISE_SCHEDULE, *(key for key in SPACING if key not in filled_in)]
    return {key: config[key] for key in own if config.get(key) is not None}


def _from_the_top(scheduler: SchedulerMixin) -> SchedulerMixin:
    """The same scheduler, which begins at its first timestep, also where rounding made the first two equal."""
    set_timesteps, levels = scheduler.set_timesteps, scheduler.config.num_train_timesteps

    @wraps(set_timesteps)
    def checked(num_inference_steps=None, *args, **kwargs):
        if num_inference_steps is not None and num_inference_steps >= levels:
            message = (
                f"This model knows {levels} levels of noise and can be drawn with in 1 to {levels - 1} steps; "
                f"got {num_inference_steps}. Use fewer."
            )
            raise InvalidRequest([Problem("num_inference_steps", message)])
        set_timesteps(num_inference_steps, *args, **kwargs)
        if hasattr(scheduler, "set_begin_index"):
            scheduler.set_begin_index(0)

    scheduler.set_timesteps = checked
    return scheduler


def _ddim(config: Config, seed: int) -> SchedulerMixin:
    # Latents have no bounds to clip to, and Stable Diffusion ends at its first noise level: as in its own config.
    return _with_some_signal(EvenDDIMScheduler.from_config(config, clip_sample=False, set_alpha_to_one=False))


def _lcm(config: Config, seed: int) -> SchedulerMixin:
    # The steps of the teacher, of which the student visits some: 50 of 1000 levels, so one of 20, as in its training.
    levels = config.get("num_train_timesteps", 1000)
    steps = levels // max(1, levels // LCM_STEPS.high)
    return _with_some_signal(LCMScheduler.from_config(config, original_inference_steps=steps))


def _with_some_signal(scheduler: SchedulerMixin) -> SchedulerMixin:
    """Without any signal a predicted noise tells no picture: the library would divide by zero here."""
    if scheduler.config.rescale_betas_zero_snr and scheduler.config.prediction_type == EPSILON:
        scheduler.alphas_cumprod[-1] = TERMINAL_ALPHA
    return scheduler


def _dpm_sde_karras(config: Config, seed: int) -> SchedulerMixin:
    # Its Brownian tree ignores the image's generator; unseeded, it would draw anew each time.
    options = {"use_karras_sigmas": True, "noise_sampler_seed": seed}
    return DPMSolverSDEScheduler.from_config(_without_rescaling(config), **options)


def _without_rescaling(config: Config) -> Config:
    """The same noise schedule for a sampler that does not know `rescale_betas_zero_snr`: written out as betas."""
    if not config.get("rescale_betas_zero_snr"):
        return config
    betas = rescale_zero_terminal_snr(DDIMScheduler.from_config({**config, "rescale_betas_zero_snr": False}).betas)
    alphas = torch.cumprod(1.0 - betas.double(), dim=0)
    alphas[-1] = TERMINAL_ALPHA
    betas[-1] = 1.0 - alphas[-1] / alphas[-2]
    return {**config, "trained_betas": betas.tolist(), "rescale_betas_zero_snr": False}


def _plain(kind: type[SchedulerMixin], config: Config, seed: int, **options: Any) -> SchedulerMixin:
    return kind.from_config(config, **options)


def _rescaled(kind: type[SchedulerMixin], config: Config, seed: int) -> SchedulerMixin:
    return kind.from_config(_without_rescaling(config))


BUILDERS: dict[str, Builder] = {
    "DDIM": _ddim,
    "Euler": partial(_plain, EulerDiscreteScheduler),
    "Euler a": partial(_plain, EulerAncestralDiscreteScheduler),
    "DPM++ 2M": partial(_plain, DPMSolverMultistepScheduler),
    "DPM++ 2M Karras": partial(_plain, DPMSolverMultistepScheduler, use_karras_sigmas=True),
    "DPM++ SDE Karras": _dpm_sde_karras,
    "UniPC": partial(_plain, UniPCMultistepScheduler),
    "Heun": partial(_rescaled, HeunDiscreteScheduler),
    "LMS": partial(_rescaled, LMSDiscreteScheduler),
    "LCM": _lcm,
    # As in SD-Turbo's own scheduler_config.json: a single step must begin at pure noise, which "leading" never visits.
    "Turbo": partial(_plain, EulerDiscreteScheduler, timestep_spacing="trailing"),
}
