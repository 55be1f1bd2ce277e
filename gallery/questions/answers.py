"""Answers from the table: which pictures, in which order, and how many for each value."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gallery.ids import number_at, number_of
from gallery.questions.query import LARGEST, OLDEST, RATING, Counts, Facets, Query
from gallery.questions.table import Mask, Numbers, Table
from gallery.schema import SEEDS

_ONE_OF = {"kinds": "kind", "models": "model", "samplers": "sampler", "sizes": "size"}
_ALL_OF = ("loras", "tags", "colours")
_LAST_RANK = 2**20
_MOST_ROWS = 2**40  # more than any table has; parts ranks from rows in one number


@dataclass(frozen=True)
class Given:
    """What only the database can say about a question: rows of the table, or None where nothing was asked.

    Attributes:
        words: with these words.
        children: made from the parent that is asked for.
    """

    words: Numbers | None = None
    children: Numbers | None = None


@dataclass(frozen=True)
class Found:
    """Pictures next to one another.

    Attributes:
        numbers: of the images, in the order of the question.
        stacked: how many pictures each of them stands for; 1 unless stacks are folded.
        before, after: whether there are more on either side.
    """

    numbers: list[int]
    stacked: list[int]
    before: bool
    after: bool


def mask_of(table: Table, query: Query, given: Given, but: str = "") -> Mask:
    """Which rows answer the question.

    Args:
        but: a field that is not asked.
    """
    query = query.without(but) if but else query
    found = ~table.live if query.trash else table.live.copy()
    if query.owner is not None:
        found &= _one_of(table, "owner", (query.owner,))
    for name, column in _ONE_OF.items():
        if wanted := getattr(query, name):
            found &= _one_of(table, column, wanted)
    if query.stack is not None:
        found &= _one_of(table, "stack", (query.stack,))
    for name in _ALL_OF:
        for value in getattr(query, name):
            found &= _listed(table, name, value)
    if query.board is not None:
        found &= _listed(table, "boards", query.board)
    if query.favourite:
        found &= table.favourite
    if query.commercial_use:
        found &= table.commercial
    if query.rating:
        found &= table.rating >= query.rating
    return _narrowed(table, query, found, given, but)


def _narrowed(table: Table, query: Query, found: Mask, given: Given, but: str) -> Mask:
    if query.seed is not None:
        found &= table.seeded & (table.seed == _signed(query.seed))
    if query.made_from is not None:
        found[: np.searchsorted(table.number, number_at(query.made_from))] = False
    if query.made_before is not None:
        found[np.searchsorted(table.number, number_at(query.made_before)) :] = False
    for rows, name in ((given.words, "words"), (given.children, "parent")):
        if rows is not None and name != but:
            here = np.zeros(len(table), dtype=np.bool_)
            here[rows] = True
            found &= here
    return found


def _signed(seed: int) -> int:
    return seed if seed < SEEDS // 2 else seed - SEEDS


def _one_of(table: Table, column: str, words: Sequence[str]) -> Mask:
    here = np.zeros(len(table), dtype=np.bool_)
    for code in table.codes[column].known(words):
        here |= table.coded[column] == code
    return here


def _listed(table: Table, name: str, value: str) -> Mask:
    here, pairs = np.zeros(len(table), dtype=np.bool_), table.listed[name]
    for code in table.codes[name].known((value,)):
        here[pairs.rows[pairs.codes == code]] = True
    return here


# -- in order


def neighbours(table: Table, query: Query, given: Given, limit: int, after: str | None, before: str | None) -> Found:
    """The first pictures, or those next to one: after it, or before it in the order of the question."""
    rows, counts = _ordered(table, query, mask_of(table, query, given))
    begin, end = 0, limit
    if after is not None:
        begin = int(np.searchsorted(_places(table, query, rows), _place(table, query, after), "right"))
        end = begin + limit
    elif before is not None:
        end = int(np.searchsorted(_places(table, query, rows), _place(table, query, before), "left"))
        begin = max(end - limit, 0)
    numbers = table.number[rows[begin:end]].tolist()
    return Found(numbers, counts[begin:end].tolist(), begin > 0, end < len(rows))


def numbers_of(table: Table, query: Query, given: Given, at_most: int) -> list[int]:
    """The pictures that answer, in order; of folded stacks the first."""
    rows, _ = _ordered(table, query, mask_of(table, query, given))
    return table.number[rows[:at_most]].tolist()


def count(table: Table, query: Query, given: Given) -> int:
    """How many pictures answer; of folded stacks, how many stacks."""
    found = mask_of(table, query, given)
    if not query.fold:
        return int(np.count_nonzero(found))
    seen = np.zeros(len(table.codes["stack"].words), dtype=np.bool_)
    seen[table.coded["stack"][found]] = True
    return int(np.count_nonzero(seen))


def _ordered(table: Table, query: Query, found: Mask) -> tuple[Numbers, Numbers]:
    """Rows in the order of the question, and how many pictures each stands for."""
    rows = np.flatnonzero(found)
    if query.sort != OLDEST:
        rows = rows[::-1]
    if query.sort in (RATING, LARGEST):
        rows = rows[np.argsort(_ranks(table, query.sort, rows), kind="stable")]
    if not query.fold:
        return rows, np.ones(len(rows), dtype=np.int64)
    stacks = table.coded["stack"][rows]
    size = len(table.codes["stack"].words)
    first = np.zeros(size, dtype=np.int64)
    first[stacks[::-1]] = np.arange(len(rows))[::-1]  # of equal ones the last that is written stays: the first row
    kept = first[stacks] == np.arange(len(rows))
    return rows[kept], np.bincount(stacks, minlength=size)[stacks[kept]]


def _ranks(table: Table, sort: str, rows: Numbers) -> NDArray[Any]:
    """Small numbers come first; in few bits, which are sorted faster."""
    if sort == RATING:
        return np.asarray(5 - table.rating[rows])
    sizes = table.codes["size"].words
    areas = np.zeros(len(sizes), dtype=np.int64)
    areas[table.coded["size"]] = table.pixels
    order = np.unique(-areas, return_inverse=True)[1]
    return order.astype(np.int16 if len(sizes) < 2**15 else np.int64)[table.coded["size"][rows]]


def _places(table: Table, query: Query, rows: Numbers) -> Numbers:
    """Numbers that rise along the order."""
    places = 2 * (rows if query.sort == OLDEST else len(table) - rows).astype(np.int64)
    if query.sort in (RATING, LARGEST):
        places += _ranks(table, query.sort, rows).astype(np.int64) * _MOST_ROWS
    return places


def _place(table: Table, query: Query, image_id: str) -> int:
    """Where a picture stands in the order, also one that does not answer; one gone for good is of the last rank."""
    number = number_of(image_id)
    row = table.row_of(number)
    if row is not None:
        return int(_places(table, query, np.asarray([row]))[0])
    between = 2 * int(np.searchsorted(table.number, number)) - 1
    place = between if query.sort == OLDEST else 2 * len(table) - between
    return place + (_LAST_RANK * _MOST_ROWS if query.sort in (RATING, LARGEST) else 0)


# -- counts


def facets(table: Table, query: Query, given: Given) -> Facets:
    """How many pictures each value would leave."""
    found = mask_of(table, query, given)
    total = int(np.count_nonzero(found))
    one_of = {
        name: _counted(table, column, mask_of(table, query, given, name) if getattr(query, name) else found)
        for name, column in _ONE_OF.items()
    }
    stars = table.rating[mask_of(table, query, given, "rating") if query.rating else found]
    return Facets(
        total=total,
        **one_of,
        loras=_counted_pairs(table, "loras", found),
        tags=_counted_pairs(table, "tags", found),
        colours=_counted_pairs(table, "colours", found),
        boards=_counted_pairs(table, "boards", mask_of(table, query, given, "board") if query.board else found),
        ratings=tuple((str(least), int(np.count_nonzero(stars >= least))) for least in range(5, 0, -1)),
        favourites=int(np.count_nonzero(found & table.favourite)),
        commercial=int(np.count_nonzero(found & table.commercial)),
        relaxed={} if total else _relaxed(table, query, given),
    )


def _relaxed(table: Table, query: Query, given: Given) -> dict[str, int]:
    counted = {name: int(np.count_nonzero(mask_of(table, query, given, name))) for name in query.filters}
    return {name: number for name, number in counted.items() if number}


def _counted(table: Table, column: str, found: Mask) -> Counts:
    return _most_first(table.codes[column].words, np.bincount(table.coded[column][found]))


def _counted_pairs(table: Table, name: str, found: Mask) -> Counts:
    pairs = table.listed[name]
    return _most_first(table.codes[name].words, np.bincount(pairs.codes[found[pairs.rows]]))


def _most_first(words: Sequence[str], counts: Numbers) -> Counts:
    named = [(words[code], int(number)) for code, number in enumerate(counts) if number and words[code]]
    return tuple(sorted(named, key=lambda pair: (-pair[1], pair[0].casefold())))
