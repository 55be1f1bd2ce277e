"""Near duplicates: groups of pictures that are the same but for scale, compression or a touch, by their hashes."""

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
from sqlalchemy import BigInteger, literal_column, select
from sqlalchemy.orm import Session

from gallery.database import Database
from gallery.looks.hashing import BITS, bits_apart
from gallery.records import ImageRecord, records_of
from gallery.schema import Image

NEAR = 6  # bits: scaled, compressed or touched up; pictures that have nothing to do with each other are about 32 apart
_MOST_PAIRS = 4_000_000  # of one bucket at a time


def near_duplicates(database: Database, owner: str | None, within: int = NEAR) -> list[list[int]]:
    """Numbers of pictures (`gallery.ids.number_of`) in groups that look the same, newest group first.

    Args:
        within: bits that two of them may differ in, 0 to 7; a chain of such pairs is one group.
    """
    with database.read() as session:
        numbers, hashes = _hashes(session, owner)
    groups: dict[int, list[int]] = {}
    for place, label in enumerate(_labels(hashes, within)):
        groups.setdefault(int(label), []).append(int(numbers[place]))
    several = (sorted(group, reverse=True) for group in groups.values() if len(group) > 1)
    return sorted(several, reverse=True)


def records(database: Database, numbers: Iterable[int], owner: str | None) -> tuple[ImageRecord, ...]:
    """The pictures of these numbers in that order, without those that went meanwhile."""
    with database.read() as session:
        return tuple(each for each in records_of_numbers(session, list(numbers)) if owner in (None, each.owner))


def _hashes(session: Session, owner: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Numbers and hashes of all live pictures, newest first; read as they stand, since there may be 100,000."""
    number, value = literal_column("images.number", BigInteger), literal_column("images.phash", BigInteger)
    statement = select(number, value).select_from(Image).where(Image.deleted_at.is_(None), value.is_not(None))
    if owner is not None:
        statement = statement.where(Image.owner == owner)
    raw = session.execute(statement.order_by(Image.number.desc())).all()
    sound = [(one, two) for one, two in raw if isinstance(one, int) and isinstance(two, int)]
    table = np.array(sound, np.int64).reshape(-1, 2)
    return np.ascontiguousarray(table[:, 0]), np.ascontiguousarray(table[:, 1])


def records_of_numbers(session: Session, numbers: list[int]) -> list[ImageRecord]:
    """The pictures of these numbers in that order, none of the trash."""
    rows = session.scalars(select(Image).where(Image.number.in_(numbers), Image.deleted_at.is_(None)))
    order = {number: place for place, number in enumerate(numbers)}
    return list(records_of(session, sorted(rows, key=lambda row: order[row.number])))


def _labels(hashes: np.ndarray, within: int) -> np.ndarray:
    """A group's number for each hash.

    Bits are dealt to one more band than may differ, so two that are near have one band in common, and only those that
    share one are compared.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    # Of thousands of the same hash, such as plain ones, the pairs alone would fill the memory.
    hashes, place = np.unique(hashes, return_inverse=True)
    edges = np.linspace(0, BITS, within + 2).astype(int)
    bits = hashes.view(np.uint64)
    bands = [(bits >> np.uint64(low)) & np.uint64(2 ** (high - low) - 1) for low, high in pairwise(edges.tolist())]
    found = [_near_pairs(hashes, band, within) for band in bands]
    first, second = (np.concatenate([pair[side] for pair in found]) for side in (0, 1))
    links = coo_array((np.ones(len(first), np.int8), (first, second)), shape=(len(hashes), len(hashes)))
    return connected_components(links, directed=False)[1][place]


def _near_pairs(hashes: np.ndarray, band: np.ndarray, within: int) -> tuple[np.ndarray, np.ndarray]:
    """Places of pairs that share this band and are near."""
    none = np.zeros(0, np.intp)
    first, second = [none], [none]
    order = np.argsort(band, kind="stable")
    for bucket in np.split(order, np.flatnonzero(np.diff(band[order])) + 1):
        rows = max(1, _MOST_PAIRS // max(1, len(bucket)))
        for begin in range(0, len(bucket), rows):
            some = bucket[begin : begin + rows]
            one, two = np.nonzero(bits_apart(hashes[some][:, None], hashes[bucket][None]) <= within)
            first.append(some[one])
            second.append(bucket[two])
    return np.concatenate(first), np.concatenate(second)
