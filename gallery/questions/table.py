"""What questions are about, of every image, as columns of numbers in memory: about 100 bytes for each image.

A hundred thousand pictures are filtered, counted and sorted in some milliseconds so, however the filters are combined;
an SQL database needs an index for each combination, or reads every row for every count. The database stays the truth:
`gallery.questions.reading` renews the columns by its log of changes before each answer.

Rows are in the order of `number`, the oldest first, and never change: a renewed table is a new one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
Codings = NDArray[np.int32]
Mask = NDArray[np.bool_]
CODED = ("owner", "kind", "model", "sampler", "size", "stack")
LISTED = ("loras", "tags", "boards", "colours")
_MOST_PIXELS = 2**31
_DIGITS = np.full(256, -1, np.int64)
_DIGITS[np.frombuffer(b"0123456789ABCDEFGHJKMNPQRSTVWXYZ", np.uint8)] = np.arange(32)
_ID, _OF_NUMBER = 26, 13  # digits of an id, and those that are its number; see `gallery.ids`


class Codes:
    """Words numbered as they come. It only grows, so tables share it, and a code is never another word's."""

    def __init__(self, words: Iterable[str] = ()) -> None:
        self.words: list[str] = list(words)

    @cached_property
    def _codes(self) -> dict[str, int]:
        """Made when first needed: a table that was read from its file has 25,000 stacks that nobody may ask for."""
        return {word: code for code, word in enumerate(self.words)}

    def of(self, word: str) -> int:
        """The code of a word, new ones included."""
        code = self._codes.get(word)
        if code is None:
            code = self._codes[word] = len(self.words)
            self.words.append(word)
        return code

    def of_all(self, values: Sequence[Any]) -> Codings:
        """The codes of values as a database gives them; see `as_word`."""
        known = {value: self.of(as_word(value)) for value in dict.fromkeys(values)}
        return np.fromiter(map(known.__getitem__, values), np.int32, len(values))

    def known(self, words: Iterable[str]) -> list[int]:
        """The codes of those words that any image has."""
        return [self._codes[word] for word in words if word in self._codes]


@dataclass(frozen=True)
class Pairs:
    """Of each row any number of values: `rows[i]` has the value of code `codes[i]`."""

    rows: Numbers
    codes: Codings


@dataclass(frozen=True)
class Table:
    """The columns.

    Attributes:
        number: sorted.
        seed: as the database has it, with a sign; 0 where there is none, see `seeded`.
        pixels: width times height.
        rating: 0 for none.
        commercial: whether licences are known to allow commercial use.
        coded: by the name of a column, the code of each row's word.
        listed: by the name of a column, the values of the rows that have any.
        codes: the words of both.
        titles: another object where other words may be found than by the table before.
    """

    number: Numbers
    live: Mask
    favourite: Mask
    seeded: Mask
    seed: Numbers
    rating: NDArray[np.int8]
    pixels: Numbers
    commercial: Mask
    coded: dict[str, Codings]
    listed: dict[str, Pairs]
    codes: dict[str, Codes] = field(repr=False)
    titles: object = field(default_factory=object, repr=False)

    def __len__(self) -> int:
        return len(self.number)

    def row_of(self, number: int) -> int | None:
        """Where the image of that number is."""
        row = int(np.searchsorted(self.number, number))
        return row if row < len(self) and self.number[row] == number else None

    def rows_of(self, numbers: Sequence[int] | Numbers) -> Numbers:
        """Where those of these images are that the table has."""
        rows = self.places_of(np.asarray(numbers, dtype=np.int64))
        return rows[rows >= 0]

    def places_of(self, numbers: Numbers) -> Numbers:
        """Where each of these images is; -1 for those that the table does not have."""
        if not len(self):
            return np.full(len(numbers), -1, dtype=np.int64)
        rows = np.searchsorted(self.number, numbers)
        rows[rows == len(self)] = 0
        return np.where(self.number[rows] == numbers, rows, -1)


PLAIN = tuple(f.name for f in fields(Table) if f.name not in ("coded", "listed", "codes", "titles"))
Rows = Sequence[tuple[Any, ...]]


def new_codes() -> dict[str, Codes]:
    """For a table that is built from nothing."""
    return {name: Codes() for name in (*CODED, *LISTED)}


def as_word(value: object) -> str:
    """Text of a database, which gives it as bytes where it may be damaged; empty for anything else."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else ""


def build(rows: Rows, listed: Mapping[str, Rows], codes: dict[str, Codes]) -> Table:
    """A table of images.

    Args:
        rows: number, owner, live, kind, model, sampler, seed, width, height, favourite, rating, stack, colours,
            commercial use of each, sorted by number. One whose number is damaged is left out: it has no place in any
            order, and must not keep the others from one.
        listed: by the name of a column, (image id, value) for each value of an image; of others none.
    """
    rows = [row for row in rows if isinstance(row[0], int)]
    columns: list[Any] = list(zip(*rows, strict=True)) if rows else [()] * 14
    numbers, owner, live, kind, model, sampler, seed, width, height, favourite, rating, stack, colours, may = columns
    number = np.asarray(numbers, dtype=np.int64)
    # An image without a stack is a stack of its own.
    stacks = [each or f"#{of}" for each, of in zip(stack, numbers, strict=True)]
    words = {"owner": owner, "kind": kind, "model": model, "sampler": sampler, "stack": stacks}
    sizes, pixels = _sizes(width, height, codes["size"])
    pairs = {name: _pairs(number, listed.get(name, ()), codes[name]) for name in LISTED if name != "colours"}
    return Table(
        number=number,
        live=np.asarray(live, dtype=np.bool_),
        favourite=np.asarray(favourite, dtype=np.bool_),
        seeded=np.fromiter((each is not None for each in seed), np.bool_, len(seed)),
        seed=np.asarray([each or 0 for each in seed], dtype=np.int64),
        rating=np.asarray(rating, dtype=np.int8),
        pixels=pixels,
        commercial=np.asarray(may, dtype=np.bool_),
        coded={name: codes[name].of_all(words[name]) for name in words} | {"size": sizes},
        listed=pairs | {"colours": _colours(colours, codes["colours"])},
        codes=codes,
    )


def _sizes(width: Sequence[int | None], height: Sequence[int | None], codes: Codes) -> tuple[Codings, Numbers]:
    sides = np.asarray([[each or 0 for each in width], [each or 0 for each in height]], dtype=np.int64)
    wide, high = np.clip(sides, -_MOST_PIXELS, _MOST_PIXELS)
    _, first, of = np.unique(wide << 32 | high & (2**32 - 1), return_index=True, return_inverse=True)
    named = [codes.of(f"{wide[at]}x{high[at]}") for at in first]
    return np.asarray(named, dtype=np.int32)[of], wide * high


def _colours(texts: Sequence[object], codes: Codes) -> Pairs:
    """Of texts such as ` red blue `, of which there are few different ones."""
    named = {text: [codes.of(name) for name in dict.fromkeys(as_word(text).split())] for text in dict.fromkeys(texts)}
    place = {text: at for at, text in enumerate(named)}
    of = np.fromiter(map(place.__getitem__, texts), np.int64, len(texts))
    lengths = np.fromiter(map(len, named.values()), np.int64, len(named))
    all_codes = np.fromiter(chain.from_iterable(named.values()), np.int32, int(lengths.sum()))
    begins = np.cumsum(lengths) - lengths  # of each text's codes in all of them
    many = lengths[of]
    ends = np.cumsum(many)
    within = np.arange(int(many.sum())) - np.repeat(ends - many, many)
    return Pairs(np.repeat(np.arange(len(of)), many), all_codes[np.repeat(begins[of], many) + within])


def _pairs(number: Numbers, values: Rows, codes: Codes) -> Pairs:
    """Those of the images that are there."""
    if not values or not len(number):
        return Pairs(np.empty(0, np.int64), np.empty(0, np.int32))
    ids, words = zip(*values, strict=True)
    numbers = numbers_of(ids)
    rows = np.searchsorted(number, numbers)
    rows[rows == len(number)] = 0
    there = (number[rows] == numbers) & (numbers >= 0)
    return Pairs(rows[there], codes.of_all(words)[there])


def numbers_of(ids: Sequence[Any]) -> Numbers:
    """As `gallery.ids.number_of` for each of many, as text or bytes; -1 for what is no id."""
    raw = [each.encode() if isinstance(each, str) else each if isinstance(each, bytes) else b"" for each in ids]
    letters = np.array(raw, dtype=f"S{_ID + 1}").view(np.uint8).reshape(-1, _ID + 1)
    digits = _DIGITS[letters[:, :_ID]]
    sound = (digits >= 0).all(axis=1) & (digits[:, 0] < 8) & (letters[:, _ID] == 0)
    numbers = np.zeros(len(raw), dtype=np.int64)
    for place in range(_OF_NUMBER):
        numbers = numbers << 5 | digits[:, place]
    return np.where(sound, numbers, -1)


def renewed(old: Table, gone: Numbers, new: Table, titles: object) -> Table:
    """The table without the images of some numbers, and with those of a table of the same codes in their place.

    Args:
        gone: of `new` or not.
        titles: as the table has it.
    """
    places = old.places_of(new.number)
    if (places >= 0).all() and np.isin(old.number[old.rows_of(gone)], new.number).all():
        return _overwritten(old, places, new, titles)
    keep = np.ones(len(old), dtype=np.bool_)
    keep[old.rows_of(np.concatenate([gone, new.number]))] = False
    at = np.searchsorted(old.number[keep], new.number)

    def merged(before: Any, after: Any) -> Any:
        return np.insert(before[keep], at, after)

    new_rows = at + np.arange(len(new))
    old_rows = np.cumsum(keep) - 1  # of a row that stays: how many stay before it, and then how many come before it
    old_rows += np.searchsorted(new.number, old.number)
    return Table(
        **{name: merged(getattr(old, name), getattr(new, name)) for name in PLAIN},
        coded={name: merged(old.coded[name], new.coded[name]) for name in CODED},
        listed={name: _merged_pairs(old, new, name, old_rows, new_rows, keep) for name in LISTED},
        codes=old.codes,
        titles=titles,
    )


def _overwritten(old: Table, places: Numbers, new: Table, titles: object) -> Table:
    """As `renewed` where all rows stay where they are; columns without a change are shared."""

    def changed(before: Any, after: Any) -> Any:
        if np.array_equal(before[places], after):
            return before
        copy = before.copy()
        copy[places] = after
        return copy

    keep = np.ones(len(old), dtype=np.bool_)
    keep[places] = False
    here = np.arange(len(old))
    return replace(
        old,
        **{name: changed(getattr(old, name), getattr(new, name)) for name in PLAIN},
        coded={name: changed(old.coded[name], new.coded[name]) for name in CODED},
        listed={name: _changed_pairs(old, new, name, here, places, keep) for name in LISTED},
        titles=titles,
    )


def _changed_pairs(old: Table, new: Table, name: str, here: Numbers, places: Numbers, keep: Mask) -> Pairs:
    """As `_merged_pairs` where rows stay; the old ones where they say the same, as most marks change one list."""
    before, after = old.listed[name], new.listed[name]
    of_these = ~keep[before.rows]
    said = np.sort(before.rows[of_these] << 32 | before.codes[of_these])
    if np.array_equal(said, np.sort(places[after.rows] << 32 | after.codes)):
        return before
    return _merged_pairs(old, new, name, here, places, keep)


def _merged_pairs(old: Table, new: Table, name: str, old_rows: Numbers, new_rows: Numbers, keep: Mask) -> Pairs:
    before, after = old.listed[name], new.listed[name]
    still = keep[before.rows]
    rows = np.concatenate([old_rows[before.rows[still]], new_rows[after.rows]])
    return Pairs(rows, np.concatenate([before.codes[still], after.codes]))
