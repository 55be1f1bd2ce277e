"""Folders of pictures as training data: random crops, alone or in aligned pairs."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from engine.errors import StudioError
from engine.picture_files import pictures_in, read_picture

KEPT = 1024  # decoded pictures held in memory


class PhotoFolder:
    """The pictures of one or more folders, by name.

    Args:
        folders: PNG, JPEG and WebP files directly in them.
        side: pixels that the short side is resized to before cropping; 0 leaves pictures as they are.

    Raises:
        NotFound: no folder, or no picture in one.
    """

    def __init__(self, folders: Path | Sequence[Path], side: int) -> None:
        self.folders = [folders] if isinstance(folders, Path) else list(folders)
        self.side = side
        self.paths = [path for folder in self.folders for path in pictures_in(folder)]

    @classmethod
    def of(cls, paths: Sequence[Path], side: int) -> "PhotoFolder":
        """Chosen files, in this order."""
        folder = cls([], side)
        folder.paths = list(paths)
        return folder

    def __len__(self) -> int:
        return len(self.paths)

    def picture(self, index: int) -> Image.Image:
        """One picture, RGB and upright, its short side at `side`."""
        return _decoded(self.paths[index], self.side)

    def crop(self, index: int, size: int, generator: torch.Generator) -> np.ndarray:
        """(size, size, 3) uint8 from a random place, flipped half of the time."""
        return random_crop([self.picture(index)], size, generator)[0]


class PairedFolders:
    """Photos and their translations under the same names.

    Raises:
        NotFound: a folder is missing or empty.
        StudioError: names without a partner, or pairs of different proportions.
    """

    def __init__(self, photos: Path, styles: Path, side: int) -> None:
        self.photos, self.styles = PhotoFolder(photos, side), PhotoFolder(styles, side)
        for folder in (self.photos, self.styles):  # partners stand at the same place, whatever their suffix
            folder.paths.sort(key=lambda path: path.stem)
            stems = [path.stem for path in folder.paths]
            twice = sorted({stem for stem in stems if stems.count(stem) > 1})
            if twice:
                text = f"Every name may stand once in a folder of pairs; got {', '.join(twice[:5])} more than once."
                raise StudioError(f"{text} Remove what is there twice from {folder.folders[0].name}.")
        alone = {path.stem for path in self.photos.paths} ^ {path.stem for path in self.styles.paths}
        if alone:
            some = ", ".join(sorted(alone)[:5])
            raise StudioError(
                f"Every photo in {photos.name} must have a picture of the same name in {styles.name}, and the reverse; "
                f"{len(alone)} have none ({some}). Remove them or add what is missing."
            )

    def __len__(self) -> int:
        return len(self.photos)

    def pair(self, index: int) -> tuple[Image.Image, Image.Image]:
        """The photo and its translation, of one size."""
        photo, style = self.photos.picture(index), self.styles.picture(index)
        if abs(photo.width / photo.height - style.width / style.height) > 0.02:
            raise StudioError(
                f"The two pictures of a pair must have the same proportions; {self.photos.paths[index].name} is "
                f"{photo.width}x{photo.height} and its partner {style.width}x{style.height}. Make the pair anew."
            )
        return photo, style if style.size == photo.size else style.resize(photo.size, Image.Resampling.LANCZOS)

    def crop(self, index: int, size: int, generator: torch.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Two (size, size, 3) uint8 from the same random place, both flipped or neither."""
        photo, style = random_crop(self.pair(index), size, generator)
        return photo, style


@lru_cache(maxsize=KEPT)
def _decoded(path: Path, side: int) -> Image.Image:
    return resized_to(read_picture(path), side)


def resized_to(image: Image.Image, side: int) -> Image.Image:
    """The picture with its short side at `side` pixels, or as it is if that is 0."""
    if side == 0:
        return image
    scale = side / min(image.size)
    size = (max(side, round(image.width * scale)), max(side, round(image.height * scale)))
    return image if size == image.size else image.resize(size, Image.Resampling.LANCZOS)


def random_crop(images: Sequence[Image.Image], size: int, generator: torch.Generator) -> np.ndarray:
    """(len(images), size, size, 3) uint8: the same square of RGB pictures of one size, flipped half of the time."""
    width, height = images[0].size
    if min(width, height) < size:
        raise StudioError(
            f"Pictures to train with must be as large as the crops of {size} pixels; one is {width}x{height}. Give a "
            "side, to which all are brought, or smaller crops."
        )
    x = int(torch.randint(width - size + 1, (), generator=generator))
    y = int(torch.randint(height - size + 1, (), generator=generator))
    pixels = np.stack([np.asarray(image.crop((x, y, x + size, y + size))) for image in images])
    return np.ascontiguousarray(pixels[:, :, ::-1]) if torch.rand((), generator=generator) < 0.5 else pixels
