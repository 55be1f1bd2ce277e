"""Rows of CSV text of any dialect, within limits; a quotation mark that nobody closes takes no other row with it."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}
# A row of Python's takes about 60 bytes and 8 for each cell, so these keep a table under about 100 MB.
MAX_ROWS = 100_000  # the most files of a data set, five times
MAX_COLUMNS = 1_000
MAX_CELLS = 2_000_000
MAX_LINES = 500_000
MAX_DELIMITERS = 5_000  # in a line; captions that are lists of tags have many commas


class TooLarge(ValueError):
    """More than a table may have; the text says what."""


@dataclass(frozen=True, slots=True)
class Unclosed:
    """A quotation mark that opens a cell and is never closed.

    Attributes:
        row: where it opens, counted from 1 with the header.
        begins: the beginning of that row.
    """

    row: int
    begins: str


def require_size(rows: int, columns: int, cells: int = 0) -> None:
    """Raises TooLarge where a table has more than it may have."""
    if rows > MAX_ROWS:
        raise TooLarge(f"a table of captions may have {MAX_ROWS:,} rows; it has {rows:,} or more")
    if columns > MAX_COLUMNS:
        raise TooLarge(f"a table of captions may have {MAX_COLUMNS:,} columns; it has {columns:,}")
    if max(cells, rows * columns) > MAX_CELLS:
        raise TooLarge(f"a table of captions may have {MAX_CELLS:,} cells; it has {max(cells, rows * columns):,}")


def rows_of(
    text: str, delimiter: str, likeness: Callable[[Sequence[str]], int], most: int = MAX_ROWS
) -> tuple[list[list[str]], list[Unclosed]]:
    """The rows that have a cell with text in it, and the quotation marks that are not closed where they should be.

    Such a mark would make one cell of everything up to the next one. It is known by a line inside of its cell that is
    a row of its own, or by the end of the file; its row is taken to end with its line.

    Args:
        likeness: how much a row looks like one that names a picture, 0 for not at all.
        most: rows to read; there may be more.

    Raises:
        TooLarge: there are more rows or cells than a table may have, or a cell is too long.
    """
    lines = _Lines(text)
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    rows: list[list[str]] = []
    unclosed: list[Unclosed] = []
    cells = looked_at = 0
    while len(rows) < most:
        first = lines.place
        row = _next(reader)
        span = lines.between(first)
        if not span:
            return rows, unclosed
        if row is None and len(span) == 1:
            raise TooLarge(
                f"a cell may have {csv.field_size_limit():,} characters; one in row {len(rows) + 1} has more"
            )
        looked_at += len(span) - 1
        if looked_at > MOST_SPANNED:
            raise TooLarge(f"it has quotation marks that are never closed; one is in row {len(rows) + 1}")
        whole = len(span) == 1 and lines.place < len(lines.all)  # most rows, and quickly told
        if row is None or (not whole and _is_unclosed(row, span, delimiter, likeness)):
            lines.place = first + 1
            row = _alone(span[0].rstrip("\r\n") + '"', delimiter)
            unclosed.append(Unclosed(len(rows) + 1, span[0].strip()[:40]))
        if any(cell.strip() for cell in row):
            rows.append(row)
            cells += len(row)
            require_size(len(rows), 0, cells)
    if most == MAX_ROWS and lines.place < len(lines.all):
        require_size(most + 1, 0)
    return rows, unclosed


MOST_SPANNED = 20_000  # lines that rows with open quotation marks run over, all together


class _Lines:
    """The lines of a text; they can be read again from any place."""

    def __init__(self, text: str):
        if text.count("\n") + text.count("\r") > 2 * MAX_LINES:
            raise TooLarge(f"a table of captions may have {MAX_LINES:,} lines; it has more")
        self.all = list(io.StringIO(text, newline=""))
        self.place = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self.place >= len(self.all):
            raise StopIteration
        line = self.all[self.place]
        if any(line.count(delimiter) > MAX_DELIMITERS for delimiter in DELIMITERS):
            raise TooLarge(
                f"a line of a table may have {MAX_DELIMITERS:,} delimiters; line {self.place + 1:,} has more"
            )
        self.place += 1
        return line

    def between(self, first: int) -> list[str]:
        """Those that were read since."""
        return self.all[first : self.place]


def _next(reader: Iterator[list[str]]) -> list[str] | None:
    """The next row, empty at the end; None where a cell is longer than the library takes."""
    try:
        return next(reader, [])
    except csv.Error:
        return None


def _alone(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:
        return []


def _is_unclosed(row: list[str], span: list[str], delimiter: str, likeness: Callable[[Sequence[str]], int]) -> bool:
    """Whether a row swallowed others, or the end of the file."""
    wanted = max(1, likeness(row))
    if any(_is_row(line, delimiter, likeness, wanted) for line in span[1:]):
        return True
    try:
        list(csv.reader(span, delimiter=delimiter, skipinitialspace=True, strict=True))
    except csv.Error as error:
        return "unexpected end of data" in str(error)
    return False


def _is_row(line: str, delimiter: str, likeness: Callable[[Sequence[str]], int], wanted: int) -> bool:
    cells = _alone(line, delimiter)
    return len(cells) > 1 and likeness(cells) >= wanted
