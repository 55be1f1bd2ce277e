"""Captioned pictures in a folder, and settings with which a LoRA is trained on them within seconds."""

import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from engine.device import choose
from engine.lora import preparing
from engine.lora.job import install
from engine.lora.preparing import RunSettings
from engine.lora.runs.config import Config
from engine.lora.runs.plan import read_plan
from engine.lora.training.run import start
from engine.prepared import adopt
from engine.settings import Settings
from engine.studio import Studio

QUICK = Config(
    rank=2,
    batch_size=4,  # as many as the timesteps at which a held-out picture is measured
    steps=4,
    learning_rate=1e-2,
    lr_scheduler="constant_with_warmup",
    warmup_steps=0,
    gradient_accumulation=1,
    gradient_checkpointing=False,
    checkpoint_every=2,
    held_out_every=2,
    validation_every=0,
)


def save_captioned(folder: Path, count: int = 8) -> Path:
    """Pictures that do not look alike, with a text file beside each."""
    folder.mkdir(parents=True)
    for seed in range(count):
        pixels = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((96, 96), Image.Resampling.NEAREST).save(folder / f"{seed:02}.png")
        (folder / f"{seed:02}.txt").write_text(f"a castle number {seed}")
    return folder


def trained_home(home: Path, weights: Path, pictures: Path, name: str = "castles") -> Path:
    """A studio's folder in which a LoRA was trained on half of the pictures and stands in the picker."""
    studio = Studio(Settings(home=home, weights_dir=weights, device="cpu"))
    folder = studio.settings.runs_dir / begun_training(studio, pictures, name)
    start(folder, read_plan(folder), device=choose("cpu"))
    install(folder, name, studio.settings.lora_folders[0])
    studio.database.dispose()
    return home


def begun_training(studio: Studio, pictures: Path, name: str = "castles") -> str:
    """The name of a run that is prepared, with half of the pictures held out."""
    order = RunSettings(name, studio.model("mini"), QUICK, trigger="castlestyle", share=0.5)
    run = preparing.begin_run(studio.settings, preparing.prepare(pictures, order), order)
    adopt(studio.settings.home, studio.settings.runs_dir / run)
    return run


def copy_training(home: Path, studio: Studio) -> str:
    """Copy runs and LoRAs of that folder into a studio; returns the name of the newest run."""
    for name in ("runs", "loras"):
        shutil.copytree(home / name, studio.settings.home / name, dirs_exist_ok=True)
    return preparing.runs(studio.settings)[-1]
