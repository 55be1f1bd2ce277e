"""More like one picture: the nearest by their features, which lie in memory, 200 bytes of each picture.

They are read whole once, and renewed by the gallery's log of changes before each answer. A picture's features never
change; which pictures are there, and whose, is said by the table of questions.
"""

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from gallery.database import Database
from gallery.ids import number_of
from gallery.looks.features import LENGTH
from gallery.looks.similar import records_of_numbers
from gallery.questions.kept_table import NOWHERE
from gallery.questions.reading import among, as_words, news, plain_rows
from gallery.questions.table import Mask, Numbers, Table, numbers_of
from gallery.records import ImageRecord

if TYPE_CHECKING:
    from gallery.questions.asking import Questions

ALIKE = 0.5  # cosine; of pictures that have nothing to do with each other nine in ten pairs are below
_AT_ONCE = 1024  # rows that are made numbers with fractions at a time: they stay in the processor's cache
_Scores = NDArray[np.float32]


@dataclass(frozen=True)
class Known:
    """The features of all pictures that were looked at, also of some that are gone.

    Attributes:
        number: of each, sorted.
        features: (N, LENGTH) int8.
        scale: one by the length of each as a vector; 0 for one that cannot be read, which is like nothing.
    """

    number: Numbers
    features: NDArray[np.int8]
    scale: _Scores


class _Standing(NamedTuple):
    """Where the rows of `known` are in a table with these numbers, -1 for none."""

    number: Numbers
    known: Known
    rows: Numbers


class Likeness:
    """Safe to share between threads."""

    def __init__(self, questions: "Questions"):
        self._questions = questions
        self._lock = threading.Lock()
        self._known: Known | None = None
        self._seen = NOWHERE
        self._standing: _Standing | None = None

    def warm(self, database: Database) -> None:
        """Read the features before anybody asks."""
        with database.read() as session:
            self._renewed(session, database.is_sqlite)

    def more_like(
        self, database: Database, record: ImageRecord, owner: str | None, most: int
    ) -> tuple[ImageRecord, ...] | None:
        """As `Gallery.more_like`."""
        with database.read() as session:
            table = self._questions.table(session)
            known = self._renewed(session, database.is_sqlite)
            own = _place_of(known, number_of(record.id))
            if own is None:
                return None
            scores = _cosines(known, own)
            scores[~self._there(table, known, owner)] = -1
            scores[own] = -1
            numbers = [int(known.number[place]) for place in _best(scores, most)]
            return tuple(records_of_numbers(session, numbers))

    def _renewed(self, session: Session, sqlite: bool) -> Known:
        with self._lock:
            end, changes = news(session, self._seen, sqlite)
            if self._known is None or changes is None:
                self._known = _known(_rows(session, sqlite))
            elif changes.image_ids:
                self._known = _with_new(session, self._known, changes.image_ids, sqlite)
            self._seen = end
            return self._known

    def _there(self, table: Table, known: Known, owner: str | None) -> Mask:
        """Which of the known pictures are neither gone nor in the trash, and the owner's."""
        standing = self._standing
        if standing is None or standing.number is not table.number or standing.known is not known:
            standing = self._standing = _Standing(table.number, known, table.places_of(known.number))
        fine = table.live
        if owner is not None:
            codes = table.codes["owner"].known([owner])
            fine = fine & np.isin(table.coded["owner"], codes)
        return (standing.rows >= 0) & (fine[standing.rows] if len(fine) else False)


def _rows(session: Session, sqlite: bool, where: str = "", given: dict[str, Any] | None = None) -> Any:
    """Id and features as the database has them: the table's own types would look at each of 100,000 values."""
    columns = f"{as_words('image_id', sqlite)}, features"
    return plain_rows(session, f"SELECT {columns} FROM image_features {where}", given)


def _known(rows: Any) -> Known:
    """Of (image id, features). One of another length, as of a damaged row, is like nothing."""
    numbers = numbers_of([row[0] for row in rows])
    blank = bytes(LENGTH)
    sound = [each if isinstance(each, bytes) and len(each) == LENGTH else blank for _, each in rows]
    features = np.frombuffer(b"".join(sound), np.int8).reshape(-1, LENGTH)
    order = np.argsort(numbers, kind="stable")
    order = order[numbers[order] >= 0]
    return _measured(numbers[order], features[order])


def _measured(number: Numbers, features: NDArray[np.int8]) -> Known:
    squares = np.zeros(len(number), np.float32)
    for at in range(0, len(number), _AT_ONCE):
        some = features[at : at + _AT_ONCE].astype(np.float32)
        squares[at : at + _AT_ONCE] = np.einsum("ij,ij->i", some, some)
    scale = np.divide(1, np.sqrt(squares), out=np.zeros_like(squares), where=squares > 0)
    return Known(number, features, scale)


def _with_new(session: Session, old: Known, image_ids: list[str], sqlite: bool) -> Known:
    """With those that are not known yet: features never change."""
    numbers = numbers_of(image_ids)
    places = np.searchsorted(old.number, numbers)
    known = [place < len(old.number) and old.number[place] == of for place, of in zip(places, numbers, strict=True)]
    new = [image_id for image_id, there in zip(image_ids, known, strict=True) if not there]
    these, given = among(new, sqlite)
    rows = _rows(session, sqlite, f"WHERE image_id {these}", given) if new else []
    if not rows:
        return old
    more = _known(rows)
    at = np.searchsorted(old.number, more.number)
    return Known(
        np.insert(old.number, at, more.number),
        np.insert(old.features, at, more.features, axis=0),
        np.insert(old.scale, at, more.scale),
    )


def _place_of(known: Known, number: int) -> int | None:
    """Where a picture is; None where nobody looked at it yet, or it could not be read."""
    place = int(np.searchsorted(known.number, number))
    there = place < len(known.number) and known.number[place] == number and known.scale[place] > 0
    return place if there else None


def _cosines(known: Known, own: int) -> _Scores:
    """Of each with one of them. Whole numbers have no fast product, so some at a time are made others."""
    one = known.features[own].astype(np.float32) * known.scale[own]
    scores = np.empty(len(known.number), np.float32)
    room = np.empty((_AT_ONCE, LENGTH), np.float32)
    for at in range(0, len(scores), _AT_ONCE):
        some = known.features[at : at + _AT_ONCE]
        np.copyto(room[: len(some)], some)
        np.matmul(room[: len(some)], one, out=scores[at : at + len(some)])
    return scores * known.scale


def _best(scores: _Scores, most: int) -> Numbers:
    """The places of the largest that are large enough, the newest first among equal ones."""
    fine = np.flatnonzero(scores >= ALIKE)
    if len(fine) > most:
        least = np.partition(scores[fine], -most)[-most]
        fine = fine[scores[fine] >= least]
    return fine[::-1][np.argsort(-scores[fine[::-1]], kind="stable")][:most]
