"""Captions in tables: CSV of any dialect, JSON lines (Hugging Face's metadata.jsonl), JSON (kohya's meta_cap.json).

Which column names the picture and which describes it is told by what is in them.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.datasets.encodings import UTF_8
from engine.datasets.findings import Finding, Severity, counted, named
from engine.datasets.index import PictureIndex
from engine.datasets.layouts.csv_rows import DELIMITERS, TooLarge, Unclosed, require_size, rows_of
from engine.datasets.texts import decoded, read_bytes

SUFFIXES = (".csv", ".tsv", ".jsonl", ".json")
CAPTION_NAMES = ("caption", "captions", "text", "prompt", "description")
_SAMPLE = 500  # rows that tell which column is which
_SAMPLE_CHARACTERS = 2**20  # likewise
# JSON's brackets and commas in all: a dictionary of Python's takes about 200 bytes, a short text 50.
MAX_JSON_BRACKETS, MAX_JSON_COMMAS = 200_000, 2_000_000


class NoTable(Exception):
    """The file has no captions that can be read; the text says why."""


class Unreadable(NoTable):
    """It may have captions, and is damaged, too large or in an unknown encoding."""


@dataclass(frozen=True, slots=True)
class Table:
    """Cells of text.

    Attributes:
        header: the columns' names.
        rows: of as many cells as there are columns.
        findings: what was done to read it.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a table by name; None for one that its content tells."""

    image: str | None = None
    caption: str | None = None


def read_table(path: Path, index: PictureIndex) -> Table:
    """Read a table of any kind, told by the file's suffix.

    Raises:
        Unreadable: it may have captions, and cannot be read.
        NoTable: it has none.
    """
    try:
        text, encoding = decoded(read_bytes(path), index.fitting)
        table = _table(path, text, index)
    except OSError as error:
        raise Unreadable(f"it cannot be read ({error.strerror or error})") from None
    except TooLarge as error:
        raise Unreadable(f"{error}. Leave out what is no caption") from None
    except RecursionError:
        raise Unreadable("it cannot be read (nested far too deep)") from None
    except ValueError as error:
        raise Unreadable(f"it cannot be read ({error})") from None
    if encoding == UTF_8:
        return table
    message = f"{path.name} is not UTF-8 and was read as {encoding}. Check the accents; better save it as UTF-8."
    return Table(table.header, table.rows, (*table.findings, Finding("encoding", Severity.LOOK, message, (path.name,))))


def columns_of(table: Table, index: PictureIndex, wanted: Columns) -> tuple[int, int]:
    """Which column names pictures, and which describes them.

    Raises:
        NoTable: there are no such columns.
    """
    image = _wanted(table, wanted.image)
    if image is None:
        likeness = [sum(map(index.likeness, cells)) for cells in _by_column(table)]
        if not any(likeness):
            raise NoTable("no column names a picture")
        image = likeness.index(max(likeness))
    caption = _wanted(table, wanted.caption)
    return image, _caption_column(table, image) if caption is None else caption


def _wanted(table: Table, name: str | None) -> int | None:
    if name is None:
        return None
    if name not in table.header:
        raise NoTable(f"it has no column {name!r}, only {', '.join(map(repr, table.header))}")
    return table.header.index(name)


def _by_column(table: Table) -> list[list[str]]:
    return [[row[place] for row in table.rows[:_SAMPLE]] for place in range(len(table.header))]


def _caption_column(table: Table, image: int) -> int:
    """A column with a caption's usual name, else the one with the most words."""
    places = [place for place in range(len(table.header)) if place != image]
    names = [name.strip().casefold() for name in table.header]
    for usual in CAPTION_NAMES:
        if usual in names and names.index(usual) in places:
            return names.index(usual)
    words = {place: sum(len(row[place].split()) for row in table.rows) for place in places}
    if not any(words.values()):
        raise NoTable("it names pictures, but has no column of captions")
    return max(places, key=lambda place: words[place])


def _table(path: Path, text: str, index: PictureIndex) -> Table:
    if path.suffix.lower() == ".jsonl":
        _require_small(text)
        return _from_records(_json_lines(text))
    if path.suffix.lower() == ".json":
        _require_small(text)
        return _from_json(json.loads(text, object_pairs_hook=_Object))
    return _from_csv(path.name, text, index)


# ---------------------------------------------------------------- JSON


def _require_small(text: str) -> None:
    """Before anything is made of it, since a short text can be many objects."""
    for marks, most in ((("{", "["), MAX_JSON_BRACKETS), ((",",), MAX_JSON_COMMAS)):
        if (found := sum(map(text.count, marks))) > most:
            raise TooLarge(f"JSON with captions may have {most:,} of {' and '.join(marks)}; it has {found:,}")


def _json_lines(text: str) -> list[Any]:
    records = []
    for number, line in enumerate(text.split("\n"), 1):
        try:
            records += [json.loads(line)] if line.strip() else []
        except ValueError as error:
            raise ValueError(f"line {number:,}: {error}") from None
    return records


def _from_records(records: Any) -> Table:
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise NoTable("it is no list of objects")
    header = tuple(dict.fromkeys(name for record in records for name in record))
    require_size(len(records), len(header))
    return Table(header, tuple(tuple(_cell(record.get(name)) for name in header) for record in records))


class _Object(dict[str, Any]):
    """A JSON object that knows its pairs as they were written, also those of a name that is there twice."""

    def __init__(self, pairs: list[tuple[str, Any]]):
        super().__init__(pairs)
        self.pairs = pairs


def _from_json(content: Any) -> Table:
    """A list of objects, or kohya's object with a picture's path before each entry."""
    if not isinstance(content, _Object):
        return _from_records(content)
    rows = tuple((name, _kohya_caption(entry)) for name, entry in content.pairs)
    if not any(caption for _, caption in rows):
        raise NoTable("its entries have neither caption nor tags")
    return Table(("file_name", "caption"), rows)


def _kohya_caption(entry: Any) -> str:
    """Caption, then tags, as sd-scripts joins them (library/train_util.py, FineTuningDataset)."""
    if not isinstance(entry, dict):
        return _cell(entry)
    return ", ".join(filter(None, (_cell(entry.get("caption")), _cell(entry.get("tags")))))


def _cell(value: Any) -> str:
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return value if isinstance(value, str) else ""


# ---------------------------------------------------------------- CSV


def _from_csv(name: str, text: str, index: PictureIndex) -> Table:
    """Delimiter and header told by where pictures' names are."""
    delimiter = _delimiter(text, index)
    rows, unclosed = rows_of(text, delimiter, _likeness(index))
    if any(map(index.likeness, rows[0])):  # no header
        width = min((len(row) for row in rows if len(row) > 1), default=1)
        header = tuple(f"column {place}" for place in range(1, width + 1))
    else:
        header, rows, width = tuple(rows[0]), rows[1:], len(rows[0])
    require_size(len(rows), width)
    too_long = sum(len(row) > width for row in rows)
    findings = [_extra_cells(name, too_long, DELIMITERS[delimiter])] if too_long else []
    findings += [_unclosed(name, unclosed)] if unclosed else []
    return Table(header, tuple(_fitted(row, width, delimiter) for row in rows), tuple(findings))


def _delimiter(text: str, index: PictureIndex) -> str:
    """The one with which most of the first rows name a picture in one of several cells."""
    beginning, likeness = text[:_SAMPLE_CHARACTERS], _likeness(index)
    scores = {}
    for delimiter in DELIMITERS:
        rows, _ = rows_of(beginning, delimiter, likeness, _SAMPLE)
        scores[delimiter] = sum(len(row) > 1 and likeness(row) > 0 for row in rows)
    best = max(scores, key=lambda delimiter: scores[delimiter])
    if not scores[best]:
        raise NoTable("no column names a picture")
    return best


def _likeness(index: PictureIndex) -> Callable[[Sequence[str]], int]:
    return lambda row: max(map(index.likeness, row), default=0)


def _fitted(row: list[str], width: int, delimiter: str) -> tuple[str, ...]:
    """A caption that was not quoted is cut at its commas: the pieces belong to the last column."""
    if len(row) > width:
        return (*row[: width - 1], f"{delimiter} ".join(row[width - 1 :]))
    return (*row, *[""] * (width - len(row)))


def _extra_cells(name: str, rows: int, delimiter: str) -> Finding:
    message = (
        f"{name}: {counted(rows, 'row')} had more cells than the first row; what was over went to the last column. "
        f"Put captions that hold a {delimiter} in quotation marks."
    )
    return Finding("extra_cells", Severity.LOOK, message, (name,))


def _unclosed(name: str, unclosed: Sequence[Unclosed]) -> Finding:
    marks = [f"row {each.row} ({each.begins})" for each in unclosed]
    message = (
        f"{name}: {counted(len(marks), 'quotation mark')} never closed, in {named(marks)}; "
        "each of these rows was taken to end with its line. Close or remove the mark."
    )
    return Finding("unclosed_quote", Severity.LOOK, message, (name,))
