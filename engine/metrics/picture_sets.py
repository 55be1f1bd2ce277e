"""Sets of pictures to measure: folders, lists of files or tensors, each picture read when it is needed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.errors import ImageShapeError
from engine.images import check_image_range, from_pil
from engine.picture_files import pictures_in, read_picture

Source = Path | Sequence[Path] | Sequence[Tensor]


@dataclass(frozen=True)
class PictureSet:
    """Pictures in a fixed order.

    Attributes:
        names: of the files; empty texts for tensors.
        read: picture k as (3, H, W) float32 in [-1, 1].
    """

    names: tuple[str, ...]
    read: Callable[[int], Tensor]

    def __len__(self) -> int:
        return len(self.names)

    def batches(self, size: tuple[int, int], batch: int, crop: bool = False) -> Iterator[Tensor]:
        """All pictures in order, (n, 3, H, W) float32 in [-1, 1].

        Args:
            size: height and width.
            crop: cut pictures of another size to these proportions and scale them; else they are refused.

        Raises:
            ImageShapeError: a picture has another size.
        """
        for start in range(0, len(self), batch):
            places = range(start, min(start + batch, len(self)))
            yield torch.stack([self._sized(place, size, crop) for place in places])

    def _sized(self, place: int, size: tuple[int, int], crop: bool) -> Tensor:
        picture = self.read(place)
        if picture.shape[1:] == size:
            return picture
        if not crop:
            raise ImageShapeError(
                f"Pictures that were drawn for a comparison must have one size, {size[1]}x{size[0]}; "
                f"{self.names[place] or f'number {place + 1}'} has {picture.shape[2]}x{picture.shape[1]}. "
                "Draw them with the same width and height."
            )
        return fitted(picture, *size)


def picture_set(source: Source) -> PictureSet:
    """A folder's pictures by name, or those of a list in its order.

    Args:
        source: a folder, files, or (3, H, W) float32 tensors in [-1, 1].

    Raises:
        NotFound: no such folder, or no picture in it.
    """
    if isinstance(source, Path):
        source = pictures_in(source)
    items = list(source)

    def read(place: int) -> Tensor:
        item = items[place]
        return from_pil(read_picture(item))[0] if isinstance(item, Path) else _checked(item)

    return PictureSet(tuple(item.name if isinstance(item, Path) else "" for item in items), read)


def fitted(picture: Tensor, height: int, width: int) -> Tensor:
    """The middle of (3, H, W) in the proportions asked for, scaled bicubically with antialiasing; in [-1, 1]."""
    scale = min(picture.shape[1] / height, picture.shape[2] / width)
    rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
    top, left = (picture.shape[1] - rows) // 2, (picture.shape[2] - columns) // 2
    middle = picture[None, :, top : top + rows, left : left + columns]
    return F.interpolate(middle, (height, width), mode="bicubic", antialias=True)[0].clamp(-1, 1)


def _checked(picture: Tensor) -> Tensor:
    if picture.ndim != 3 or picture.shape[0] != 3:
        raise ValueError(f"A picture must be (3, H, W); got {tuple(picture.shape)}. Split batches first.")
    check_image_range(picture)
    return picture
