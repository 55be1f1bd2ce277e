"""A tiny model, loaded once through the real loader, and helpers to draw with it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.device import Device, choose
from engine.diffusion.loading import LoadedModel, load
from engine.diffusion.text_to_image import GeneratedImage, generate
from tests.tiny import REQUEST, save_tiny_pipeline, tiny_info

torch.set_num_threads(1)  # bit-equality is promised for a fixed number of threads


@pytest.fixture(scope="session")
def cpu() -> Device:
    return choose("cpu")


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory) -> Path:
    return save_tiny_pipeline(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path, cpu: Device) -> LoadedModel:
    return load(tiny_info(tiny_folder), cpu)


@pytest.fixture(scope="session")
def draw() -> Callable[..., list[GeneratedImage]]:
    """draw(model, loras=(), **changes to the request) -> its images."""

    def draw(model: LoadedModel, loras=(), **changes) -> list[GeneratedImage]:
        return list(generate(model, replace(REQUEST, **changes), loras))

    return draw


@pytest.fixture(scope="session")
def pixels(draw) -> Callable[..., np.ndarray]:
    """pixels(model, loras=(), **changes) -> (H, W, 3) uint8 of the first image."""

    def pixels(model: LoadedModel, loras=(), **changes) -> np.ndarray:
        return np.asarray(draw(model, loras, **changes)[0].image)

    return pixels
