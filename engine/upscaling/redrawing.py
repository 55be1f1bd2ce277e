"""The second pass: an enlarged picture drawn again, tile by tile at the size that a model knows, with its own prompt.

Tiles overlap by a quarter or more and fade into one another, first along each row of tiles, then row into row.
"""

import math
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from PIL import Image

from engine.errors import Cancelled

Report = Callable[[float, int], None]  # what is done, and of how many
# Number of the tile, the tile, and whom to tell of the steps within it; to one of the same size.
Redraw = Callable[[int, Image.Image, Report], Image.Image]


def redrawn(
    large: np.ndarray,
    size: tuple[int, int],
    redraw: Redraw,
    report: Report = lambda done, tiles: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> np.ndarray:
    """Redraw a picture in tiles.

    Args:
        large: (H, W, 3) uint8.
        size: width and height of every tile in pixels. A smaller picture is continued by its own edge.
        redraw: called with every tile, from the top left to the bottom right.
        report: called with the tiles done, of the one at work its part, and their number.

    Returns:
        (H, W, 3) uint8.

    Raises:
        Cancelled: `should_stop` said so between two tiles.
    """
    height, width = large.shape[:2]
    padded = np.pad(large, ((0, max(0, size[1] - height)), (0, max(0, size[0] - width)), (0, 0)), mode="edge")
    tops, lefts = (list(_starts(padded.shape[axis], size[1 - axis])) for axis in (0, 1))
    result, count = np.empty_like(padded), len(tops) * len(lefts)
    for row, top in enumerate(tops):
        strip = np.empty((size[1], padded.shape[1], 3), np.uint8)
        for column, left in enumerate(lefts):
            if should_stop():
                raise Cancelled("The second pass was stopped.")
            done = row * len(lefts) + column
            report(done, count)
            part = Image.fromarray(padded[top : top + size[1], left : left + size[0]])
            tile = redraw(done, part, partial(_within, report, done, count))
            faded = _faded_in(lefts, column, size[0])
            _blend(strip[:, left : left + size[0]], np.asarray(tile), faded[None, :, None])
        _blend(result[top : top + size[1]], strip, _faded_in(tops, row, size[1])[:, None, None])
    report(count, count)
    return result[:height, :width]


def _within(report: Report, before: int, tiles: int, done: float, parts: int) -> None:
    report(before + done / parts, tiles)


def _starts(length: int, tile: int) -> Iterator[int]:
    """Where tiles begin along one side: evenly, from the edge to the edge, over a quarter of a tile or more."""
    overlap = tile // 4
    count = max(1, math.ceil((length - overlap) / (tile - overlap)))
    for index in range(count):
        yield (length - tile) * index // max(1, count - 1)


def _faded_in(starts: list[int], index: int, tile: int) -> np.ndarray:
    """How much of a tile counts along one side, float32: rising over what it shares with the one before."""
    weights = np.ones(tile, np.float32)
    if index:
        shared = starts[index - 1] + tile - starts[index]
        weights[:shared] = (np.arange(shared, dtype=np.float32) + 0.5) / shared
    return weights


def _blend(place: np.ndarray, part: np.ndarray, weights: np.ndarray) -> None:
    place[:] = np.rint(np.where(weights < 1, place * (1 - weights) + part * weights, part))
