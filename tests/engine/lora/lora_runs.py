"""Pictures and settings for LoRA runs on the tiny model, and a run that can be killed."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from engine.datasets.pictures import CaptionedPicture
from engine.device import choose
from engine.diffusion.loading import LoadedModel, load
from engine.lora.runs.config import Config
from engine.training.parallel import Ranks
from tests.tiny import tiny_info

# Every source of chance is on.
CONFIG = Config(
    rank=4,
    alpha=2.0,
    dropout=0.1,
    text_encoder=True,
    random_crop=True,
    horizontal_flip=0.5,
    gradient_accumulation=2,
    steps=4,
    learning_rate=1e-2,
    warmup_steps=1,
    min_snr_gamma=5.0,
    noise_offset=0.05,
    empty_captions=0.3,
    checkpoint_every=2,
    validation_every=0,
    held_out_every=2,
)
CAPTIONS = ("a castle", "a red cat", "a blue mountain", "a cat on a mountain")


def save_pictures(folder: Path, count: int = 4) -> list[CaptionedPicture]:
    """Coloured blobs, not square."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    pictures = []
    for i in range(count):
        blobs = Image.fromarray(rng.integers(0, 256, (4, 5, 3), dtype=np.uint8))
        blobs.resize((100, 80), Image.Resampling.BICUBIC).save(folder / f"{i}.png")
        pictures.append(CaptionedPicture(folder / f"{i}.png", CAPTIONS[i % len(CAPTIONS)]))
    return pictures


def tiny_model(folder: Path) -> LoadedModel:
    """A copy of its own."""
    return load(tiny_info(folder), choose("cpu"))


def run(
    folder: Path, model: Path, pictures: Sequence[CaptionedPicture], die_after: int | None = None, **changes
) -> None:
    """Train on all pictures but the last; with `die_after`, the process is killed in that step."""
    import os
    import signal

    from engine.lora.training import trainer

    def report(now) -> None:
        if now.step == die_after:
            os.kill(os.getpid(), signal.SIGKILL)

    torch.set_num_threads(1)
    config = replace(CONFIG, **changes)
    trainer.run(
        Ranks(), config, folder, tiny_model(model), pictures[:-1], pictures[-1:], report=report, save_seconds=0.0
    )


if __name__ == "__main__":
    folder, model, pictures, die_after = sys.argv[1:]
    run(Path(folder), Path(model), save_pictures(Path(pictures)), int(die_after))
