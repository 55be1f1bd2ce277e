"""How far two folders of pictures are from each other: CMMD, FID and KID, or their stand-ins under their own names.

Every picture goes whole into the network, whatever its size, as torch-fidelity has it: Inception's own resize makes a
square of 299 pixels of it. VGG19 has no size of its own, so what it sees is brought to one scale first.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.errors import Cancelled, UnsafeFile
from engine.images import from_pil
from engine.measuring.listing import FEW, pictures_of_both, require_enough
from engine.metrics.bootstrap import RESAMPLES, draw_rows, percentile_interval
from engine.metrics.distances import Distance, distances_in, shortened
from engine.metrics.features import Extractor
from engine.metrics.networks import Networks
from engine.metrics.picture_sets import fitted
from engine.metrics.vgg19 import LAYER
from engine.picture_files import read_picture
from engine.weights.hashes import file_sha256

LEAST_FOR_INTERVAL = 4  # pictures in each folder
FRECHET_INTERVAL = "No interval: drawn anew, pictures repeat, which a Frechet distance takes for less variety."
BATCH = 8
VGG_SIDE, VGG_LONGEST = 224, 448  # pixels of the short side that VGG19 sees, and the most of the long one
NAMED = 3  # broken files that are named


@dataclass(frozen=True)
class Measured:
    """A distance of both folders.

    Attributes:
        name: FID, KID and CMMD only from their own networks.
        value: lower is nearer.
        low, high: 95 % interval over both folders' pictures, each drawn anew a thousand times; NaN where there is none.
        network: whose features.
        reference: who defined it.
        note: what to keep in mind.
    """

    name: str
    value: float
    network: str
    reference: str
    note: str = ""
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True)
class FolderComparison:
    """What was found.

    Attributes:
        counts: pictures of both folders.
        measured: the one to trust most first.
        notes: what to keep in mind.
        missing: sentences about networks that are not here.
    """

    counts: tuple[int, int]
    measured: tuple[Measured, ...]
    notes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; a value that is no number is null."""
        found = asdict(self)
        for measure in found["measured"]:
            for number in ("value", "low", "high"):
                if not math.isfinite(measure[number]):
                    measure[number] = None
        return found


def compare_folders(
    one: Path,
    other: Path,
    networks: Networks,
    *,
    leave_out_broken: bool = False,
    report: Callable[[str, int, int], None] = lambda folder, done, total: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> FolderComparison:
    """Measure how far the pictures directly in one folder are from those in another.

    Args:
        networks: from `engine.metrics.networks.load_networks`.
        leave_out_broken: go on without files that cannot be read, and say which; else they are an error.
        report: called with the folder's name, its pictures so far and all of them.
        should_stop: asked between pictures; true ends the comparison.

    Raises:
        NotFound: no such folder, or no picture in it.
        StudioError: one folder twice, or fewer than two pictures in one.
        UnsafeFile: files that cannot be read.
        Cancelled: `should_stop` said so.
    """
    files = pictures_of_both(one, other)
    broken: list[UnsafeFile] = []
    features = [
        _features(each, networks.extractors, broken, partial(report, folder.name), should_stop)
        for folder, each in zip((one, other), files, strict=True)
    ]
    if broken and not leave_out_broken:
        raise UnsafeFile(f"{_broken_words(broken, files)} Mend them, or leave out files that cannot be read.")
    counts = [len(next(iter(each.values()))) for each in features]
    require_enough((one, other), counts)
    measured = [
        found
        for extractor in networks.extractors
        for found in _measured(extractor, features[0][extractor.name], features[1][extractor.name], should_stop)
    ]
    notes = [*_notes(files, min(counts)), *([f"Left out: {_broken_words(broken, files)}"] if broken else [])]
    return FolderComparison((counts[0], counts[1]), tuple(measured), tuple(notes), networks.missing)


def _measured(extractor: Extractor, one: Tensor, other: Tensor, should_stop: Callable[[], bool]) -> Iterator[Measured]:
    kernel, frechet = distances_in(extractor)
    count = min(len(one), len(other))
    low, high = _interval(kernel, one, other, should_stop)
    yield Measured(
        kernel.name, kernel.value(one, other), kernel.extractor, kernel.reference, kernel.note(count), low, high
    )
    note = f"{frechet.note(count)} {FRECHET_INTERVAL}".strip()
    yield Measured(frechet.name, frechet.value(*shortened(one, other)), frechet.extractor, frechet.reference, note)


def _interval(distance: Distance, one: Tensor, other: Tensor, should_stop: Callable[[], bool]) -> tuple[float, float]:
    """Always the same for the same pictures."""
    if min(len(one), len(other)) < LEAST_FOR_INTERVAL:
        return math.nan, math.nan
    generator = torch.Generator().manual_seed(0)
    places, others = (draw_rows(len(each), RESAMPLES, generator) for each in (one, other))
    return percentile_interval(distance.resampled(one, other, places, others, partial(_stop_if, should_stop)))


def _stop_if(should_stop: Callable[[], bool]) -> None:
    if should_stop():
        raise Cancelled("The comparison was stopped. Nothing of it is kept.")


def _features(
    files: Sequence[Path],
    extractors: Sequence[Extractor],
    broken: list[UnsafeFile],
    report: Callable[[int, int], None],
    should_stop: Callable[[], bool],
) -> dict[str, Tensor]:
    """(N, D) float64 for each extractor, by its name; each picture is read once."""
    found: dict[str, list[Tensor]] = {
        extractor.name: [torch.empty(0, extractor.dimensions, dtype=torch.float64)] for extractor in extractors
    }
    done = 0
    for batch in _batches(files, broken, should_stop):
        for extractor in extractors:
            found[extractor.name].append(extractor(_seen(extractor, batch)))
        done += len(batch)
        report(done, len(files))
    return {name: torch.cat(rows) for name, rows in found.items()}


def _batches(files: Sequence[Path], broken: list[UnsafeFile], should_stop: Callable[[], bool]) -> Iterator[Tensor]:
    """(n, 3, H, W) of pictures that follow each other and have one size."""
    waiting: list[Tensor] = []
    for path in files:
        _stop_if(should_stop)
        try:
            pixels = from_pil(read_picture(path))
        except UnsafeFile as error:
            broken.append(error)
            continue
        if waiting and (len(waiting) == BATCH or waiting[0].shape != pixels.shape):
            yield torch.cat(waiting)
            waiting = []
        waiting.append(pixels)
    if waiting:
        yield torch.cat(waiting)


def _seen(extractor: Extractor, pixels: Tensor) -> Tensor:
    """What the network is shown: for VGG19 the short side at one length, and the middle of what is very long."""
    if extractor.name != f"VGG19 {LAYER}":
        return pixels
    height, width = pixels.shape[-2:]
    scale = VGG_SIDE / min(height, width)
    size = min(VGG_LONGEST, round(height * scale)), min(VGG_LONGEST, round(width * scale))
    if max(height, width) * scale > VGG_LONGEST:
        return torch.stack([fitted(picture, *size) for picture in pixels])
    return F.interpolate(pixels, size, mode="bicubic", antialias=True).clamp(-1, 1)


def _notes(files: tuple[Sequence[Path], Sequence[Path]], count: int) -> Iterator[str]:
    if count < FEW:
        yield f"Figures from {count} pictures are a hint at most. {FEW} pictures or more in each folder tell more."
    if alike := _in_both(*files):
        yield f"{alike} of the pictures are in both folders, byte for byte, which brings them nearer to each other."


def _in_both(one: Sequence[Path], other: Sequence[Path]) -> int:
    """Pictures of one folder of which the other has a copy; only files of equal length are read for that."""
    sizes = [{path: path.stat().st_size for path in files} for files in (one, other)]
    common = set(sizes[0].values()) & set(sizes[1].values())
    hashes = [[file_sha256(path) for path, size in each.items() if size in common] for each in sizes]
    there = set(hashes[1])
    return sum(digest in there for digest in hashes[0])


def _broken_words(broken: Sequence[UnsafeFile], files: Sequence[Sequence[Path]]) -> str:
    named = " ".join(str(error) for error in broken[:NAMED])
    more = f" And {len(broken) - NAMED} more." if len(broken) > NAMED else ""
    return f"{len(broken)} of {sum(map(len, files))} files cannot be read. {named}{more}"
