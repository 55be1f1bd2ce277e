"""Label scores of a folder of pictures beside the folder of their true label maps."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from engine.errors import StudioError
from engine.metrics.label_scores import LabelScores, confusion_matrix, label_scores
from engine.picture_files import pictures_in, read_picture
from engine.scenes.labels import LABELS, labels_in

MOST_OFF = 0.02  # between the proportions of two pictures of one thing
MULTIPLE = 4


def scores_of(found: Path, true: Path, labels_of: Callable[[np.ndarray], np.ndarray] = labels_in) -> LabelScores:
    """Compare pictures with the label maps of the same names.

    Args:
        found: a folder of pictures.
        true: a folder with a picture of labels for each of them, of the same proportions; more may lie there.
        labels_of: the label map (H, W) in a picture (H, W, 3) uint8; by default that of the nearest colours.

    Raises:
        NotFound: a folder is missing or empty.
        StudioError: a picture has no label map, or one of other proportions; or it is too small to compare.
    """
    return label_scores(confusion_matrix(_pairs(found, true, labels_of), len(LABELS)))


def _pairs(
    found: Path, true: Path, labels_of: Callable[[np.ndarray], np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    maps = {path.stem: path for path in pictures_in(true)}
    pictures = pictures_in(found)
    missing = [path.name for path in pictures if path.stem not in maps]
    if missing:
        raise StudioError(
            f"Every picture in {found.name} must have its label map under the same name in {true.name}; "
            f"{len(missing)} have none, such as {missing[0]}. Name the folder that belongs to it."
        )
    for path in pictures:
        picture, labels = read_picture(path), read_picture(maps[path.stem])
        if abs(picture.width / picture.height - labels.width / labels.height) > MOST_OFF:
            raise StudioError(
                f"A picture and its label map must have the same proportions; {path.name} is {picture.width}x"
                f"{picture.height} and its map {labels.width}x{labels.height}. Cut both in the same way."
            )
        if min(picture.size) < MULTIPLE:
            text = f"{path.name} is {picture.width}x{picture.height}. Remove it."
            raise StudioError(f"Pictures are compared from {MULTIPLE} pixels on a side on; {text}")
        width, height = (side - side % MULTIPLE for side in picture.size)
        picture = picture.crop((0, 0, width, height))
        # A mean of two labels' colours may be the colour of a third.
        small = labels.resize(picture.size, Image.Resampling.NEAREST)
        yield labels_in(np.asarray(small)), labels_of(np.asarray(picture))
