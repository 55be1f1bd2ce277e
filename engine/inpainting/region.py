"""Which pixels are drawn anew, in view of which others, and how the new ones come into the old picture. No torch."""

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from engine.image_to_image.fitting import RESAMPLING, shape_of

THRESHOLD = 128  # of a mask's brightness, from which on a pixel is drawn anew
LEAST_MARGIN = 32  # pixels around the masked part that are in view
MARGIN = 0.25  # of its longer side, where that is more


@dataclass(frozen=True)
class Region:
    """A part of a picture that is drawn anew.

    Attributes:
        canvas: the picture with what extends it, RGB.
        alpha: mode L, of its size: how much of each pixel is new; 0 keeps the pixel as it is.
        box: what is in view while drawing: left, top, right, bottom in pixels of the canvas.
        size: width and height with which that is drawn.
    """

    canvas: Image.Image
    alpha: Image.Image
    box: tuple[int, int, int, int]
    size: tuple[int, int]

    @property
    def picture(self) -> Image.Image:
        """What is in view, as it is drawn with."""
        return self.canvas.resize(self.size, RESAMPLING, box=self.box)

    @property
    def mask(self) -> Image.Image:
        """Of `picture`: not black where it may change."""
        alpha = self.alpha.crop(self.box).point(lambda value: 255 if value else 0)
        return alpha.resize(self.size, Image.Resampling.BILINEAR)

    def finished(self, drawn: Image.Image) -> Image.Image:
        """The whole picture with what was drawn; where `alpha` is 0 it is as it was, bit for bit."""
        left, top, right, bottom = self.box
        whole = self.canvas.copy()
        whole.paste(drawn.resize((right - left, bottom - top), RESAMPLING), (left, top), self.alpha.crop(self.box))
        return whole


def region(
    picture: Image.Image,
    mask: Image.Image | None,
    *,
    extend: tuple[int, ...],
    feather: int,
    area: str,
    pixels: int,
    step: int,
    least: int,
    most: int,
) -> Region:
    """Plan what is drawn.

    Args:
        picture: RGB.
        mask: of any mode and the picture's size; None masks nothing.
        extend: pixels to add on the left, top, right and bottom.
        feather: pixels outside the mask over which new passes into old.
        area: `whole` or `masked`.
        pixels: with which the box is drawn, in all.
        step, least, most: what the model can draw: multiples of `step` between two sides.
    """
    left, top, right, bottom = extend
    sides = ((top, bottom), (left, right))
    canvas = Image.fromarray(np.pad(np.asarray(picture), (*sides, (0, 0)), mode="edge"))
    inside = np.zeros((picture.height, picture.width), bool)
    if mask is not None:
        inside = np.asarray(mask.convert("L")) >= THRESHOLD
    anew = np.pad(inside, sides, constant_values=True)
    alpha = feathered(anew, feather)
    box = _box(alpha) if area == "masked" else (0, 0, canvas.width, canvas.height)
    size = shape_of(box[2] - box[0], box[3] - box[1], pixels, step, least, most)
    return Region(canvas, Image.fromarray(alpha), box, size)


def feathered(anew: np.ndarray, feather: int) -> np.ndarray:
    """255 where a pixel is drawn anew, falling in a straight line to 0 over `feather` pixels outside.

    Args:
        anew: (H, W) bool.

    Returns:
        (H, W) uint8.
    """
    if anew.all() or not feather:
        return np.where(anew, 255, 0).astype(np.uint8)
    distance = cv2.distanceTransform((~anew).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.clip(255 * (1 - distance / (feather + 1)), 0, 255).round().astype(np.uint8)


def _box(alpha: np.ndarray) -> tuple[int, int, int, int]:
    """Around what changes, with something of what does not."""
    rows, columns = (np.flatnonzero(alpha.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return 0, 0, alpha.shape[1], alpha.shape[0]
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    margin = max(LEAST_MARGIN, round(MARGIN * max(bottom - top, right - left)))
    height, width = alpha.shape
    return (
        max(0, int(left) - margin),
        max(0, int(top) - margin),
        min(width, int(right) + margin),
        min(height, int(bottom) + margin),
    )
