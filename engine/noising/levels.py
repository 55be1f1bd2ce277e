"""One noise level of a picture: what the model is shown, and what it makes of that in one step and in all."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from PIL import Image
from torch import Tensor

from engine.diffusion import schedulers
from engine.diffusion.loading import LoadedModel
from engine.diffusion.noise import varied_noise
from engine.diffusion.request import steps_run
from engine.diffusion.starting import Start, begin_late, encode
from engine.grids.sheet import labelled
from engine.images import to_pil
from engine.lora.training.noising import one_step
from engine.noising.request import NoiseAndDenoise
from engine.seeding import generator_of
from engine.training.noise import noised

GREY, IN_FULL, AT_ONCE = "Noisy latents in grey", "Denoised in full", "Denoised in one step"
AS_ENCODED = "the autoencoder's picture"


@dataclass(frozen=True)
class Level:
    """A column of the sheet.

    Attributes:
        level: 0 to 1.
        steps: of denoising that lead from there to a picture; 0 at level 0.
        grey: the noisy latents, the mean of their channels from their least (black) to their greatest (white).
        in_full: what all those steps give; at level 0 what the autoencoder gives back.
        at_once: what the model takes the noise for in its first step alone; at level 0 as `in_full`.
    """

    level: float
    steps: int
    grey: Image.Image
    in_full: Image.Image
    at_once: Image.Image


def level_of(
    model: LoadedModel,
    request: NoiseAndDenoise,
    picture: Image.Image,
    level: float,
    draw: Callable[[NoiseAndDenoise, Start], Image.Image],
) -> Level:
    """Noise a picture and have it denoised.

    Args:
        request: with its seed drawn.
        picture: RGB, of the request's width and height.
        level: 0 to 1.
        draw: the picture that a start gives in full.
    """
    in_full = draw(replace(request, strength=level), Start(picture, level))
    steps = steps_run(request.num_inference_steps, level)
    with model.in_use():
        clean = encode(model.pipeline.vae, picture, model.pipeline._execution_device).float().cpu()
        if not steps:
            return Level(level, 0, _grey(clean, picture.size), in_full, in_full)
        place = first_timestep(model, request, level)
        noisy = _noisy(model, request, clean, place, level)
        at_once = _decoded(model, one_step(model, noisy, place, request.prompt))
    return Level(level, steps, _grey(noisy, picture.size), in_full, at_once)


def first_timestep(model: LoadedModel, request: NoiseAndDenoise, level: float) -> int:
    """Where on the noise schedule a drawing of that strength begins, 0 to one less than the schedule's length."""
    config = model.pipeline.scheduler.config
    scheduler = begin_late(schedulers.build(request.scheduler, config), level)
    scheduler.set_timesteps(request.num_inference_steps)
    last = len(model.pipeline.scheduler.alphas_cumprod) - 1
    return min(last, max(0, round(float(scheduler.timesteps[0]))))


def sheet_of(request: NoiseAndDenoise, levels: list[Level]) -> Image.Image:
    """All columns under their levels."""
    columns = [_title(level, request.num_inference_steps) for level in levels]
    rows = [
        (GREY, [level.grey for level in levels]),
        (IN_FULL, [level.in_full for level in levels]),
        (AT_ONCE, [level.at_once for level in levels]),
    ]
    return labelled(request.image.name, columns, rows, (max(256, request.width), max(256, request.height)))


def _title(level: Level, steps: int) -> str:
    if not level.steps:
        return f"0 %, {AS_ENCODED}"
    return f"{level.level:.0%} noise, {level.steps} of {steps} steps".replace("%", " %")


def _noisy(model: LoadedModel, request: NoiseAndDenoise, clean: Tensor, place: int, level: float) -> Tensor:
    """(1, C, h, w) float32: with the noise that the drawing in full begins with; at level 1 nothing else."""
    assert request.seed is not None
    device = torch.device("cpu")
    noise = varied_noise(request, 0, tuple(clean.shape), generator_of(request.seed), device, model.dtype).float()
    if level == 1:
        return noise
    alphas = model.pipeline.scheduler.alphas_cumprod.float().cpu()
    return noised(clean, noise, alphas[place : place + 1])[0]


def _grey(latents: Tensor, size: tuple[int, int]) -> Image.Image:
    mean = latents[0].mean(0)
    low, high = mean.min(), mean.max()
    grey = (mean - low) / (high - low).clamp_min(1e-6) * 2 - 1
    return to_pil(grey.expand(1, 3, *grey.shape))[0].resize(size, Image.Resampling.NEAREST)


@torch.no_grad()
def _decoded(model: LoadedModel, latents: Tensor) -> Image.Image:
    vae = model.pipeline.vae
    pixels = vae.decode((latents / vae.config.scaling_factor).to(vae.device, vae.dtype), return_dict=False)[0]
    return to_pil(torch.nan_to_num(pixels))[0]
