"""A picture of any size through an upscaling network, in tiles that cannot be seen and with bounded memory.

Around every tile lies a margin that is computed and thrown away. Where it is as wide as the network sees (`reach`),
tiles give the same pixels as the whole picture would. For a network of which that is not known, or that looks at the
whole of what it is given, tiles overlap further and one fades into the next (`fade`). At the picture's edge there is no
margin: there the network pads by itself, as it does for a whole picture.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch.nn import functional as F

from engine.device import is_out_of_memory
from engine.errors import Cancelled
from engine.upscaling.networks import Network

TILE = 256  # pixels of a side, of the small picture; 64 channels of it in single precision are 22 MB with the margin
SMALLEST_TILE = 32
MARGIN_UNKNOWN, FADE_UNKNOWN = 16, 32

Report = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How a picture is cut; in pixels of the small picture.

    Attributes:
        tile: a side of a tile, without its margin.
        margin: around a tile, computed and thrown away.
        fade: over which a tile fades into the ones before it; 0 where they are equal anyway.
    """

    tile: int = TILE
    margin: int = MARGIN_UNKNOWN
    fade: int = FADE_UNKNOWN


def plan_for(network: Network, tile: int = TILE) -> Plan:
    """The plan that hides the tiles of this network."""
    if network.reach is None:
        return Plan(tile)
    return Plan(tile, margin=network.reach, fade=0)


@torch.inference_mode()
def upscaled(
    network: Network,
    picture: np.ndarray,
    factor: int,
    plan: Plan | None = None,
    report: Report = lambda done, tiles: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> np.ndarray:
    """Make a picture larger, in one pass of the network.

    A network that enlarges more than is asked for is brought down by the mean of its pixels.

    Args:
        picture: (H, W, 3) uint8, of any size from 1x1 on.
        factor: at most the network's scale.
        plan: None takes the one for the network; where memory ends, smaller tiles are tried.
        report: called with the tiles done and their number.

    Returns:
        (factor H, factor W, 3) uint8.

    Raises:
        Cancelled: `should_stop` said so between two tiles.
        RuntimeError, MemoryError: memory ends with the smallest tiles too.
    """
    plan = plan or plan_for(network)
    while True:
        try:
            return _in_tiles(network, picture, factor, plan, report, should_stop)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or plan.tile <= SMALLEST_TILE:
                raise
        plan = replace(plan, tile=max(SMALLEST_TILE, plan.tile // 2))
        if network.device.type == "cuda":
            torch.cuda.empty_cache()


def _in_tiles(
    network: Network,
    picture: np.ndarray,
    factor: int,
    plan: Plan,
    report: Report,
    should_stop: Callable[[], bool],
) -> np.ndarray:
    height, width = picture.shape[:2]
    rows_of_tiles, columns_of_tiles = list(_spans(height, plan)), list(_spans(width, plan))
    count, done = len(rows_of_tiles) * len(columns_of_tiles), 0
    large = np.empty((height * factor, width * factor, 3), np.uint8)
    for rows in rows_of_tiles:
        # Whole rows of tiles first, then row into row: one tile after the other would leave steps at their corners.
        strip = np.empty(((rows.stop - rows.start) * factor, width * factor, 3), np.uint8)
        for columns in columns_of_tiles:
            if should_stop():
                raise Cancelled("Upscaling was stopped.")
            report(done, count)
            part = _enlarged(network, picture, rows, columns, plan, factor)
            _place(strip, part, columns, _ramp(columns, plan, factor)[None, :, None], factor, axis=1)
            done += 1
        _place(large, strip, rows, _ramp(rows, plan, factor)[:, None, None], factor, axis=0)
    report(count, count)
    return large


def _enlarged(
    network: Network, picture: np.ndarray, rows: slice, columns: slice, plan: Plan, factor: int
) -> np.ndarray:
    """A tile without its margin, (H, W, 3) float32 in [0, 255]."""
    y, x = (max(0, span.start - plan.margin) for span in (rows, columns))
    part = _ask(network, picture[y : rows.stop + plan.margin, x : columns.stop + plan.margin], factor)
    return part[_shifted(rows, y, factor), _shifted(columns, x, factor)]


def _spans(length: int, plan: Plan) -> Iterator[slice]:
    """Where tiles lie along one side: as equal as they can be; each begins `fade` before the end of the one before."""
    count = math.ceil(length / plan.tile)
    for index in range(count):
        begin, end = (length * edge // count for edge in (index, index + 1))
        yield slice(max(0, begin - plan.fade), end)


def _shifted(span: slice, origin: int, factor: int) -> slice:
    """A tile's span in the enlarged part that begins at `origin`."""
    return slice((span.start - origin) * factor, (span.stop - origin) * factor)


def _ask(network: Network, picture: np.ndarray, factor: int) -> np.ndarray:
    """The enlarged tile, (H, W, 3) float32 in [0, 255]."""
    small = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None]
    large = network.ask(small.to(network.device).to(network.dtype) / 255).float()
    if factor != network.scale:
        size = (picture.shape[0] * factor, picture.shape[1] * factor)
        large = F.interpolate(large, size, mode="area")
    return large.clamp(0, 1)[0].permute(1, 2, 0).mul(255).cpu().numpy()


def _place(into: np.ndarray, part: np.ndarray, span: slice, weights: np.ndarray, factor: int, axis: int) -> None:
    """Write a part at its span of one side, faded into what stands there before."""
    where = slice(span.start * factor, span.stop * factor)
    place = into[where] if axis == 0 else into[:, where]
    if weights.flat[0] < 1:
        part = np.where(weights < 1, place * (1 - weights) + part * weights, part)
    place[:] = part if part.dtype == np.uint8 else np.rint(part)


def _ramp(span: slice, plan: Plan, factor: int) -> np.ndarray:
    """How much of a tile counts along one side, float32: rising from 0 over the fade, 1 behind it."""
    weights = np.ones((span.stop - span.start) * factor, np.float32)
    if span.start > 0:
        fade = min(plan.fade * factor, len(weights))
        weights[:fade] = (np.arange(fade, dtype=np.float32) + 0.5) / fade
    return weights
