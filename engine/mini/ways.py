"""The model's own ways from noise to picture, with guidance: what a draft learns to walk in four steps."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor

from engine.diffusion import schedulers
from engine.diffusion.request import GUIDANCE_SCALE
from engine.mini.drawings import draw_batches
from engine.mini.judging.prompts import prompt_of
from engine.scenes.captions import caption
from engine.scenes.scene import Scene
from engine.scenes.shards import SceneData
from engine.training.parallel import Ranks

VISITED = (999, 749, 499, 249)  # the timesteps of a drawing in four trailing steps
# Half the work of 25 steps of DDIM and 28.8 dB from them over 16 pictures; all of `VISITED` are among its timesteps.
SCHEDULER, STEPS = "DPM++ 2M", 12
GUIDANCE = GUIDANCE_SCALE.default


def draw(ranks: Ranks, model_folder: Path, data: SceneData, folder: Path) -> None:
    """Write the latents at `VISITED` and at the end, (n, 5, C, h, w) float16 a file; the processes take turns.

    Args:
        model_folder: in diffusers layout.
        folder: for ways of this model only.
    """
    draw_batches(ranks, model_folder, data, folder, walked)


def prompt_at(scene: Scene) -> str:
    """By turns a caption that names everything, and one as it comes: some are three words long."""
    if scene.seed % 2:
        return caption(scene, np.random.default_rng(scene.seed))
    return prompt_of(scene).text


@torch.no_grad()
def walked(pipeline: StableDiffusionPipeline, scenes: Sequence[Scene], size: int) -> Tensor:
    """(N, 5, C, h, w), each from its scene's seed, as the studio draws it."""
    pipeline.scheduler = schedulers.build(SCHEDULER, pipeline.scheduler.config)
    side = size // pipeline.vae_scale_factor
    shape = (1, pipeline.unet.config.in_channels, side, side)
    noise = torch.cat([torch.randn(shape, generator=torch.Generator().manual_seed(scene.seed)) for scene in scenes])
    # Euler, which draws in four steps, begins with the noise of its level and no more; others with a little more.
    places = [(1 - pipeline.scheduler.alphas_cumprod[VISITED[0]]).sqrt() * noise]

    def keep(_: StableDiffusionPipeline, step: int, timestep: Tensor, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        if (step + 1) % (STEPS // len(VISITED)) == 0:
            places.append(tensors["latents"].cpu())
        return {}

    pipeline(
        [prompt_at(scene) for scene in scenes],
        num_inference_steps=STEPS,
        guidance_scale=GUIDANCE,
        width=size,
        height=size,
        latents=noise.to(pipeline.device),
        output_type="latent",
        callback_on_step_end=keep,
    )
    return torch.stack(places, 1)
