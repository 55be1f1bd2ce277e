"""Bringing a picture to the size that a model draws; what the page shows is what the model sees. No torch."""

import math

import numpy as np
from PIL import Image

RESAMPLING = Image.Resampling.LANCZOS


def fitted(picture: Image.Image, width: int, height: int, fit: str) -> Image.Image:
    """The picture as a drawing begins with it.

    Args:
        picture: RGB.
        width, height: pixels that it shall have.
        fit: `keep` and `crop` fill the whole and cut what is over on two sides, which with a kept shape is less than
            the model's step; `pad` shows all of it and repeats its edges.
    """
    if fit == "pad":
        return _padded(picture, width, height)
    scale = max(width / picture.width, height / picture.height)
    box_width, box_height = width / scale, height / scale
    left, top = (picture.width - box_width) / 2, (picture.height - box_height) / 2
    return picture.resize((width, height), RESAMPLING, box=(left, top, left + box_width, top + box_height))


def shape_of(width: int, height: int, pixels: int, step: int, least: int, most: int) -> tuple[int, int]:
    """Width and height of the same shape with about so many pixels.

    Args:
        width, height: of the picture.
        pixels: in all.
        step: that both must be multiples of.
        least, most: of each.
    """
    scale = min(math.sqrt(pixels / (width * height)), most / max(width, height))  # a panorama keeps its shape too
    across, down = (min(max(round(side * scale / step) * step, least), most) for side in (width, height))
    return across, down


def _padded(picture: Image.Image, width: int, height: int) -> Image.Image:
    scale = min(width / picture.width, height / picture.height)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    small = np.asarray(picture.resize(size, RESAMPLING))
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    sides = ((top, height - size[1] - top), (left, width - size[0] - left), (0, 0))
    return Image.fromarray(np.pad(small, sides, mode="edge"))
