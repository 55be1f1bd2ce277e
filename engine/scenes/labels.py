"""What every pixel of a scene belongs to: label maps, for translations between labels and pictures."""

from functools import partial

import numpy as np

from engine.scenes.canvas import ALBEDO, NEAR, Canvas
from engine.scenes.layout import plan
from engine.scenes.light import palette
from engine.scenes.render import check_size, paint
from engine.scenes.scene import Scene

LABELS = ("sky", "land", "water", "plants", "landmark")
COLOURS = np.array([(70, 130, 220), (150, 90, 40), (20, 220, 220), (30, 150, 40), (230, 40, 60)], np.uint8)
"""(5, 3): what each label looks like in a picture of labels; far from one another, so that they survive a network."""
_SEEN = 0.05  # of the change that a thing makes: with less, one sees what is behind it


def label_map(scene: Scene, size: int = 256) -> np.ndarray:
    """Which of `LABELS` is seen in each pixel of `render(scene, size)`, without mist, falling snow and reflections.

    Returns:
        (size, size) uint8, places in `LABELS`.

    Raises:
        InvalidRequest: size is out of range.
    """
    check_size(size)
    canvas = Canvas(size)
    found, before = np.zeros((size, size), np.uint8), canvas.data.copy()
    paint(scene, plan(scene), palette(scene), canvas, partial(_mark, canvas, found, before))
    return found


def _mark(canvas: Canvas, found: np.ndarray, before: np.ndarray, what: str) -> None:
    """Label all that was laid since the last time."""
    change = np.abs(canvas.data - before)
    laid = np.maximum(change[ALBEDO].max(0), change[NEAR] / np.maximum(canvas.data[NEAR], 1e-6)) > _SEEN
    found[laid] = LABELS.index(what)
    before[:] = canvas.data


def coloured(labels: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8: the picture of a label map."""
    return COLOURS[labels]


def labels_in(pixels: np.ndarray) -> np.ndarray:
    """The label map in a picture of labels: of every pixel the label with the nearest colour.

    Args:
        pixels: (H, W, 3) uint8.

    Returns:
        (H, W) uint8.
    """
    away = pixels[:, :, None].astype(np.int32) - COLOURS.astype(np.int32)
    return np.square(away).sum(-1).argmin(-1).astype(np.uint8)
