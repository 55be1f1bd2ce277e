"""The shapes of a data set's pictures, and what a square crop loses of them."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

_STEP = 64  # pixels between buckets, as in kohya's sd-scripts


@dataclass(frozen=True, slots=True)
class Bucket:
    """Pictures of about one shape.

    Attributes:
        width, height: pixels, of about as many pixels as the square that is trained on.
        pictures: number of them.
        lost: share of the area that a centred square crop leaves out, 0 to 1.
    """

    width: int
    height: int
    pictures: int
    lost: float


def bucket_shapes(resolution: int) -> tuple[tuple[int, int], ...]:
    """Widths and heights from half to twice the resolution, with at most its square's number of pixels.

    As sd-scripts makes them (library/model_util.py, make_bucket_resolutions), with smaller steps below 512 pixels.
    """
    step = max(8, min(_STEP, resolution // 8 // 8 * 8))
    shapes = {(resolution, resolution)}
    for width in range(resolution // 2 // step * step, 2 * resolution + 1, step):
        height = min(2 * resolution, resolution * resolution // max(width, 1) // step * step)
        if width and height >= resolution // 2:
            shapes |= {(width, height), (height, width)}
    return tuple(sorted(shapes))


def buckets_of(sizes: Iterable[tuple[int, int]], resolution: int) -> tuple[Bucket, ...]:
    """How many pictures are nearest in shape to each bucket; the fullest first, empty ones left out."""
    shapes = bucket_shapes(resolution)
    counts = Counter(min(shapes, key=lambda shape: _distance(size, shape)) for size in sizes)
    return tuple(Bucket(*shape, count, square_loss(*shape)) for shape, count in counts.most_common())


def square_loss(width: int, height: int) -> float:
    """Share of a picture's area outside its centred square, 0 to 1."""
    return 1 - min(width, height) / max(width, height)


def _distance(size: tuple[int, int], shape: tuple[int, int]) -> float:
    return abs(math.log(size[0] / size[1]) - math.log(shape[0] / shape[1]))
