"""Small pictures that look like nothing else, and folders of them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.datasets.pictures import CaptionedPicture


@pytest.fixture
def paint() -> Callable[..., Image.Image]:
    """Paint soft blobs of colour, RGB; every seed gives another picture."""
    return _paint


def _paint(seed: int, size: tuple[int, int] = (96, 72)) -> Image.Image:
    blobs = np.random.default_rng(seed).integers(0, 256, (7, 7, 3), dtype=np.uint8)
    return Image.fromarray(blobs).resize(size, Image.Resampling.BICUBIC)


@pytest.fixture
def save() -> Callable[..., Path]:
    """Save the picture of a seed; returns its path."""

    def save(path: Path, seed: int = 0, size: tuple[int, int] = (96, 72)) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        _paint(seed, size).save(path)
        return path

    return save


@pytest.fixture
def captioned(save, tmp_path) -> Callable[..., list[CaptionedPicture]]:
    """So many pictures with captions in `tmp_path`, all different."""

    def captioned(count: int, **options) -> list[CaptionedPicture]:
        return [
            CaptionedPicture(save(tmp_path / f"{seed:02d}.png", seed, **options), f"landscape number {seed}")
            for seed in range(count)
        ]

    return captioned
