"""A perceptual hash: 64 bits that hardly change when a picture is scaled, compressed or touched up.

The same bits as `imagehash.phash` 4.3 (Johannes Buchner, BSD-2-Clause; github.com/JohannesBuchner/imagehash) gives with
its defaults, after Neal Krawetz, "Looks Like It" (hackerfactor.com, 2011). That package is not taken for it, since it
brings PyWavelets for its other hashes.
"""

from functools import lru_cache

import numpy as np
from PIL import Image

BITS, _SIDE, _KEPT = 64, 32, 8


def phash(image: Image.Image) -> int:
    """The hash of a picture, as the database keeps it: the upper half of the numbers stands minus 2**64."""
    small = image.convert("L").resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    waves = _cosines() @ np.asarray(small, np.float64) @ _cosines().T  # discrete cosine transform, type II
    bits = waves > np.median(waves)
    return int(np.packbits(bits).view(">i8")[0])


def bits_apart(one: np.ndarray, many: np.ndarray) -> np.ndarray:
    """How many of the bits of int64 hashes differ, 0 to 64, by broadcasting."""
    return np.bitwise_count((one ^ many).view(np.uint64))


@lru_cache(maxsize=1)
def _cosines() -> np.ndarray:
    """(8, 32): the lowest waves, constant one first."""
    wave, place = np.arange(_KEPT)[:, None], np.arange(_SIDE)[None]
    return 2 * np.cos(np.pi * wave * (2 * place + 1) / (2 * _SIDE))
