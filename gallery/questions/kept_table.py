"""The table of questions as a file beside the database, so that a start reads it at once and not every image.

It is believed for exactly the history that it was made of: it names its last entry in the log of changes, with the
token that was drawn for it (`gallery.schema.ImageChange`). What is damaged, of another form, or of another database is
passed over, and made anew.
"""

import io
import json
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gallery.atomic import replacing
from gallery.questions.table import CODED, LISTED, PLAIN, Codes, Pairs, Table, build, new_codes

FORM = 1


class Position(NamedTuple):
    """A place in the log of changes.

    Attributes:
        seq, token: of the newest entry.
        transaction: on PostgreSQL, of the oldest that was still open.
    """

    seq: int
    token: int
    transaction: int = 0


NOWHERE = Position(0, 0)


def file_of(database: Path) -> Path:
    """Where the table of a database lies."""
    return database.with_name(f"{database.name}.answers.npz")


def write(database: Path | None, table: Table, seen: Position) -> None:
    """Keep the table; where that is not possible, such as on a full disk, the next start reads the database."""
    if database is None or not seen.seq:
        return
    words = {name: codes.words for name, codes in table.codes.items()}
    about = json.dumps({"form": FORM, "seen": seen, "words": words}).encode()
    arrays: dict[str, Any] = {name: getattr(table, name) for name in PLAIN}
    arrays |= {f"coded_{name}": table.coded[name] for name in CODED}
    for name in LISTED:
        arrays |= {f"rows_{name}": table.listed[name].rows, f"codes_{name}": table.listed[name].codes}
    with suppress(OSError), replacing(file_of(database), durable=False) as file:
        np.savez(file, about=np.frombuffer(about, np.uint8), **arrays)


def read(database: Path | None) -> tuple[Table | None, Position]:
    """The table, and how far the log went then; none where there is no sound one."""
    if database is None:
        return None, NOWHERE
    try:
        with np.load(io.BytesIO(file_of(database).read_bytes()), allow_pickle=False) as arrays:
            about = json.loads(arrays["about"].tobytes())
            if about["form"] != FORM:
                return None, NOWHERE
            table = _table(arrays, {name: Codes(words) for name, words in about["words"].items()})
        return (table, Position(*about["seen"])) if _sound(table) else (None, NOWHERE)
    except (OSError, ValueError, KeyError, TypeError, IndexError, EOFError, zipfile.BadZipFile):
        return None, NOWHERE


def _table(arrays: Any, codes: dict[str, Codes]) -> Table:
    return Table(
        **{name: arrays[name] for name in PLAIN},
        coded={name: arrays[f"coded_{name}"] for name in CODED},
        listed={name: Pairs(arrays[f"rows_{name}"], arrays[f"codes_{name}"]) for name in LISTED},
        codes=codes,
    )


def _sound(table: Table) -> bool:
    """Whether every column is as long, every code has its word, and the order is right."""
    size = len(table)
    empty = build([], {}, new_codes())
    return (
        all(column.shape == (size,) for column in _columns(table))
        and [column.dtype for column in _columns(table)] == [column.dtype for column in _columns(empty)]
        and bool((table.number[1:] > table.number[:-1]).all())
        and all(_within(table.coded[name], len(table.codes[name].words)) for name in CODED)
        and all(_within(table.listed[name].codes, len(table.codes[name].words)) for name in LISTED)
        and all(_within(pairs.rows, size) and len(pairs.rows) == len(pairs.codes) for pairs in table.listed.values())
    )


def _columns(table: Table) -> list[Any]:
    return [getattr(table, name) for name in PLAIN] + [table.coded[name] for name in CODED]


def _within(places: Any, size: int) -> bool:
    return not len(places) or bool(places.min() >= 0 and places.max() < size)
