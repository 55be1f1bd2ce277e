"""Keeps the table of questions in step with the database, by the log that its triggers write."""

import threading
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from gallery.database import Database
from gallery.ids import is_id, number_of
from gallery.questions.table import LISTED, Line, Table, build, new_codes, renewed
from gallery.schema import BoardImage, ImageLora, ImageTag

MOST_RENEWED = 2000  # changed images that are read one by one; above that all are read again
_BATCH = 500

# Values of other types than the column's, which SQLite may hold, are taken as numbers here and as no words.
_LINES = """
    SELECT number, owner, deleted_at IS NULL, kind, model, sampler, CAST(seed AS BIGINT), CAST(width AS BIGINT),
    CAST(height AS BIGINT), CASE WHEN favourite THEN 1 ELSE 0 END,
    CASE WHEN rating BETWEEN 1 AND 5 THEN rating ELSE 0 END, stack FROM images
"""
_VALUES: dict[str, tuple[Any, Any]] = {
    "loras": (ImageLora, ImageLora.name),
    "tags": (ImageTag, ImageTag.tag),
    "boards": (BoardImage, BoardImage.board_id),
}
_MOST_PIXELS = 2**31


class Reading:
    """The newest table; safe to share between threads."""

    def __init__(self, database: Database):
        self._database = database
        self._lock = threading.Lock()
        self._table: Table | None = None
        self._seen = 0

    def table(self, session: Session) -> Table:
        """As the database is now. The first call, and one after many changes, reads every image."""
        with self._lock:
            seen, changed = self._changes(session)
            if changed is None or self._table is None:
                self._table = _read_all(session)
            elif changed:
                self._table = _renew(session, self._table, changed)
            self._seen = seen
            return self._table

    def _changes(self, session: Session) -> tuple[int, set[str] | None]:
        """How far the log goes, and the images that changed since it was read; None where it does not say."""
        log = _sqlite_log if self._database.is_sqlite else _postgresql_log
        end, since = log(session, self._seen)
        if self._table is None or since is None or len(since) > MOST_RENEWED:
            return end, None
        return end, since


def _sqlite_log(session: Session, seen: int) -> tuple[int, set[str] | None]:
    ends = "SELECT (SELECT min(seq) FROM image_changes), (SELECT max(seq) FROM image_changes)"
    first, end = session.execute(text(ends)).one()
    if end == seen or end is None:
        return end or 0, set() if seen == (end or 0) else None
    if end < seen or first > seen + 1:  # another database, or what is looked for was cleared away
        return end, None
    newer = text("SELECT image_id FROM image_changes WHERE seq > :seen LIMIT :most")
    return end, _ids(session.execute(newer, {"seen": seen, "most": 10 * MOST_RENEWED}))


def _postgresql_log(session: Session, seen: int) -> tuple[int, set[str] | None]:
    """By transactions: those before the oldest that is still open have all ended, so each is met at least once."""
    end = int(session.scalar(text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")) or 0)
    first = session.scalar(text("SELECT min(transaction::text::bigint) FROM image_changes"))
    if end < seen or (first is not None and int(first) > seen and seen == 0):
        return end, None
    newer = text(
        "SELECT DISTINCT image_id FROM image_changes WHERE transaction >= CAST(CAST(:seen AS text) AS xid8) LIMIT :most"
    )
    return end, _ids(session.execute(newer, {"seen": str(seen), "most": 10 * MOST_RENEWED}))


def _ids(rows: Iterable[Any]) -> set[str]:
    return {row[0] for row in rows if is_id(row[0])}


def _read_all(session: Session) -> Table:
    lines = _lines(_rows(session, _LINES + " ORDER BY number"))
    listed: dict[str, list[tuple[int, str]]] = {}
    for name in LISTED:
        table, value = _VALUES[name]
        listed[name] = _numbered(session.execute(select(table.image_id, value)))
    return build(lines, listed, new_codes())


def _renew(session: Session, old: Table, changed: set[str]) -> Table:
    lines: list[Line] = []
    listed: dict[str, list[tuple[int, str]]] = {name: [] for name in LISTED}
    for some in _some(sorted(changed)):
        names = ", ".join(f":id{at}" for at in range(len(some)))
        given = {f"id{at}": each for at, each in enumerate(some)}
        lines += _lines(session.execute(text(f"{_LINES} WHERE id IN ({names})"), given))
        for name in LISTED:
            table, value = _VALUES[name]
            listed[name] += _numbered(session.execute(select(table.image_id, value).where(table.image_id.in_(some))))
    lines.sort()
    return renewed(old, [number_of(each) for each in changed], build(lines, listed, old.codes))


def _numbered(rows: Iterable[Any]) -> list[tuple[int, str]]:
    return [(number_of(image_id), _word(value)) for image_id, value in rows if is_id(image_id)]


def _rows(session: Session, statement: str) -> list[tuple[Any, ...]]:
    """Plain tuples: a hundred thousand of the library's own rows take twice as long."""
    cursor = session.execute(text(statement)).cursor  # type: ignore[attr-defined]
    return list(cursor.fetchall())


def _lines(rows: Iterable[Any]) -> list[Line]:
    """Without rows whose number is damaged: they have no place in any order, and must not keep the others from one."""
    return [_line(row) for row in rows if isinstance(row[0], int)]


def _line(row: Iterable[Any]) -> Line:
    number, owner, live, kind, model, sampler, seed, width, height, favourite, rating, stack = row
    return Line(
        number, _word(owner), bool(live), _word(kind), _word(model), _word(sampler), seed,
        min(width or 0, _MOST_PIXELS), min(height or 0, _MOST_PIXELS), bool(favourite), rating, _word(stack),
    )  # fmt: skip


def _word(value: object) -> str:
    return value if isinstance(value, str) else ""


def _some(ids: list[str]) -> Iterator[list[str]]:
    return (ids[at : at + _BATCH] for at in range(0, len(ids), _BATCH))
