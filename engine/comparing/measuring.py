"""What translations are like, in figures: each beside the photos' own value.

Distances between sets are in Inception's features where that network is here, so that they may be called FID and KID;
else in VGG19's, under their own names. They depend on how many pictures there are and on what they show: compare only
rows of one table.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from engine.comparing.plan import names_of
from engine.errors import StudioError
from engine.files import replacing
from engine.images import from_pil, to_pil
from engine.marked import save_png
from engine.metrics import image_quality
from engine.metrics.distances import Distance, distances_in
from engine.metrics.features import Extractor, features_of
from engine.metrics.inception import inception_features
from engine.metrics.translation import checkerboard, edge_ssim, flat_share
from engine.metrics.translation_failures import FAILURES, day_night_kept
from engine.metrics.vgg19 import vgg19_features
from engine.picture_files import read_picture
from engine.training.photo_folders import resized_to

MULTIPLE = 4  # of a photo's sides; what generators take
LEAST_SIDE = 64  # pixels that the networks need
FAILURE_SIDE = 1024  # longer side for which the failures' pixels are meant
Tick = Callable[[str], None]


@dataclass(frozen=True)
class Judge:
    """What distances between sets are measured with.

    Attributes:
        extractor: the network.
        distances: two of them, the Frechet distance first.
        missing: a sentence about the network that would have been better, and is not here.
    """

    extractor: Extractor
    distances: tuple[Distance, ...]
    missing: str = ""


@dataclass
class Row:
    """One method.

    Attributes:
        name: of the translator; "photos" for the photos themselves.
        title: for people.
        n: how many pictures of it there are.
        distances: to the style pictures, by name.
        means: by the names of `measures_of`; means over the photos.
        each: the same of every photo, by its name.
        pairs: MSE and PSNR against the partners, where there are any.
        opinions: mean scores by question, from a study.
    """

    name: str
    title: str
    n: int
    distances: dict[str, float]
    means: dict[str, float]
    each: dict[str, dict[str, float]] = field(default_factory=dict)
    pairs: dict[str, float] = field(default_factory=dict)
    opinions: dict[str, dict[str, float | int]] = field(default_factory=dict)


def judge_here(device: torch.device | str = "cpu") -> Judge:
    """Inception's distances, or VGG19's under their own names.

    Raises:
        StudioError: neither network is here.
    """
    missing, extractor = "", None
    try:
        extractor = inception_features(device=device)
    except StudioError as error:
        missing = str(error)
    extractor = extractor or vgg19_features(device)
    kernel, frechet = distances_in(extractor)
    return Judge(extractor, (frechet, kernel), missing)


def picture_at(path: Path, side: int) -> Image.Image:
    """A photo with its short side at `side` pixels, or as it is if that is 0; cut to what generators take.

    Raises:
        StudioError: it cannot be read, or is too small.
    """
    image = resized_to(read_picture(path), side)
    width, height = (length - length % MULTIPLE for length in image.size)
    if min(width, height) < LEAST_SIDE:
        raise StudioError(
            f"Pictures to compare have {LEAST_SIDE} px or more on each side; {path.name} has "
            f"{image.width}x{image.height}. Leave it out or give a side to which all are brought."
        )
    return image.crop((0, 0, width, height))


def measures_of(photo: Image.Image, fake: Image.Image) -> dict[str, float]:
    """Edges kept, calm areas, a network's pattern, day and night, and the eight kinds of failure; for one photo."""
    before, after = from_pil(photo), from_pil(fake)
    small, drawn = (_at_most(np.asarray(each), FAILURE_SIDE) for each in (photo, fake))
    own = {
        "edges": float(edge_ssim(before, after)),
        "flat": float(flat_share(after)),
        "checkerboard": float(checkerboard(after)),
        "day_night": day_night_kept(small, drawn),
    }
    return own | {name: measure(small, drawn) for name, measure in FAILURES.items()}


def measured(
    row: Row, judge: Judge, target: Tensor, photos: Sequence[Path], fakes: Sequence[Path], side: int, tick: Tick
) -> Row:
    """A row with its figures.

    Args:
        row: whose name and title are known.
        target: the style pictures' features.
        fakes: the picture made of each photo; the photos themselves where there is none.
        tick: told what is done next, before each picture; may end it with an error.
    """
    features = features_of(judge.extractor, _pixels(fakes, side if row.name == "photos" else 0, tick, row.title))
    row.distances = {each.name: each.value(target, features) for each in judge.distances}
    for name, photo, fake in zip(names_of(photos), photos, fakes, strict=True):
        tick(f"Measuring {row.title}")
        before = picture_at(photo, side)
        after = before if photo == fake else picture_at(fake, 0)
        if after.size != before.size:  # some translators work at a smaller size
            after = after.resize(before.size, Image.Resampling.LANCZOS)
        row.each[name] = measures_of(before, after)
    row.means = means(list(row.each.values()))
    return row


def features_at(judge: Judge, paths: Sequence[Path], side: int, tick: Tick) -> Tensor:
    """(N, D) of the style pictures, brought to the photos' size."""
    return features_of(judge.extractor, _pixels(paths, side, tick, "the style pictures"))


def means(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """The mean of every figure."""
    return {name: float(np.mean([row[name] for row in rows])) for name in (rows[0] if rows else {})}


def pair_figures(fake: Image.Image, truth: Image.Image) -> dict[str, float]:
    """MSE of pixels in [0, 1], and PSNR in dB; the truth is brought to the other's size."""
    if truth.size != fake.size:
        truth = truth.resize(fake.size, Image.Resampling.LANCZOS)
    one, other = from_pil(fake), from_pil(truth)
    return {
        "mse": image_quality.mean_squared_error(one, other).mean,
        "psnr": image_quality.psnr(one, other).mean,
    }


def save_picture(image: Image.Image, path: Path) -> None:
    """Whole or not at all, so that what is there need not be made again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        save_png(image, file)


def as_picture(pixels: Tensor) -> Image.Image:
    """Of (1, 3, H, W) in [-1, 1]."""
    (picture,) = to_pil(pixels.clamp(-1, 1))
    return picture


def _pixels(paths: Sequence[Path], side: int, tick: Tick, title: str) -> Iterator[Tensor]:
    """One by one, since they may differ in size."""
    read = partial(picture_at, side=side)
    for path in paths:
        tick(f"Looking at {title}")
        yield from_pil(read(path))


def _at_most(pixels: np.ndarray, side: int) -> np.ndarray:
    scale = side / max(pixels.shape[:2])
    if scale >= 1:
        return pixels
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
