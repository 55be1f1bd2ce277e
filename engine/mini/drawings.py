"""Latents that the model itself draws: what its decoder meets in use, and never sees while it learns from pictures."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor

from engine.errors import NotFound
from engine.files import replacing
from engine.mini.judging.prompts import prompt_of
from engine.scenes.scene import Scene
from engine.scenes.shards import SceneData
from engine.training.parallel import Ranks

STEPS = 25
GUIDANCE = 5.0  # at which the model's card has its measurements
BATCH = 16  # pictures drawn at a time, and per file

Drawer = Callable[[StableDiffusionPipeline, Sequence[Scene], int], Tensor]


def draw(ranks: Ranks, model_folder: Path, data: SceneData, folder: Path) -> None:
    """Write the latents drawn for every scene's prompt, (n, C, h, w) float16 a file; the processes take turns.

    Args:
        model_folder: in diffusers layout.
        folder: for drawings of this model only.
    """
    draw_batches(ranks, model_folder, data, folder, _drawn)


def draw_batches(ranks: Ranks, model_folder: Path, data: SceneData, folder: Path, drawer: Drawer) -> None:
    """As `draw`, whatever it is that is drawn of some scenes at a size."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [path for path in _paths(data, folder)[ranks.rank :: ranks.size] if not path.exists()]
    if not missing:
        return
    pipeline = StableDiffusionPipeline.from_pretrained(model_folder, dtype=torch.float32, local_files_only=True)
    pipeline.to(ranks.device).set_progress_bar_config(disable=True)
    for path in missing:
        drawn = drawer(pipeline, _scenes(data, int(path.stem)), data.size)
        with replacing(path) as file:
            np.save(file, drawn.half().cpu().numpy())


def read_drawings(folder: Path, data: SceneData) -> Tensor:
    """(N, C, h, w) float16 of all scenes, or whatever `draw_batches` wrote.

    Raises:
        NotFound: they are not made yet.
    """
    paths = _paths(data, folder)
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise NotFound(
            f"The model must have drawn all {len(paths)} files of latents; {len(missing)} are missing in {folder}. "
            "Run the stage drawings."
        )
    return torch.from_numpy(np.concatenate([np.load(path) for path in paths])[: len(data)])


def _paths(data: SceneData, folder: Path) -> list[Path]:
    """A file for every batch, named by its first scene's seed."""
    return [folder / f"{data.first_seed + place}.npy" for place in range(0, len(data), BATCH)]


def _scenes(data: SceneData, first_seed: int) -> list[Scene]:
    first = first_seed - data.first_seed
    return [data.scene(place) for place in range(first, min(first + BATCH, len(data)))]


def _drawn(pipeline: StableDiffusionPipeline, scenes: Sequence[Scene], size: int) -> Tensor:
    return pipeline(
        [prompt_of(scene).text for scene in scenes],
        num_inference_steps=STEPS,
        guidance_scale=GUIDANCE,
        width=size,
        height=size,
        generator=[torch.Generator().manual_seed(scene.seed) for scene in scenes],
        output_type="latent",
    ).images
