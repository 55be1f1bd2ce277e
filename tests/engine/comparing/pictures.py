"""Folders of small pictures to compare translators with."""

from pathlib import Path

import numpy as np
from PIL import Image


def save_pictures(folder: Path, seeds: range, light: int = 255, size: tuple[int, int] = (96, 72)) -> Path:
    """Soft shapes, the lighter the larger `light` is; their names are the seeds."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        pixels = np.random.default_rng(seed).integers(0, light, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC).save(folder / f"{seed}.png")
    return folder


def save_pairs(folder: Path, seeds: range) -> Path:
    """X_p and Y_p, which shows the same, half as light."""
    for seed in seeds:
        save_pictures(folder / "X_p", range(seed, seed + 1))
        (folder / "Y_p").mkdir(exist_ok=True)
        with Image.open(folder / "X_p" / f"{seed}.png") as image:
            image.point(lambda value: value // 2).save(folder / "Y_p" / f"{seed}.png")
    return folder
