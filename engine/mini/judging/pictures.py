"""The pictures of an evaluation, kept as PNG files: one that is there is not made again.

A drawn picture's path names the model by its files' hash, so another model never meets old pictures. A render's
path names the scene, but not the renderer's code: give a changed renderer a new folder.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from engine.device import Device
from engine.diffusion.loading import LoadedModel, load
from engine.diffusion.request import SCHEDULERS, TextToImage
from engine.diffusion.text_to_image import generate
from engine.files import replacing
from engine.images import from_pil
from engine.metrics.features import Extractor, features_of
from engine.picture_files import read_picture
from engine.scenes.render import render
from engine.scenes.scene import Scene
from engine.weights.facts import folder_info
from engine.weights.hashes import file_sha256, model_digest
from engine.weights.loras import LoraInfo
from engine.weights.models import require_available

BATCH = 16


@dataclass(frozen=True)
class Album:
    """Where pictures are kept, and how large they are.

    Attributes:
        folder: of the evaluation.
        size: pixels of each side.
    """

    folder: Path
    size: int

    def rendered(self, scene: Scene) -> Path:
        """The renderer's picture of a scene."""
        name = f"{scene.seed}-{_digest(json.dumps(scene.as_dict()))}.png"
        path = self.folder / "renders" / str(self.size) / name
        return _kept(path, lambda: Image.fromarray(render(scene, self.size)))

    def features(self, extractor: Extractor, paths: Sequence[Path]) -> Tensor:
        """(N, dimensions) float64 of the pictures, worked out once."""
        names = "\n".join(path.relative_to(self.folder).as_posix() for path in paths)
        file = self.folder / "features" / f"{_slug(extractor.name)}-{_digest(names)}.npy"
        return kept_features(file, extractor, batches(paths))


@dataclass(frozen=True)
class Painter:
    """Draws with a model, which is loaded only when a picture is missing.

    Attributes:
        album: keeps the pictures.
        model_folder: in diffusers layout.
        steps: denoising steps.
        device: draws.
        scheduler: one of `engine.diffusion.request.SCHEDULERS`.
        lora: that is applied.
    """

    album: Album
    model_folder: Path
    steps: int
    device: Device
    scheduler: str = SCHEDULERS[0]
    lora: LoraInfo | None = None

    def drawn(self, prompt: str, seed: int, guidance: float) -> Path:
        """The model's picture of a prompt."""
        settings = [f"{self.album.size}px-{self.steps}steps-guidance{guidance:g}"]
        if self.scheduler != SCHEDULERS[0]:
            settings.append(_slug(self.scheduler))
        if self.lora:
            settings.append(file_sha256(self.lora.path)[:12])
        path = self.album.folder / "drawn" / self.digest / "-".join(settings) / f"{seed}-{_digest(prompt)}.png"
        return _kept(path, lambda: self._draw(prompt, seed, guidance))

    @cached_property
    def digest(self) -> str:
        """Of the model; another one never meets its pictures."""
        return model_digest(self.model_folder)

    @cached_property
    def _model(self) -> LoadedModel:
        info = require_available(folder_info(self.model_folder.name, self.model_folder))
        return load(info, self.device)

    def _draw(self, prompt: str, seed: int, guidance: float) -> Image.Image:
        request = TextToImage(
            prompt=prompt,
            seed=seed,
            num_inference_steps=self.steps,
            guidance_scale=guidance,
            width=self.album.size,
            height=self.album.size,
            scheduler=self.scheduler,
            model=self.model_folder.name,
            loras_merged=True,
        )
        return next(generate(self._model, request, [(self.lora, 1.0)] if self.lora else [])).image


def kept_features(file: Path, extractor: Extractor, pixels: Iterator[Tensor]) -> Tensor:
    """Features from a file, or computed and written to it.

    Args:
        pixels: batches (n, 3, H, W) float32 in [-1, 1]; not read when the file is there.
    """
    if file.exists():
        return torch.from_numpy(np.load(file))
    features = features_of(extractor, pixels)
    _write(file, lambda scratch: np.save(scratch, features.numpy()))
    return features


def batches(paths: Sequence[Path]) -> Iterator[Tensor]:
    """Pictures from disk, (n, 3, H, W) float32 in [-1, 1]."""
    for start in range(0, len(paths), BATCH):
        yield from_pil([read_picture(path) for path in paths[start : start + BATCH]])


def _kept(path: Path, make: Callable[[], Image.Image]) -> Path:
    if not path.exists():
        _write(path, lambda scratch: make().save(scratch, "PNG"))
    return path


def _write(path: Path, write: Callable) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        write(file)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _slug(name: str) -> str:
    return name.lower().replace(" ", "-")
