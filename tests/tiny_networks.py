"""Small pictures, and small trainings of the networks that Explore loads."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from engine.betavae import run as betavae
from engine.betavae.config import Config as VaeConfig
from engine.gan import run as gan
from engine.gan.config import Config as GanConfig
from engine.latent.catalogue import BETA_VAE, GAN
from engine.latent.running import start
from engine.latent.runs import Run
from engine.training.config import values_of

VAE = VaeConfig(steps=6, batch_size=4, side=16, blocks=(8, 16), latents=6, beta=0.1, held_out=0.25)
GAN_CONFIG = GanConfig(steps=6, batch_size=4, side=16, width=4, latents=6, average=0.9)


def save_pictures(folder: Path, count: int = 20, side: int = 24) -> Path:
    """PNG files of one square each, of another colour at another place."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(1)
    for number in range(count):
        pixels = np.full((side, side + 4, 3), rng.integers(0, 256, 3), np.uint8)
        row, column = rng.integers(0, side // 2, 2)
        pixels[row : row + side // 3, column : column + side // 3] = rng.integers(0, 256, 3)
        Image.fromarray(pixels).save(folder / f"{number:02d}.png")
    return folder


def trained_network(
    family: str, pictures: Path, run: Path, out: Path, changes: dict[str, Any] | None = None, **more: Any
) -> str:
    """Train a tiny one from a folder, with settings of its own; returns the name under which it can be explored."""
    config, how = (VAE, betavae.FAMILY) if family == BETA_VAE else (GAN_CONFIG, gan.FAMILY)
    config = replace(config, **(changes or {}))
    asked = Run(family=family, name=f"tiny-{family}", dataset=str(pictures), config=values_of(config))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return start(run, asked, config, how, out=out, device=torch.device("cpu"), **more)
    finally:
        torch.set_num_threads(threads)


__all__ = ["BETA_VAE", "GAN", "GAN_CONFIG", "VAE", "save_pictures", "trained_network"]
