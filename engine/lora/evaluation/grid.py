"""Which checkpoint of a run, and how strong? Every checkpoint at every weight, drawn and measured from the same seeds.

A grid is a folder, and goes on where it was stopped:

    evaluation.json   the held-out captions with their pictures
    cells/            per checkpoint and weight: pictures, 000.png for the first caption, and errors.json
    grid.json         every figure with its interval; grid.csv the same for spreadsheets
    grid-1.png ...    the pictures of each caption in a table

Cells are named after the hash of the weights, so that a checkpoint that was trained anew is drawn anew.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.datasets.pictures import CaptionedPicture
from engine.diffusion.loading import LoadedModel
from engine.errors import Cancelled, OutOfMemory, StudioError
from engine.files import read_json, write_json
from engine.lora.evaluation.evaluation import draw_caption, seed_of
from engine.lora.evaluation.grid_figures import distance_changes, held_out_errors, loss_change
from engine.lora.evaluation.grid_report import Cell, Grid, write_grid
from engine.lora.requests import LoraGrid
from engine.lora.runs.checkpoints import Checkpoint, checkpoints_named
from engine.lora.runs.config import Config
from engine.lora.runs.held_out import MAX_PICTURES, read_held_out
from engine.lora.runs.plan import read_plan
from engine.lora.training.data import Encoder
from engine.lora.training.objective import objective_of
from engine.lora.training.validation import TIMESTEPS, HeldOut
from engine.metrics.bootstrap import FEW
from engine.metrics.changes import Change
from engine.metrics.compare import LEAST_PICTURES
from engine.metrics.networks import load_networks
from engine.weights.hashes import tensor_sha256
from engine.weights.loras import LoraInfo, list_loras

CELLS, ERRORS = "cells", "errors.json"

Report = Callable[[str, int, int], None]


@dataclass(frozen=True)
class _Place:
    """One cell on its way; without a checkpoint it is the model alone."""

    checkpoint: Checkpoint | None
    weight: float
    folder: Path
    loras: Sequence[tuple[LoraInfo, float]]

    def pictures(self, captions: int) -> list[Path]:
        return [self.folder / f"{index:03}.png" for index in range(captions)]

    def __str__(self) -> str:
        return f"checkpoint {self.checkpoint.step} at weight {self.weight:g}" if self.checkpoint else "without the LoRA"


@dataclass
class _Work:
    """Everything that the cells share, and how many steps are done."""

    folder: Path
    loaded: LoadedModel
    request: LoraGrid
    config: Config
    held_out: Sequence[CaptionedPicture]
    places: Sequence[_Place]
    report: Report
    should_stop: Callable[[], bool]
    done: int = 0

    @property
    def drawn(self) -> Sequence[CaptionedPicture]:
        """The held-out captions that are drawn."""
        return self.held_out[: self.request.captions]

    def step(self, stage: str) -> None:
        """Say what comes next."""
        self.check()
        steps = len(self.places) * (1 + len(self.drawn))
        self.report(stage, self.done, steps)
        self.done = min(self.done + 1, steps)

    def check(self) -> None:
        """Raise Cancelled when the artist stopped the job."""
        if self.should_stop():
            raise Cancelled("The grid was stopped. What is drawn and measured so far is kept.")


def draw_grid(
    folder: Path,
    run: Path,
    loaded: LoadedModel,
    request: LoraGrid,
    *,
    report: Report = lambda stage, step, steps: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Grid:
    """Draw and measure what is missing, and write the report.

    Args:
        folder: with what `held_out.prepare` wrote.
        run: the run's folder.
        loaded: its model.
        report: called with the stage in words, the steps done and all of them.

    Raises:
        NotFound: a checkpoint is not there.
        Cancelled: `should_stop` said so; what is done so far is kept.
        StudioError: something cannot be drawn or measured.
    """
    _require_whole(loaded)
    plan = read_plan(run)
    places = list(_places(folder, checkpoints_named(run, request.checkpoints), request))
    work = _Work(folder, loaded, request, plan.config, read_held_out(folder), places, report, should_stop)
    cells, missing = _cells(work)
    grid = _grid(work, plan.name, cells, missing)
    write_grid(grid, folder)
    return grid


def _require_whole(loaded: LoadedModel) -> None:
    if loaded.offloaded:
        raise OutOfMemory(
            f"{loaded.info.title} must lie whole on {loaded.device.name} to be measured; there is too little memory "
            "free. Close other programs, or choose a smaller model."
        )


def _cells(work: _Work) -> tuple[list[Cell], list[str]]:
    """Every cell with its figures, and why something could not be measured."""
    alone, *errors = list(_measured(work))
    for place in work.places:
        _draw(work, place)
    losses = [loss_change(alone, each) for each in errors]
    distances, missing = _distances(work)
    changes = list(zip(losses, distances, strict=True)) if distances else [(loss,) for loss in losses]
    return [_cell(work, place, found) for place, found in zip(work.places, [(), *changes], strict=True)], missing


def _grid(work: _Work, name: str, cells: Sequence[Cell], missing: Sequence[str]) -> Grid:
    best = _best(cells)
    return Grid(
        run=work.request.run,
        name=name,
        model=work.loaded.info.title,
        weights=(0.0, *_weights(work.request)),
        captions=tuple(picture.caption for picture in work.drawn),
        cells=tuple(cells),
        best=best,
        headline=_headline(cells[best]),
        notes=(*_notes(work, cells), *missing),
    )


def _places(folder: Path, checkpoints: Sequence[Checkpoint], request: LoraGrid) -> Iterator[_Place]:
    """The model alone, then every checkpoint at every weight."""
    yield _Place(None, 0.0, folder / CELLS / "alone", ())
    infos = {info.path: info for info in list_loras([checkpoints[0].path.parent])}
    for checkpoint in checkpoints:
        sha256 = tensor_sha256(checkpoint.path)
        for weight in _weights(request):
            place = folder / CELLS / f"{sha256[:16]}-{weight:g}"
            yield _Place(checkpoint, weight, place, ((infos[checkpoint.path], weight),))


def _weights(request: LoraGrid) -> list[float]:
    """But 0, in order."""
    return sorted({float(weight) for weight in request.weights} - {0.0})


def _draw(work: _Work, place: _Place) -> None:
    for index, path in enumerate(place.pictures(len(work.drawn))):
        work.step(f"Drawing {place}")
        if not path.exists():
            caption = work.drawn[index].caption
            draw_caption(path, work.loaded, place.loras, work.request, caption, seed_of(index), work.should_stop)


def _measured(work: _Work) -> Iterator[list[float]]:
    """Of each place, the error of each held-out picture; what was measured before is read."""
    loaded, config = work.loaded, work.config
    encoder = Encoder(loaded.pipeline, config.augmentation(loaded.info.native_size), varies=False)
    held_out = HeldOut(work.held_out, encoder, objective_of(loaded.pipeline.scheduler, config), TIMESTEPS)
    for place in work.places:
        work.step(f"Measuring {place}")
        path = place.folder / ERRORS
        if not path.exists():
            write_json(path, {"errors": held_out_errors(loaded, held_out, place.loras)})
        yield read_json(path)["errors"]


def _distances(work: _Work) -> tuple[list[Change], list[str]]:
    """For each place but the model alone; where that cannot be measured none, and why."""
    count = len(work.drawn)
    if count < LEAST_PICTURES:
        return [], [f"A distance between sets of pictures needs {LEAST_PICTURES} drawn captions or more; got {count}."]
    try:
        networks = load_networks(device=work.loaded.device.torch_device)
    except StudioError as error:
        return [], [str(error)]
    work.report("Measuring the pictures", work.done, work.done)
    reference = [picture.path for picture in work.held_out]
    drawn = [place.pictures(count) for place in work.places]
    side = work.loaded.info.native_size
    return list(distance_changes(networks.extractors[0], side, reference, drawn, work.check)), []


def _cell(work: _Work, place: _Place, changes: tuple[Change, ...]) -> Cell:
    pictures = tuple(path.relative_to(work.folder).as_posix() for path in place.pictures(len(work.drawn)))
    kept = place.checkpoint
    if kept is None:
        return Cell("", "without", 0, 0.0, pictures)
    return Cell(kept.name, kept.label, kept.step, place.weight, pictures, changes)


def _best(cells: Sequence[Cell]) -> int:
    """Place of the lowest held-out loss; the first of equal ones, so the model alone before all others."""
    losses = [cells[1].changes[0].base.value, *(cell.changes[0].tuned.value for cell in cells[1:])]
    return losses.index(min(losses))


def _headline(best: Cell) -> str:
    if not best.changes:
        return "No checkpoint lowers the held-out loss at any of these weights: the model alone is best."
    words = f"Step {best.step} at weight {best.weight:g} has the lowest held-out loss."
    return f"{words} {best.changes[0].verdict}"


def _notes(work: _Work, cells: Sequence[Cell]) -> Iterator[str]:
    count, fewest = len(work.held_out), min(found.base.n for cell in cells for found in cell.changes)
    yield (
        f"The lowest of {len(work.places) - 1} was chosen on the same pictures, so it looks a little better than it "
        "is, and its neighbours may be as good."
    )
    if fewest < FEW:
        yield f"Intervals from {fewest} pictures are too narrow: take them as a hint. {FEW} pictures or more tell more."
    if count > MAX_PICTURES:
        yield f"The held-out loss is of the first {MAX_PICTURES} of {count} held-out pictures."
    if count > len(work.drawn):
        yield f"Drawn are the first {len(work.drawn)} of {count} held-out captions."
