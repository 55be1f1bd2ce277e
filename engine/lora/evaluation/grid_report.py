"""A grid of checkpoints and weights on paper: JSON for programs, CSV for spreadsheets, PNG sheets for eyes."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from engine.files import replacing, write_json
from engine.lora.runs.held_out import GRID
from engine.marked import COMPOSITE, save_png
from engine.metrics.bootstrap import Figure
from engine.metrics.changes import Change
from engine.metrics.compare_report import json_values, safe_cell
from engine.metrics.sheets import grid_sheet
from engine.picture_files import read_picture

TABLE = "grid.csv"
COLUMNS = ("checkpoint", "step", "weight", "measure", "value", "low", "high", "n", "extractor", "reference", "note")
DIFFERENCE = ("without_minus_with", "difference_low", "difference_high", "verdict")


@dataclass(frozen=True)
class Cell:
    """A checkpoint at a weight.

    Attributes:
        checkpoint: its name; empty for the model alone.
        label: the checkpoint for people.
        step: optimizer steps that it was trained for; 0 for the model alone.
        weight: 0 for the model alone.
        pictures: files inside the grid's folder, one for each caption that was drawn.
        changes: one for each measure, against the model alone; empty for the model alone itself.
    """

    checkpoint: str
    label: str
    step: int
    weight: float
    pictures: tuple[str, ...]
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Grid:
    """What was found.

    Attributes:
        run: name of its folder.
        name: of the LoRA.
        model: its title.
        weights: the columns, the model alone (0) first.
        captions: that were drawn.
        cells: the model alone, then the checkpoints in the order of their steps, each at every weight but 0.
        best: place of the cell with the lowest held-out loss; 0 is the model alone.
        headline: about that cell.
        notes: what to keep in mind, and what could not be measured.
    """

    run: str
    name: str
    model: str
    weights: tuple[float, ...]
    captions: tuple[str, ...]
    cells: tuple[Cell, ...]
    best: int
    headline: str
    notes: tuple[str, ...]

    @property
    def rows(self) -> list[list[Cell]]:
        """The cells of each checkpoint, the model alone first in every row."""
        alone, *cells = self.cells
        return [[alone, *row] for _, row in groupby(cells, attrgetter("step"))]


def write_grid(grid: Grid, folder: Path) -> None:
    """The sheets, the table and last the report: whoever sees it finds the rest."""
    for place, caption in enumerate(grid.captions):
        _write_sheet(grid, folder, place, caption)
    with replacing(folder / TABLE) as file:
        file.write(_table(grid).encode())
    write_json(folder / GRID, json_values(asdict(grid)))


def _write_sheet(grid: Grid, folder: Path, place: int, caption: str) -> None:
    rows = [(row[-1].label, [read_picture(folder / cell.pictures[place]) for cell in row]) for row in grid.rows]
    columns = ["without", *(f"weight {weight:g}" for weight in grid.weights[1:])]
    with replacing(folder / f"grid-{place + 1}.png") as file:
        save_png(grid_sheet(caption, columns, rows), file, COMPOSITE)


def _table(grid: Grid) -> str:
    lines = io.StringIO()
    table = csv.writer(lines)
    table.writerow((*COLUMNS, *DIFFERENCE))
    table.writerows(_row(cell, change) for cell in grid.cells for change in cell.changes)
    for change in grid.cells[1].changes:
        table.writerow(["", 0, 0, *_figure(change.base)])
    return lines.getvalue()


def _row(cell: Cell, change: Change) -> Sequence[object]:
    gain = change.difference
    difference = (gain.value, gain.low, gain.high, change.verdict)
    return [safe_cell(part) for part in (cell.checkpoint, cell.step, cell.weight, *_figure(change.tuned), *difference)]


def _figure(figure: Figure) -> Sequence[object]:
    values = (figure.name, figure.value, figure.low, figure.high, figure.n)
    return (*values, figure.extractor, figure.reference, figure.note)
