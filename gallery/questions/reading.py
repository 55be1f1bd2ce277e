"""Keeps the table of questions in step with the database, by the log that its triggers write."""

import json
import threading
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from gallery.database import Database
from gallery.ids import is_id
from gallery.questions import kept_table
from gallery.questions.kept_table import NOWHERE, Position
from gallery.questions.table import Table, build, new_codes, numbers_of, renewed

MOST_RENEWED = 10_000  # changed images that are read one by one; above that all are read again
LEAST_KEPT = 5_000  # pictures; fewer are read from the database as quickly as from a file
_MOST_BEHIND = 500  # changes that the kept file may be behind

# Values of other types than the column's, which SQLite may hold, are taken as numbers here and as no words. Its texts
# come as bytes: each of 100,000 would be decoded by a function of ours, and few of them are different.
_COLUMNS = """
    number, {owner}, deleted_at IS NULL, {kind}, {model}, {sampler}, CAST(seed AS BIGINT), CAST(width AS BIGINT),
    CAST(height AS BIGINT), CASE WHEN favourite THEN 1 ELSE 0 END,
    CASE WHEN rating BETWEEN 1 AND 5 THEN rating ELSE 0 END, {stack}, {colours},
    CASE WHEN commercial_use THEN 1 ELSE 0 END
"""
_WORDS = ("owner", "kind", "model", "sampler", "stack", "colours")
_LISTS = {"loras": ("image_loras", "name"), "tags": ("image_tags", "tag"), "boards": ("board_images", "board_id")}


class Changes(NamedTuple):
    """What the log has that is new.

    Attributes:
        image_ids: of the images that changed.
        titles: whether other words may be found.
    """

    image_ids: list[str]
    titles: bool


class Reading:
    """The newest table; safe to share between threads."""

    def __init__(self, database: Database):
        self._database = database
        self._lock = threading.Lock()
        self._table: Table | None = None
        self._seen = NOWHERE
        self._kept = NOWHERE

    def table(self, session: Session) -> Table:
        """As the database is now. The first call, and one after many changes, reads every image."""
        with self._lock:
            if self._table is None:
                self._table, self._seen = kept_table.read(self._database.file)
                self._kept = self._seen
            end, changes = news(session, self._seen, self._database.is_sqlite)
            if self._table is None or changes is None:
                self._table = _read_all(session, self._database.is_sqlite)
                self._seen = end
                self._keep()
            elif changes.image_ids or changes.titles:
                self._table = _renew(session, self._table, changes, self._database.is_sqlite)
            self._seen = end
            return self._table

    def keep(self) -> None:
        """Write the table beside the database, where what lies there is far behind; see `kept_table`."""
        with self._lock:
            if self._seen.seq - self._kept.seq > _MOST_BEHIND:
                self._keep()

    def _keep(self) -> None:
        if self._table is not None and len(self._table) >= LEAST_KEPT:
            kept_table.write(self._database.file, self._table, self._seen)
            self._kept = self._seen


def news(session: Session, seen: Position, sqlite: bool) -> tuple[Position, Changes | None]:
    """How far the log of changes goes, and what changed since it was read up to `seen`; None where it does not say.

    It says so where the last entry that was read is still there. Only the oldest are cleared away; and a number of
    another history, as in a snapshot that was put back, has another token.
    """
    log = _sqlite_log if sqlite else _postgresql_log
    end, known, newer, since = log(session, seen)
    if not known:
        return end, None
    if end == seen:
        return end, Changes([], False)
    rows = session.execute(text(newer), {"since": since, "most": MOST_RENEWED + 1}).all()
    if len(rows) > MOST_RENEWED:
        return end, None
    return end, Changes([row[0] for row in rows if is_id(row[0])], any(row[1] for row in rows))


def _sqlite_log(session: Session, seen: Position) -> tuple[Position, bool, str, Any]:
    ends = text(
        "SELECT seq, token, (SELECT token FROM image_changes WHERE seq = :seen) FROM image_changes "
        "ORDER BY seq DESC LIMIT 1"
    )
    seq, token, now = session.execute(ends, {"seen": seen.seq}).one_or_none() or (0, 0, None)
    newer = "SELECT image_id, max(titles) FROM image_changes WHERE seq > :since GROUP BY image_id LIMIT :most"
    return Position(seq, token), now is not None and now == seen.token, newer, seen.seq


def _postgresql_log(session: Session, seen: Position) -> tuple[Position, bool, str, Any]:
    """By transactions: those before the oldest that is still open have all ended, so each is met at least once."""
    ends = text(
        "SELECT seq, token, pg_snapshot_xmin(pg_current_snapshot())::text::bigint, "
        "(SELECT token FROM image_changes WHERE seq = :seen), "
        "(SELECT transaction::text::bigint FROM image_changes ORDER BY transaction LIMIT 1) "
        "FROM image_changes ORDER BY seq DESC LIMIT 1"
    )
    row = session.execute(ends, {"seen": seen.seq}).one_or_none() or (0, 0, 0, None, None)
    seq, token, xmin, now, first = row
    newer = (
        "SELECT image_id, bool_or(titles) FROM image_changes WHERE transaction >= CAST(CAST(:since AS text) AS xid8) "
        "GROUP BY image_id LIMIT :most"
    )
    known = now is not None and now == seen.token and first is not None and first <= seen.transaction <= xmin
    return Position(seq, token, xmin), known, newer, str(seen.transaction)


def _read_all(session: Session, sqlite: bool) -> Table:
    rows = plain_rows(session, f"SELECT {_columns(sqlite)} FROM images ORDER BY number")
    listed = {name: plain_rows(session, _listed(table, value, sqlite)) for name, (table, value) in _LISTS.items()}
    return build(rows, listed, new_codes())


def _renew(session: Session, old: Table, changes: Changes, sqlite: bool) -> Table:
    titles = object() if changes.titles else old.titles
    these, given = among(changes.image_ids, sqlite)
    rows = _changed_rows(session, changes.image_ids, sqlite, these, given)
    listed = {
        name: plain_rows(session, f"{_listed(table, value, sqlite)} WHERE image_id {these}", given)
        for name, (table, value) in _LISTS.items()
    }
    return renewed(old, numbers_of(changes.image_ids), build(rows, listed, old.codes), titles)


def _changed_rows(session: Session, ids: list[str], sqlite: bool, these: str, given: dict[str, Any]) -> Any:
    """On SQLite by the index that has all of it, where no row is missing or damaged: others are found by their ids."""
    if sqlite:
        numbers = {"numbers": json.dumps(numbers_of(ids).tolist())}
        by_index = "images INDEXED BY ix_images_answers WHERE number IN (SELECT value FROM json_each(:numbers))"
        rows = plain_rows(session, f"SELECT {_columns(sqlite)} FROM {by_index} ORDER BY number", numbers)
        if len(rows) == len(ids):
            return rows
    return plain_rows(session, f"SELECT {_columns(sqlite)} FROM images WHERE id {these} ORDER BY number", given)


def among(ids: list[str], sqlite: bool) -> tuple[str, dict[str, Any]]:
    """The end of a condition on a column of ids, however many, and what is given with it."""
    if sqlite:
        return "IN (SELECT value FROM json_each(:ids))", {"ids": json.dumps(ids)}
    return "= ANY(CAST(:ids AS text[]))", {"ids": ids}


def _listed(table: str, value: str, sqlite: bool) -> str:
    return f"SELECT {as_words('image_id', sqlite)}, {as_words(value, sqlite)} FROM {table}"


def _columns(sqlite: bool) -> str:
    return _COLUMNS.format(**{word: as_words(word, sqlite) for word in _WORDS})


def as_words(column: str, sqlite: bool) -> str:
    """A column of texts: on SQLite as bytes, and nothing where something else stands there."""
    return f"CASE WHEN typeof({column}) = 'text' THEN CAST({column} AS BLOB) END" if sqlite else column


def plain_rows(session: Session, statement: str, given: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
    """Plain tuples: a hundred thousand of the library's own rows take twice as long."""
    cursor = session.execute(text(statement), given or {}).cursor  # type: ignore[attr-defined]
    return list(cursor.fetchall())
