"""The schedulers artists know, each built fresh from the model's own scheduler config.

Schedulers keep state while they sample, so one is never used for two images.
"""

import warnings
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import wraps
from typing import Any

from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    DPMSolverSDEScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    HeunDiscreteScheduler,
    LMSDiscreteScheduler,
    SchedulerMixin,
    UniPCMultistepScheduler,
)

from engine.errors import NotFound

Config = Mapping[str, Any]
Builder = Callable[[Config, int], SchedulerMixin]

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
        config: the model's scheduler config; noise schedule, prediction type and spacing carry over.
        seed: the image's seed, for schedulers that draw noise from a source of their own.

    Raises:
        NotFound: no scheduler has that name.
    """
    try:
        builder = BUILDERS[name]
    except KeyError:
        raise NotFound(f"No scheduler is called {name!r}. Choose one of {', '.join(BUILDERS)}.") from None
    return builder(config, seed)


def _dpm_2m(config: Config, seed: int) -> SchedulerMixin:
    return DPMSolverMultistepScheduler.from_config(config)


def _dpm_2m_karras(config: Config, seed: int) -> SchedulerMixin:
    return DPMSolverMultistepScheduler.from_config(config, use_karras_sigmas=True)


def _dpm_sde_karras(config: Config, seed: int) -> SchedulerMixin:
    # Its Brownian tree ignores the image's generator; unseeded, it would draw anew each time.
    return DPMSolverSDEScheduler.from_config(config, use_karras_sigmas=True, noise_sampler_seed=seed % 2**63)


BUILDERS: dict[str, Builder] = {
    "DDIM": lambda config, seed: EvenDDIMScheduler.from_config(config),
    "Euler": lambda config, seed: EulerDiscreteScheduler.from_config(config),
    "Euler a": lambda config, seed: EulerAncestralDiscreteScheduler.from_config(config),
    "DPM++ 2M": _dpm_2m,
    "DPM++ 2M Karras": _dpm_2m_karras,
    "DPM++ SDE Karras": _dpm_sde_karras,
    "UniPC": lambda config, seed: UniPCMultistepScheduler.from_config(config),
    "Heun": lambda config, seed: HeunDiscreteScheduler.from_config(config),
    "LMS": lambda config, seed: LMSDiscreteScheduler.from_config(config),
}
