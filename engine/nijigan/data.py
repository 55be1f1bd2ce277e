"""The pictures that NijiGAN learns from, and which of them a step sees."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.images import from_bytes
from engine.nijigan.config import Config
from engine.training.photo_folders import PairedFolders, PhotoFolder


@dataclass(frozen=True)
class Data:
    """X_p and Y_p, X, Y, and pairs that are never trained on."""

    pairs: PairedFolders
    photos: PhotoFolder
    styles: PhotoFolder
    held_out: PairedFolders


@dataclass(frozen=True)
class Batch:
    """One step's pictures, (N, 3, H, W) float32 in [-1, 1]; the unpaired ones may be missing."""

    paired_photo: Tensor
    paired_style: Tensor
    photo: Tensor | None = None
    style: Tensor | None = None


def draw(config: Config, data: Data, step: int, generator: torch.Generator, device: torch.device) -> Batch:
    """The pictures of one step."""

    def several(source: Any) -> list[Any]:
        indices = torch.randint(len(source), (config.batch_size,), generator=generator).tolist()
        return [source.crop(index, config.crop, generator) for index in indices]

    def pixels(crops: Sequence[np.ndarray]) -> Tensor:
        return from_bytes(torch.from_numpy(np.stack(crops)).to(device))

    photos, styles = zip(*several(data.pairs), strict=True)
    paired = Batch(pixels(photos), pixels(styles))
    if step % config.unpaired_every:
        return paired
    return replace(paired, photo=pixels(several(data.photos)), style=pixels(several(data.styles)))
