"""Pictures without names beside one another, small and in crops at full size."""

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

WIDTH = 480  # pixels of a small picture
CROP = 320  # pixels of a side of a crop, at full size
GAP, LABEL = 8, 26
BACKGROUND, INK = (24, 24, 28), (225, 225, 225)
STEP = 32  # pixels between the places where a crop may lie


def sheet_of(pictures: Mapping[str, Image.Image], photo: Image.Image, title: str) -> Image.Image:
    """One photo's sheet: a row of small pictures under their letters, then rows of crops at full size.

    Args:
        pictures: by letter, all of the photo's size.
        photo: says alone where the crops lie, so that no method is favoured.
    """
    rows = [[ImageOps.contain(picture, (WIDTH, WIDTH)) for picture in pictures.values()]]
    for box in crop_boxes(photo):
        rows.append([picture.crop(box) for picture in pictures.values()])
    return _laid_out(title, list(pictures), rows)


def overview(rows: Sequence[tuple[str, Mapping[str, Image.Image]]]) -> Image.Image:
    """All photos on one sheet, a row each.

    Args:
        rows: the photo's number, and its pictures by letter.
    """
    small = [[ImageOps.contain(each, (320, 240)) for each in pictures.values()] for _, pictures in rows]
    names = [f"{title} {letter}" for title, pictures in rows for letter in pictures]
    return _laid_out("", names, small, columns_named_once=False)


def crop_boxes(photo: Image.Image) -> list[tuple[int, int, int, int]]:
    """Squares of a photo: where most is to be seen, where least, and where the middle of its detail lies."""
    side = min(CROP, *photo.size)
    boxes = [
        (left, top, left + side, top + side)
        for top in range(0, photo.height - side + 1, STEP)
        for left in range(0, photo.width - side + 1, STEP)
    ]
    sums = _sums(photo)
    order = sorted(
        boxes, key=lambda box: sums[box[3], box[2]] - sums[box[1], box[2]] - sums[box[3], box[0]] + sums[box[1], box[0]]
    )
    return list(dict.fromkeys((order[-1], order[len(order) // 2], order[0])))


def _sums(photo: Image.Image) -> np.ndarray:
    """(H + 1, W + 1) float64: how much neighbouring pixels differ, summed over all above and to the left."""
    grey = np.asarray(photo.convert("L"), np.float64)
    steps = np.zeros((photo.height + 1, photo.width + 1))
    steps[1:, 1:-1] += np.abs(np.diff(grey, axis=1))
    steps[1:-1, 1:] += np.abs(np.diff(grey, axis=0))
    return steps.cumsum(0).cumsum(1)


def _laid_out(
    title: str, names: Sequence[str], rows: Sequence[Sequence[Image.Image]], columns_named_once: bool = True
) -> Image.Image:
    """Rows of pictures; names above the first row, or above every picture."""
    columns = max(len(row) for row in rows)
    step = max(picture.width for row in rows for picture in row) + GAP
    heights = [max(picture.height for picture in row) + GAP + LABEL for row in rows]
    canvas = Image.new("RGB", (columns * step + GAP, sum(heights) + LABEL), BACKGROUND)
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(16)
    pen.text((GAP, 4), title, INK, font)
    top, place = LABEL, 0
    for row, height in zip(rows, heights, strict=True):
        for column, picture in enumerate(row):
            name = names[column if columns_named_once else place]
            pen.text((GAP + column * step, top + 3), name, INK, font)
            canvas.paste(picture, (GAP + column * step, top + LABEL))
            place += 1
        top += height
    return canvas
