"""A whole photo through a generator, of any size, with bounded memory and without seams.

A photo too big to hold at once is cut into tiles that overlap by what the generator sees around a pixel. The
statistics of its norms are gathered beforehand from crops spread over the photo, so they are the same in all tiles.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.errors import Cancelled
from engine.translation.networks.norms import Statistics, gathering, using
from engine.translation.tiles import Plan, spans

Finishing = Callable[[Tensor, Tensor], Tensor]

BAND = 256  # rows of a picture that are finished together
SAMPLE_SIDE = 256  # of the crops from which statistics are gathered: what the generators were trained on


@dataclass(frozen=True, slots=True)
class Finish:
    """What is done to the whole translation of a photo that was cut, band by band.

    Attributes:
        apply: (1, 3, H, W) translation and photo, both in [-1, 1] and main memory, to the finished translation.
        reach: rows that it sees beyond a row, at most.
    """

    apply: Finishing
    reach: int


@torch.inference_mode()
def translate(
    model: nn.Module,
    photo: Tensor,
    plan: Plan = Plan(),
    *,
    finish: Finish | None = None,
    report: Callable[[int, int], None] = lambda done, tiles: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Tensor:
    """Translate one photo.

    Args:
        model: (N, 3, H, W) in [-1, 1] to the same, fully convolutional; its norms are `InstanceNorm`s.
        photo: (1, 3, H, W) float32 in [-1, 1], of any size from 1x1 on.
        finish: of a photo that is cut; whatever the model does itself, it does for each tile.
        report: called with the tiles done and their number.

    Returns:
        (1, 3, H, W) float32 in [-1, 1], in main memory.

    Raises:
        Cancelled: `should_stop` said so between two tiles.
    """
    height, width = photo.shape[-2:]
    padded = pad_to(photo, plan.multiple, plan.smallest)
    if is_tiled(photo, plan):
        fake = _in_tiles(model, padded, plan, report, should_stop, sampled_statistics(model, padded, plan))
        if finish:
            fake = _finished(finish, fake, padded, should_stop)
    else:
        report(0, 1)
        fake = _ask(model, padded)
        report(1, 1)
    return fake[..., :height, :width].clamp(-1, 1)


def is_tiled(photo: Tensor, plan: Plan) -> bool:
    """Whether the photo is too big to be translated in one piece."""
    height, width = _padded_size(photo, plan.multiple, plan.smallest)
    return height * width > plan.whole_pixels


def pad_to(photo: Tensor, multiple: int, smallest: int) -> Tensor:
    """Continue a photo to the right and below, by mirroring where it is large enough, by its last pixels else."""
    height, width = _padded_size(photo, multiple, smallest)
    if (height, width) == photo.shape[-2:]:
        return photo
    below, right = height - photo.shape[-2], width - photo.shape[-1]
    fits = below < photo.shape[-2] and right < photo.shape[-1]
    return F.pad(photo, (0, right, 0, below), mode="reflect" if fits else "replicate")


def _padded_size(photo: Tensor, multiple: int, smallest: int) -> tuple[int, int]:
    least = math.ceil(smallest / multiple) * multiple
    height, width = (max(least, size + -size % multiple) for size in photo.shape[-2:])
    return height, width


def _in_tiles(
    model: nn.Module,
    photo: Tensor,
    plan: Plan,
    report: Callable[[int, int], None],
    should_stop: Callable[[], bool],
    statistics: Statistics,
) -> Tensor:
    height, width = photo.shape[-2:]
    tiles = list(_tiles(height, width, plan))
    fake = torch.empty_like(photo)
    for done, (rows, columns) in enumerate(tiles):
        if should_stop():
            raise Cancelled("The translation was stopped.")
        report(done, len(tiles))
        y, x = (max(0, span.start - plan.reach) for span in (rows, columns))
        around = photo[..., y : rows.stop + plan.reach, x : columns.stop + plan.reach]
        with using(model, statistics):
            part = _ask(model, around)
        fake[..., rows, columns] = part[..., rows.start - y : rows.stop - y, columns.start - x : columns.stop - x]
    report(len(tiles), len(tiles))
    return fake


def _finished(finish: Finish, fake: Tensor, photo: Tensor, should_stop: Callable[[], bool]) -> Tensor:
    """The same as all at once; a band at a time needs little memory."""
    finished = torch.empty_like(fake)
    for top in range(0, fake.shape[-2], BAND):
        if should_stop():
            raise Cancelled("The translation was stopped.")
        first, bottom = max(0, top - finish.reach), min(fake.shape[-2], top + BAND)
        around = slice(first, bottom + finish.reach)
        band = finish.apply(fake[..., around, :], photo[..., around, :])
        finished[..., top:bottom, :] = band[..., top - first : bottom - first, :]
    return finished


def sampled_statistics(model: nn.Module, photo: Tensor, plan: Plan) -> Statistics:
    """Statistics of crops on an even grid over the photo, together no more pixels than one whole photo may have."""
    height, width = photo.shape[-2:]
    side = min(SAMPLE_SIDE, height - height % plan.multiple, width - width % plan.multiple)
    count = max(1, plan.whole_pixels // side**2)
    rows = min(math.ceil(height / side), max(1, round(math.sqrt(count * height / width))))
    columns = min(math.ceil(width / side), max(1, count // rows))
    crops = [
        photo[..., y : y + side, x : x + side] for y in _even(height - side, rows) for x in _even(width - side, columns)
    ]
    with gathering(model) as statistics:
        _ask(model, torch.cat(crops))
    return statistics


def _even(last: int, count: int) -> list[int]:
    """Places from 0 to `last`, or the middle where there is only one."""
    return [last // 2] if count == 1 else [round(last * place / (count - 1)) for place in range(count)]


def _tiles(height: int, width: int, plan: Plan) -> Iterator[tuple[slice, slice]]:
    for rows in spans(height, plan):
        for columns in spans(width, plan):
            yield rows, columns


def _ask(model: nn.Module, pixels: Tensor) -> Tensor:
    weight = next(model.parameters())
    pixels = pixels.to(weight.device, weight.dtype, memory_format=torch.channels_last)
    return model(pixels).float().cpu()
