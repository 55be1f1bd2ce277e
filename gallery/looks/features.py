"""Features: a few numbers by which pictures are alike to the eye, in their colours, where these lie, and their lines.

Three parts that count the same, each made to one length:

- layout: the mean colour of each of 4 x 4 fields in CIELAB;
- colours: how much of each shade of the palette there is, wherever it lies, by square roots (Hellinger);
- lines: of each of the fields, how much lightness changes in each of 6 directions (histograms of oriented gradients,
  Dalal and Triggs, CVPR 2005), by square roots, so that one hard edge does not decide.

What is alike is the cosine of two of them: 1 for the same picture, about 0.2 for two that have nothing to do with
each other. They know nothing of what is shown.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gallery.looks.colours import far_from_shades, lab, on_white, shades

Features = NDArray[np.int8]
_SIDE, _FIELDS, _DIRECTIONS = 64, 4, 6
_SOFTNESS = 12.0  # of CIELAB, within which a pixel counts as several shades
LENGTH = 3 * _FIELDS**2 + len(shades()[0]) + _DIRECTIONS * _FIELDS**2
"""Numbers of one picture, a byte each. Where they come to mean something else a migration empties `image_features`."""


def features(image: Image.Image) -> Features:
    """Of a picture: (LENGTH,), of no certain length as a vector; what is transparent counts as white."""
    small = on_white(image).resize((_SIDE, _SIDE), Image.Resampling.BOX)
    pixels = lab(np.asarray(small, np.float64).reshape(-1, 3)).reshape(_SIDE, _SIDE, 3)
    parts = [_unit(part) for part in (_layout(pixels), _colours(pixels), _lines(pixels[..., 0]))]
    whole = np.concatenate(parts)
    return np.rint(whole * (127 / max(np.abs(whole).max(), 1e-9))).astype(np.int8)


def _layout(pixels: np.ndarray) -> np.ndarray:
    fields = pixels.reshape(_FIELDS, _SIDE // _FIELDS, _FIELDS, _SIDE // _FIELDS, 3).mean((1, 3))
    return (fields - [50.0, 0.0, 0.0]).ravel()  # grey of half lightness is in the middle


def _colours(pixels: np.ndarray) -> np.ndarray:
    far = far_from_shades(pixels.reshape(-1, 3))
    near = np.exp((far.min(1, keepdims=True) - far) / (2 * _SOFTNESS**2))
    return _centred(np.sqrt((near / near.sum(1, keepdims=True)).mean(0)))


def _lines(lightness: np.ndarray) -> np.ndarray:
    down, right = np.gradient(lightness)
    strength = np.hypot(right, down)
    direction = np.arctan2(down, right) % np.pi / np.pi * _DIRECTIONS
    below = np.floor(direction).astype(int)
    share = direction - below
    found = np.zeros((_FIELDS**2, _DIRECTIONS))
    for towards, part in ((below, 1 - share), (below + 1, share)):  # each line counts for the two nearest directions
        np.add.at(found, (_field_of(), towards % _DIRECTIONS), strength * part)
    return _centred(np.sqrt(found.ravel()))


@lru_cache(maxsize=1)
def _field_of() -> np.ndarray:
    """(SIDE, SIDE): the number of each pixel's field."""
    place = np.arange(_SIDE) // (_SIDE // _FIELDS)
    return place[:, None] * _FIELDS + place[None]


def _centred(values: np.ndarray) -> np.ndarray:
    """None of these is below zero, so without this any two pictures would be alike."""
    return values - values.mean()


def _unit(values: np.ndarray) -> np.ndarray:
    length = float(np.linalg.norm(values))
    return values / length if length > 1e-6 else np.zeros_like(values)  # a plain picture has no lines
