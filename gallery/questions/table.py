"""What questions are about, of every image, as columns of numbers in memory: about 100 bytes for each image.

A hundred thousand pictures are filtered, counted and sorted in some milliseconds so, however the filters are combined;
an SQL database needs an index for each combination, or reads every row for every count. The database stays the truth:
`gallery.questions.reading` renews the columns by its log of changes before each answer.

Rows are in the order of `number`, the oldest first, and never change: a renewed table is a new one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
Mask = NDArray[np.bool_]
CODED = ("owner", "kind", "model", "sampler", "size", "stack")
LISTED = ("loras", "tags", "boards")


class Line(NamedTuple):
    """One image, as it is read."""

    number: int
    owner: str
    live: bool
    kind: str
    model: str
    sampler: str
    seed: int | None
    width: int
    height: int
    favourite: bool
    rating: int
    stack: str | None


class Codes:
    """Words numbered as they come. It only grows, so tables share it, and a code is never another word's."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self._codes: dict[str, int] = {}

    def of(self, word: str) -> int:
        """The code of a word, new ones included."""
        code = self._codes.get(word)
        if code is None:
            code = self._codes[word] = len(self.words)
            self.words.append(word)
        return code

    def known(self, words: Iterable[str]) -> list[int]:
        """The codes of those words that any image has."""
        return [self._codes[word] for word in words if word in self._codes]


@dataclass(frozen=True)
class Pairs:
    """Of each row any number of values: `rows[i]` has the value of code `codes[i]`."""

    rows: Numbers
    codes: Numbers


@dataclass(frozen=True)
class Table:
    """The columns.

    Attributes:
        number: sorted.
        seed: as the database has it, with a sign; 0 where there is none, see `seeded`.
        width, height: pixels.
        rating: 0 for none.
        coded: by the name of a column, the code of each row's word.
        listed: by the name of a column, the values of the rows that have any.
        codes: the words of both.
    """

    number: Numbers
    live: Mask
    favourite: Mask
    seeded: Mask
    seed: Numbers
    rating: NDArray[np.int8]
    pixels: Numbers
    coded: dict[str, NDArray[np.int32]]
    listed: dict[str, Pairs]
    codes: dict[str, Codes] = field(repr=False)

    def __len__(self) -> int:
        return len(self.number)

    def row_of(self, number: int) -> int | None:
        """Where the image of that number is."""
        row = int(np.searchsorted(self.number, number))
        return row if row < len(self) and self.number[row] == number else None

    def rows_of(self, numbers: Sequence[int]) -> Numbers:
        """Where those of these images are that the table has."""
        wanted = np.asarray(numbers, dtype=np.int64)
        if not len(self) or not len(wanted):
            return np.empty(0, dtype=np.int64)
        rows = np.searchsorted(self.number, wanted)
        rows[rows == len(self)] = 0
        return rows[self.number[rows] == wanted]


def new_codes() -> dict[str, Codes]:
    """For a table that is built from nothing."""
    return {name: Codes() for name in (*CODED, *LISTED)}


def build(lines: Sequence[Line], listed: dict[str, list[tuple[int, str]]], codes: dict[str, Codes]) -> Table:
    """A table of images.

    Args:
        lines: sorted by number.
        listed: by the name of a column, (number, value) for each value of an image; of others none.
    """
    columns: list[Sequence[Any]] = list(zip(*lines, strict=True)) if lines else [()] * len(Line._fields)
    by_name = dict(zip(Line._fields, columns, strict=True))
    by_name["size"] = [f"{w}x{h}" for w, h in zip(by_name["width"], by_name["height"], strict=True)]
    # An image without a stack is a stack of its own.
    by_name["stack"] = [s or f"#{n}" for s, n in zip(by_name["stack"], by_name["number"], strict=True)]
    number = _whole(by_name["number"])
    return Table(
        number=number,
        live=np.asarray(by_name["live"], dtype=np.bool_),
        favourite=np.asarray(by_name["favourite"], dtype=np.bool_),
        seeded=np.asarray([seed is not None for seed in by_name["seed"]], dtype=np.bool_),
        seed=_whole([seed or 0 for seed in by_name["seed"]]),
        rating=np.asarray(by_name["rating"], dtype=np.int8),
        pixels=_whole([w * h for w, h in zip(by_name["width"], by_name["height"], strict=True)]),
        coded={name: np.asarray(list(map(codes[name].of, by_name[name])), dtype=np.int32) for name in CODED},
        listed={name: _pairs(number, listed.get(name, []), codes[name]) for name in LISTED},
        codes=codes,
    )


def renewed(old: Table, gone: Sequence[int], new: Table) -> Table:
    """The table without the images of some numbers, and with those of a table of the same codes in their place."""
    keep = np.ones(len(old), dtype=np.bool_)
    keep[old.rows_of([*gone, *new.number.tolist()])] = False
    at = np.searchsorted(old.number[keep], new.number)

    def merged(before: Any, after: Any) -> Any:
        return np.insert(before[keep], at, after)

    new_rows = at + np.arange(len(new))
    old_rows = np.cumsum(keep) - 1  # of a row that stays: how many stay before it, and then how many come before it
    old_rows += np.searchsorted(new.number, old.number)
    plain = {f.name: merged(getattr(old, f.name), getattr(new, f.name)) for f in fields(Table) if f.name in _PLAIN}
    return Table(
        **plain,
        coded={name: merged(old.coded[name], new.coded[name]) for name in CODED},
        listed={name: _merged_pairs(old, new, name, (old_rows, new_rows), keep) for name in LISTED},
        codes=old.codes,
    )


_PLAIN = ("number", "live", "favourite", "seeded", "seed", "rating", "pixels")


def _merged_pairs(old: Table, new: Table, name: str, moved: tuple[Numbers, Numbers], keep: Mask) -> Pairs:
    before, after = old.listed[name], new.listed[name]
    still = keep[before.rows]
    rows = np.concatenate([moved[0][before.rows[still]], moved[1][after.rows]])
    return Pairs(rows, np.concatenate([before.codes[still], after.codes]))


def _pairs(number: Numbers, values: list[tuple[int, str]], codes: Codes) -> Pairs:
    """Those of the images that are there."""
    there = set(number.tolist())
    values = [pair for pair in values if pair[0] in there]
    numbers = _whole([each for each, _ in values])
    return Pairs(np.searchsorted(number, numbers), _whole([codes.of(value) for _, value in values]))


def _whole(values: Sequence[int]) -> Numbers:
    return np.asarray(values, dtype=np.int64)
