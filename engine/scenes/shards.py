"""Rendered scenes as training data: pictures in shards on disk, captions drawn anew each time.

A scene is known by its seed, so only the pictures are stored. Training and held-out seeds lie far apart.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from engine.errors import NotFound
from engine.files import replacing
from engine.scenes.render import render
from engine.scenes.scene import Scene, random_scene

SHARD = 256  # pictures per file: 48 MiB at 256 px
TRAINING_SEED = 1_000_000
HELD_OUT_SEED = 900_000_000


@dataclass(frozen=True)
class SceneData:
    """Pictures of the scenes of `first_seed`, `first_seed + 1`, ...

    Attributes:
        folder: where the shards are.
        count: number of pictures.
        first_seed: of picture 0.
        size: pixels of each side.
        look: of all pictures.
        shard: pictures per file.
    """

    folder: Path
    count: int
    first_seed: int = TRAINING_SEED
    size: int = 256
    look: str = "painterly"
    shard: int = SHARD

    def __len__(self) -> int:
        return self.count

    def scene(self, index: int) -> Scene:
        """What picture `index` shows."""
        return random_scene(self.first_seed + int(index), look=self.look)

    def pictures(self, indices: Sequence[int] | np.ndarray) -> np.ndarray:
        """(N, size, size, 3) uint8, read from disk.

        Raises:
            NotFound: a picture is not rendered yet.
        """
        return np.stack([self._shards[index // self.shard][index % self.shard] for index in indices])

    def path(self, shard: int) -> Path:
        """The file of so many pictures from shard * `self.shard` on; its name says what is in it."""
        return self.folder / f"{self.look}-{self.size}-{self.first_seed + shard * self.shard}.npy"

    @property
    def shards(self) -> int:
        """Number of files; the last one may hold more pictures than are asked for."""
        return -(-self.count // self.shard)

    @cached_property
    def _shards(self) -> list[np.ndarray]:
        missing = [self.path(shard).name for shard in range(self.shards) if not self.path(shard).exists()]
        if missing:
            raise NotFound(
                f"All {self.shards} files of rendered scenes must be in {self.folder} before training; "
                f"{len(missing)} are missing, the first is {missing[0]}. Run the stage scenes."
            )
        return [np.load(self.path(shard), mmap_mode="r") for shard in range(self.shards)]


def read_made(folder: Path, data: SceneData, stage: str) -> np.ndarray:
    """What a stage made of every picture, (N, ...), from a file for each file of pictures, under its name.

    Raises:
        NotFound: it is not made yet.
    """
    paths = [made_path(folder, data, shard) for shard in range(data.shards)]
    missing = [path.name for path in paths if not path.exists()]
    if missing:
        raise NotFound(
            f"All pictures need {stage}; {len(missing)} files are missing in {folder}. Run the stage {stage}."
        )
    return np.concatenate([np.load(path) for path in paths])[: len(data)]


def made_path(folder: Path, data: SceneData, shard: int) -> Path:
    """The file of what a stage made of the pictures in a shard."""
    return folder / data.path(shard).name


def render_shards(data: SceneData, rank: int = 0, ranks: int = 1, report: Callable[[str], None] = print) -> None:
    """Render the pictures that are not there yet; several processes take turns with the files."""
    data.folder.mkdir(parents=True, exist_ok=True)
    for shard in range(rank, data.shards, ranks):
        path = data.path(shard)
        if path.exists():
            continue
        places = range(shard * data.shard, (shard + 1) * data.shard)
        pictures = np.stack([render(data.scene(place), data.size) for place in places])
        with replacing(path) as file:
            np.save(file, pictures)
        report(f"{path.name} is rendered")
