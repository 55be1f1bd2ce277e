"""Brush dabs as tiles: for every pixel, how far away the middle of the dab is that covers it.

A picture sampled at those middles is a picture of dabs. Dabs lie over one another, in a fixed random order of a fixed
seed, and tiles meet without a seam.
"""

from functools import lru_cache

import cv2
import numpy as np

from engine.translation.painter.pixels import places

ROW = 24  # dabs from one side of a tile to the other


@lru_cache(maxsize=16)
def tile(length: float, width: float, turn: float, spread: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(S, S) columns and rows from each pixel to the middle of its dab; S is such that `ROW` dabs lie in a row.

    Args:
        length, width: of a dab in pixels.
        turn: direction of its length in radians; 0 lies, pi / 2 stands.
        spread: of the directions to both sides, in radians.
        seed: of places, directions and order.
    """
    rng = np.random.default_rng(seed)
    pitch = max(1.0, 0.62 * float(np.sqrt(length * width)))
    side = round(ROW * pitch)
    middles = (np.mgrid[:ROW, :ROW].reshape(2, -1).T + rng.random((ROW * ROW, 2))) * pitch
    across, down = np.zeros((2, side, side), np.float32)
    for row, column in rng.permutation(middles):
        _stamp(across, down, row, column, (length / 2, width / 2), turn + spread * rng.uniform(-1, 1))
    return across, down


def _stamp(
    across: np.ndarray, down: np.ndarray, row: float, column: float, radii: tuple[float, float], turn: float
) -> None:
    reach = int(max(radii)) + 1
    offsets = np.arange(-reach, reach + 1)
    rows, columns = int(row) + offsets, int(column) + offsets
    dy, dx = (rows - row)[:, None], (columns - column)[None]
    along, beside = dx * np.cos(turn) + dy * np.sin(turn), dy * np.cos(turn) - dx * np.sin(turn)
    inside = (along / radii[0]) ** 2 + (beside / radii[1]) ** 2 <= 1
    where = np.ix_(rows % len(down), columns % len(down))
    across[where] = np.where(inside, -dx, across[where])
    down[where] = np.where(inside, -dy, down[where])


def dabbed(picture: np.ndarray, dabs: tuple[np.ndarray, np.ndarray], shift: int = 0) -> np.ndarray:
    """The picture in dabs of one colour each.

    Args:
        picture: (H, W, C) or (H, W) float32, smooth as far as a dab reaches.
        dabs: from `tile`.
        shift: pixels by which the tile is moved, for a second layer of other dabs.
    """
    columns, rows = places(picture.shape)
    across, down = (_laid(part, picture.shape, shift) for part in dabs)
    return cv2.remap(picture, columns + across, rows + down, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT)


def lit_side(dabs: tuple[np.ndarray, np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """(H, W) from -1 to 1: how far up and to the left in its round dab a pixel lies, as if they were balls in light."""
    across, down = (_laid(part, shape, 0) for part in dabs)
    radius = max(1.0, float(np.abs(dabs[1]).max()))
    return (0.5 * across + 0.85 * down) / radius


def _laid(part: np.ndarray, shape: tuple[int, ...], shift: int) -> np.ndarray:
    """A tile repeated over (H, W)."""
    repeats = (-(-shape[0] // len(part)), -(-shape[1] // len(part)))
    return np.tile(np.roll(part, shift, (0, 1)), repeats)[: shape[0], : shape[1]]
