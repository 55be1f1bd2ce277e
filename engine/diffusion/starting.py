"""Drawing that begins with a picture instead of with nothing but noise.

As in SDEdit (Meng et al. 2022): the picture's latents are noised up to a level and denoised from there. With a mask,
what may not change is put back after every step, noised to that step's level (RePaint's condition, Lugmayr et al. 2022,
without resampling; as the diffusers library does it for models that were not trained to inpaint).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import torch
from diffusers import AutoencoderKL, SchedulerMixin
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from engine.diffusion.request import steps_run
from engine.images import from_pil


@dataclass(frozen=True)
class Start:
    """What one drawing begins with.

    Attributes:
        picture: RGB, of the request's width and height.
        strength: how much of it is given up: 0 gives it back as the autoencoder does, 1 begins at pure noise.
        mask: mode L, of the same size: what is not black may be redrawn; None for all.
    """

    picture: Image.Image
    strength: float
    mask: Image.Image | None = None


@dataclass(frozen=True)
class StartLatents:
    """A start as the denoiser takes it.

    Attributes:
        clean: (1, C, h, w), the picture's latents.
        noise: as `clean`.
        free: (1, 1, h, w) of 0 and 1: 1 where latents may change; None where all may.
        beside: (1, 1 + C, h, w): mask and masked picture, for a denoiser that was trained to inpaint, which keeps the
            rest by itself; else None.
    """

    clean: Tensor
    noise: Tensor
    free: Tensor | None = None
    beside: Tensor | None = None

    def noisy(self, scheduler: SchedulerMixin, timesteps: Tensor, place: int) -> Tensor:
        """The picture's latents at the noise level of `timesteps[place]`; beyond the last they are clean."""
        if place >= len(timesteps):
            return self.clean
        return scheduler.add_noise(self.clean, self.noise, timesteps[place : place + 1])


@torch.no_grad()
def encode(vae: AutoencoderKL, picture: Image.Image, device: torch.device) -> Tensor:
    """The latents of a picture: the mean of what the encoder says, so that one picture always gives the same.

    Returns:
        (1, C, h, w) of the autoencoder's dtype, scaled as the denoiser takes them.
    """
    pixels = from_pil(picture).to(device, vae.dtype)
    return vae.encode(pixels).latent_dist.mode() * vae.config.scaling_factor


def free_places(mask: Image.Image, height: int, width: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """(1, 1, height, width): 1 where a place of the latents holds any pixel that is not black."""
    pixels = (from_pil(mask.convert("RGB"))[:, :1] > -1).to(device, dtype)
    return F.adaptive_max_pool2d(pixels, (height, width))


@torch.no_grad()
def beside(vae: AutoencoderKL, start: Start, free: Tensor, device: torch.device) -> Tensor:
    """What a denoiser with channels for it takes beside the latents: the mask, and the picture with a grey hole."""
    assert start.mask is not None
    hole = (from_pil(start.mask.convert("RGB"))[:, :1] > -1).float()
    pixels = (from_pil(start.picture) * (1 - hole)).to(device, vae.dtype)
    return torch.cat([free, vae.encode(pixels).latent_dist.mode() * vae.config.scaling_factor], dim=1)


def begin_late(scheduler: SchedulerMixin, strength: float) -> SchedulerMixin:
    """The same scheduler, which runs the last steps only: `steps_run` of those that are asked for."""
    set_timesteps, scale_model_input = scheduler.set_timesteps, scheduler.scale_model_input
    whole: dict[str, Tensor] = {}

    @wraps(set_timesteps)
    def late(num_inference_steps: int, *args: Any, **kwargs: Any) -> None:
        set_timesteps(num_inference_steps, *args, **kwargs)
        skipped = (num_inference_steps - steps_run(num_inference_steps, strength)) * scheduler.order
        whole["timesteps"] = scheduler.timesteps
        if hasattr(scheduler, "set_begin_index"):
            scheduler.set_begin_index(skipped)
        scheduler.timesteps = scheduler.timesteps[skipped:]

    # A pipeline takes the shorter list before its first step; the solvers count their steps in the whole one.
    @wraps(scale_model_input)
    def with_all(*args: Any, **kwargs: Any) -> Tensor:
        scheduler.timesteps = whole["timesteps"]
        return scale_model_input(*args, **kwargs)

    scheduler.set_timesteps, scheduler.scale_model_input = late, with_all
    return scheduler


def with_beside(scheduler: SchedulerMixin, more: Tensor) -> SchedulerMixin:
    """The same scheduler, which hands the denoiser further channels beside the latents."""
    scale_model_input = scheduler.scale_model_input

    @wraps(scale_model_input)
    def wider(sample: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        scaled = scale_model_input(sample, *args, **kwargs)
        return torch.cat([scaled, more.expand(len(scaled), -1, -1, -1)], dim=1)

    scheduler.scale_model_input = wider
    return scheduler


def kept_outside(
    latents: StartLatents, scheduler: SchedulerMixin, timesteps: Tensor
) -> Callable[[int, Tensor], Tensor]:
    """What puts the picture back outside the mask: given how many steps are done and the latents, the latents."""

    def keep(done: int, current: Tensor) -> Tensor:
        assert latents.free is not None
        return torch.lerp(latents.noisy(scheduler, timesteps, done), current, latents.free)

    return keep
