"""How a photo too big for one piece is cut into tiles that overlap. Imports no torch."""

import math
from dataclasses import dataclass

WHOLE_PIXELS = 1_500_000  # about 2 GB of activations in float32


@dataclass(frozen=True, slots=True)
class Plan:
    """How a photo is cut.

    Attributes:
        multiple: height and width that the generator takes are multiples of it, and no less than `smallest`.
        reach: pixels that a generator sees beyond a pixel, at most; a multiple of `multiple`.
        whole_pixels: a photo of more is translated in tiles.
        tile: pixels of a tile's side without its border, at most; all tiles of a photo are about as large.
    """

    multiple: int = 4
    smallest: int = 16
    reach: int = 96
    whole_pixels: int = WHOLE_PIXELS
    tile: int = 512


def spans(size: int, plan: Plan) -> list[slice]:
    """As few as may be, of about the same length: a narrow one at the end would be nearly all border."""
    count = math.ceil(size / plan.tile)
    length = math.ceil(size / count / plan.multiple) * plan.multiple
    return [slice(start, min(size, start + length)) for start in range(0, size, length)]


def pixels_in_tiles(height: int, width: int, plan: Plan) -> int:
    """Of all tiles with their borders, which are computed and thrown away."""
    rows, columns = (
        sum(min(size, span.stop + plan.reach) - max(0, span.start - plan.reach) for span in spans(size, plan))
        for size in (height, width)
    )
    return rows * columns
