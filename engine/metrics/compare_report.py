"""A comparison on paper: JSON for programs, CSV for spreadsheets, PNG sheets for eyes."""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from engine.files import replacing, write_json
from engine.images import to_pil
from engine.marked import COMPOSITE, save_png
from engine.metrics.bootstrap import Figure
from engine.metrics.compare import Comparison
from engine.metrics.picture_sets import Source, picture_set
from engine.metrics.sheets import sheet

ROWS = 8
"""Seeds on one sheet."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
COLUMNS = ("set", *(field.name for field in fields(Figure)), "verdict")


def write_report(comparison: Comparison, path: Path) -> None:
    """Everything, as JSON; numbers that JSON does not know become the texts "nan", "inf" and "-inf"."""
    write_json(path, json_values({"headline": comparison.headline} | asdict(comparison)))


def write_table(comparison: Comparison, path: Path) -> None:
    """Three lines for each measure (base, tuned, difference) as CSV.

    A text that a spreadsheet would take for a formula gets an apostrophe in front.
    """
    lines = io.StringIO()
    table = csv.writer(lines)
    table.writerow(COLUMNS)
    for change in comparison.changes:
        for name in ("base", "tuned", "difference"):
            words = change.verdict if name == "difference" else ""
            table.writerow([safe_cell(cell) for cell in (name, *asdict(getattr(change, name)).values(), words)])
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        file.write(lines.getvalue().encode())


def safe_cell(value: Any) -> Any:
    """A cell that no spreadsheet runs: texts that begin like a formula are quoted, numbers stay numbers."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def write_sheets(
    folder: Path, reference: Source, base: Source, tuned: Source, captions: Sequence[str] = (), paired: bool = False
) -> list[Path]:
    """Pictures side by side, sheet-1.png and so on, eight seeds each.

    Args:
        reference, base, tuned, captions, paired: as given to `engine.metrics.compare.compare`; held-out pictures
            are shown only where they belong to a pair.

    Returns:
        The files.
    """
    without, tuned_set, held_out = picture_set(base), picture_set(tuned), picture_set(reference)
    columns = [*([held_out] if paired else []), without, tuned_set]
    title = " | ".join([*(["held out"] if paired else []), "without the LoRA", "with it"])
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for start in range(0, len(without), ROWS):
        rows = [
            (f"{title}   {captions[k] if captions else ''}", [to_pil(column.read(k)[None])[0] for column in columns])
            for k in range(start, min(start + ROWS, len(without)))
        ]
        written.append(folder / f"sheet-{start // ROWS + 1}.png")
        with replacing(written[-1]) as file:
            save_png(sheet(rows), file, COMPOSITE)
    return written


def json_values(value: Any) -> Any:
    """JSON-ready values; NaN and infinity, which JSON does not know, become texts."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {name: json_values(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_values(part) for part in value]
    return value
