"""Pages of the newest, with words or without, by the database alone: it walks an index and stops after one page."""

from sqlalchemy import Select, SQLColumnExpression, func, select
from sqlalchemy.orm import Session

from gallery.database import Database
from gallery.errors import ImageNotFound
from gallery.ids import is_id, number_of
from gallery.questions import fulltext
from gallery.questions.query import Query
from gallery.records import Page, records_of
from gallery.schema import Image


def page(database: Database, query: Query, limit: int, older_than: str | None, newer_than: str | None) -> Page:
    """As `Gallery.page`, for a query with nothing but words, owner and trash."""
    edge = _number(older_than or newer_than)
    statement, key = _statement(database, query)
    with database.read() as session:
        rows, more = _named_neighbours(session, statement, key, edge, bool(newer_than), limit)
        behind = edge is not None and _any_behind(session, statement, key, edge, bool(newer_than))
        found = records_of(session, rows)
    newer, older = (more, behind) if newer_than else (behind, more)
    return Page(found, has_newer=newer, has_older=older)


def count(database: Database, query: Query, at_most: int | None) -> int:
    """How many images such a `page` walks through."""
    statement, key = _statement(database, query)
    counted = statement.with_only_columns(key.label("number")).limit(at_most).subquery()
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(counted)) or 0


def _statement(database: Database, query: Query) -> tuple[Select, SQLColumnExpression]:
    """The wanted images, and the column to page and sort them by."""
    statement = select(Image).where(Image.deleted_at.is_not(None) if query.trash else Image.deleted_at.is_(None))
    statement, key = fulltext.narrow(statement, query.words, database.is_sqlite)
    if query.owner is not None:
        # SQLite would walk all images of an owner and ask the search index about each; an
        # expression keeps it from that index where the search index is there to lead.
        column = Image.owner if key is Image.number else Image.owner.concat("")
        statement = statement.where(column == query.owner)
    return statement, key


def _number(image_id: str | None) -> int | None:
    if image_id is None:
        return None
    if not is_id(image_id):
        raise ImageNotFound(image_id)
    return number_of(image_id)


def _named_neighbours(
    session: Session, statement: Select, key: SQLColumnExpression, edge: int | None, newer: bool, limit: int
) -> tuple[list[Image], bool]:
    """As `_neighbours`, without rows that name no file because their id cannot be read; `renew` takes those out."""
    rows, more = _neighbours(session, statement, key, edge, newer, limit)
    named = [row for row in rows if row is not None and is_id(row.id)]
    if named or not more or rows[-1 if not newer else 0] is None:
        return named, more and bool(named)
    return _named_neighbours(session, statement, key, rows[0 if newer else -1].number, newer, limit)


def _neighbours(
    session: Session, statement: Select, key: SQLColumnExpression, edge: int | None, newer: bool, limit: int
) -> tuple[list[Image], bool]:
    """The `limit` rows next to `edge`, newest first, and whether more lie beyond them."""
    if edge is not None:
        statement = statement.where(key > edge if newer else key < edge)
    statement = statement.order_by(key.asc() if newer else key.desc()).limit(limit + 1)
    rows = list(session.scalars(statement))
    kept = rows[:limit]
    return (kept[::-1] if newer else kept), len(rows) > limit


def _any_behind(session: Session, statement: Select, key: SQLColumnExpression, edge: int, newer: bool) -> bool:
    """Whether a row lies on the other side of `edge`, or is the edge itself."""
    beyond = statement.with_only_columns(key).where(key <= edge if newer else key >= edge)
    return session.scalar(beyond.limit(1)) is not None
