"""Noise and its removal as a picture: what diffusion models learn from, and what one makes of it in a single step."""

from collections.abc import Sequence

import torch
from PIL import Image, ImageOps
from torch import Tensor

from engine.diffusion import schedulers
from engine.diffusion.loading import LoadedModel
from engine.diffusion.preview import CleanEstimate
from engine.images import from_pil, to_pil
from engine.lora.training.data import states_of
from engine.metrics.sheets import sheet
from engine.training.noise import noised

LEVELS = (0.0, 0.5, 1.0)


@torch.no_grad()
def noising_sheet(
    loaded: LoadedModel, image: Image.Image, prompt: str = "", levels: Sequence[float] = LEVELS, seed: int = 0
) -> Image.Image:
    """A sheet with one column for each noise level: the noisy picture above, the model's clean one below.

    Args:
        image: any size; its middle is taken, at the model's native size.
        prompt: what the picture shows; the model reads it.
        levels: places in the noise schedule, 0 (its first timestep, nearly clean) to 1 (its last, nearly noise).
        seed: of the noise, the same in all columns.
    """
    with loaded.in_use():
        latents = _latents(loaded, image)
        noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(seed))
        pairs = [_pair(loaded, latents, noise, level, prompt) for level in levels]
    names = ", ".join(f"{level:.0%}" for level in levels)
    return sheet(
        [
            (f"With noise: {names} of the schedule", [noisy for noisy, _ in pairs]),
            ("What the model makes of each in one step", [clean for _, clean in pairs]),
        ]
    )


def one_step(loaded: LoadedModel, noisy: Tensor, timestep: int, prompt: str) -> Tensor:
    """The clean latents that the model predicts, (1, C, h, w) float32 on the CPU.

    Args:
        noisy: (1, C, h, w) float32, at that timestep.
    """
    pipeline = loaded.pipeline
    states = states_of(pipeline, [prompt])
    sample = noisy.to(pipeline.unet.device, pipeline.unet.dtype)
    estimate = CleanEstimate(schedulers.build("DDIM", pipeline.scheduler.config))
    estimate.model_input, estimate.timestep = noisy, timestep
    estimate.model_output = pipeline.unet(sample, timestep, encoder_hidden_states=states).sample
    return estimate.latents()


def _pair(
    loaded: LoadedModel, latents: Tensor, noise: Tensor, level: float, prompt: str
) -> tuple[Image.Image, Image.Image]:
    alphas = loaded.pipeline.scheduler.alphas_cumprod.float().cpu()
    timestep = round(level * (len(alphas) - 1))
    noisy, _ = noised(latents, noise, alphas[timestep : timestep + 1])
    return _picture(loaded, noisy), _picture(loaded, one_step(loaded, noisy, timestep, prompt))


def _latents(loaded: LoadedModel, image: Image.Image) -> Tensor:
    vae, size = loaded.pipeline.vae, loaded.info.native_size
    pixels = from_pil(ImageOps.fit(image.convert("RGB"), (size, size), Image.Resampling.LANCZOS))
    latents = vae.encode(pixels.to(vae.device, vae.dtype)).latent_dist.mode()
    return latents.float().cpu() * vae.config.scaling_factor


def _picture(loaded: LoadedModel, latents: Tensor) -> Image.Image:
    vae = loaded.pipeline.vae
    pixels = vae.decode((latents / vae.config.scaling_factor).to(vae.device, vae.dtype), return_dict=False)[0]
    return to_pil(torch.nan_to_num(pixels))[0]
