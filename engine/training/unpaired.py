"""Two folders of pictures that have nothing to do with each other: which of them a step sees, which are held out."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from engine.datasets.unpaired import CheckUp, Folder, examine
from engine.images import from_bytes
from engine.seeding import generator_of
from engine.training.parallel import Ranks
from engine.training.photo_folders import PhotoFolder

HELD_OUT_SHARE, FEWEST_HELD_OUT, MOST_HELD_OUT = 0.1, 2, 64
X, Y = 0, 1


class Settings(Protocol):
    """What decides it: pictures of each kind per process and step, the square cut from each, and the seed."""

    @property
    def steps_per_epoch(self) -> int: ...

    @property
    def batch_size(self) -> int: ...

    @property
    def side(self) -> int: ...

    @property
    def crop(self) -> int: ...

    @property
    def seed(self) -> int: ...


@dataclass(frozen=True)
class Data:
    """Pictures of both kinds, and others of both that are never trained on."""

    x: PhotoFolder
    y: PhotoFolder
    held_out_x: PhotoFolder
    held_out_y: PhotoFolder

    def steps_per_epoch(self, config: Settings, ranks: int) -> int:
        """Steps in which the larger folder is seen once, or those that the settings ask for."""
        return config.steps_per_epoch or -(-max(len(self.x), len(self.y)) // (config.batch_size * ranks))


@dataclass(frozen=True)
class Folders:
    """Where the pictures are.

    Attributes:
        x, y: of both kinds; nothing in them has to belong together.
        held_out_x, held_out_y: others that are only looked at; None holds out a tenth of each kind.
    """

    x: Path
    y: Path
    held_out_x: Path | None = None
    held_out_y: Path | None = None


@dataclass(frozen=True)
class Prepared:
    """Pictures that a training can begin with.

    Attributes:
        check_up: what was found in them.
        pictures: their fingerprint.
    """

    data: Data
    check_up: CheckUp
    pictures: str


def prepare(folders: Folders, config: Settings) -> Prepared:
    """Look at all pictures, before anything is trained.

    Raises:
        InvalidRequest: something speaks against training on them; all of it is told together.
        NotFound: a folder of held-out pictures is missing or empty.
    """
    check_up = examine(folders.x, folders.y, config.crop, enlarged=config.side > 0)
    check_up.require_usable()
    x, held_out_x = _split(check_up.x, folders.held_out_x, config)
    y, held_out_y = _split(check_up.y, folders.held_out_y, config)
    pictures = f"{check_up.x.fingerprint[:16]} {check_up.y.fingerprint[:16]}"
    return Prepared(Data(x, y, held_out_x, held_out_y), check_up, pictures)


def _split(folder: Folder, held_out: Path | None, config: Settings) -> tuple[PhotoFolder, PhotoFolder]:
    if held_out is not None:
        return PhotoFolder.of(folder.pictures, config.side), PhotoFolder(held_out, config.side)
    learnt, kept = split(folder.pictures, config.seed)
    return PhotoFolder.of(learnt, config.side), PhotoFolder.of(kept, config.side)


def split(paths: Sequence[Path], seed: int) -> tuple[list[Path], list[Path]]:
    """Pictures to train on and a tenth, 2 to 64, that is held out; the same for the same names and seed."""
    order = torch.randperm(len(paths), generator=generator_of(seed)).tolist()
    count = min(MOST_HELD_OUT, max(FEWEST_HELD_OUT, round(HELD_OUT_SHARE * len(paths))))
    held_out = set(order[:count])
    return [path for i, path in enumerate(paths) if i not in held_out], [paths[i] for i in sorted(held_out)]


def draw(
    config: Settings, data: Data, step: int, ranks: Ranks, rng: torch.Generator, device: torch.device
) -> tuple[Tensor, Tensor]:
    """One step's pictures of X and of Y, (N, 3, crop, crop) float32 in [-1, 1]; each pass sees every picture once."""
    first = (step * ranks.size + ranks.rank) * config.batch_size
    places = range(first, first + config.batch_size)
    x, y = (
        [folder.crop(_index(config.seed, kind, len(folder), place), config.crop, rng) for place in places]
        for kind, folder in ((X, data.x), (Y, data.y))
    )
    return _pixels(x, device), _pixels(y, device)


def _pixels(crops: Sequence[np.ndarray], device: torch.device) -> Tensor:
    return from_bytes(torch.from_numpy(np.stack(crops)).to(device))


def _index(seed: int, kind: int, count: int, place: int) -> int:
    """Which picture is the place-th that is seen."""
    return _order(seed, kind, count, place // count)[place % count]


@lru_cache(maxsize=4)
def _order(seed: int, kind: int, count: int, number: int) -> list[int]:
    """The order of a pass."""
    return torch.randperm(count, generator=generator_of((seed * 1_000_003 + number) * 2 + kind)).tolist()
