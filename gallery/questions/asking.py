"""Questions of any kind, answered from the table in memory, and the pictures that are shown read from the database."""

import threading
from collections import OrderedDict

from sqlalchemy import select
from sqlalchemy.orm import Session

from gallery.database import Database
from gallery.errors import ImageNotFound
from gallery.ids import is_id
from gallery.questions import answers, fulltext
from gallery.questions.answers import Given
from gallery.questions.query import Facets, Query
from gallery.questions.reading import LEAST_KEPT, Reading
from gallery.questions.table import Numbers, Table
from gallery.records import Page, records_of
from gallery.schema import Image, ImageParent

_BATCH = 5000
_MOST_WORDS = 48  # searches whose pictures are kept, up to 0.8 MB each with 100,000
_MOST_COMMON = 16


class Questions:
    """Safe to share between threads."""

    def __init__(self, database: Database):
        self._reading = Reading(database)
        self._lock = threading.Lock()
        self._words: OrderedDict[tuple[str, ...], Numbers] = OrderedDict()
        self._words_of: object = None

    def page(self, database: Database, query: Query, limit: int, after: str | None, before: str | None) -> Page:
        """As `Gallery.page`."""
        for edge in (after, before):
            if edge is not None and not is_id(edge):
                raise ImageNotFound(edge)
        with database.read() as session:
            table, given = self._ask(session, query)
            found = answers.neighbours(table, query, given, limit, after, before)
            rows = {row.number: row for row in session.scalars(select(Image).where(Image.number.in_(found.numbers)))}
            named = [number for number in found.numbers if number in rows and is_id(rows[number].id)]
            images = records_of(session, [rows[number] for number in named])
        counts = dict(zip(found.numbers, found.stacked, strict=True))
        stacked = {rows[number].id: counts[number] for number in named} if query.fold else {}
        return Page(images, has_newer=found.before, has_older=found.after, stacked=stacked)

    def count(self, database: Database, query: Query) -> int:
        """As `Gallery.count`."""
        with database.read() as session:
            return answers.count(*self._about(session, query))

    def ids(self, database: Database, query: Query, at_most: int) -> tuple[str, ...]:
        """As `Gallery.ids`."""
        with database.read() as session:
            table, given = self._ask(session, query)
            numbers = answers.numbers_of(table, query, given, at_most)
            known: dict[int, str] = {}
            for start in range(0, len(numbers), _BATCH):
                wanted = Image.number.in_(numbers[start : start + _BATCH])
                known |= {row.number: row.id for row in session.execute(select(Image.number, Image.id).where(wanted))}
        return tuple(known[number] for number in numbers if is_id(known.get(number)))

    def facets(self, database: Database, query: Query) -> Facets:
        """As `Gallery.facets`."""
        with database.read() as session:
            return answers.facets(*self._about(session, query))

    def warm(self, database: Database) -> None:
        """Read the table before anybody asks, and look for the commonest words; keep it for other starts."""
        with database.read() as session:
            table = self.table(session)
            for word in fulltext.common(session, len(table) // 4)[:_MOST_COMMON] if len(table) >= LEAST_KEPT else ():
                self._with_words(session, table, word)
        self._reading.keep()

    def table(self, session: Session) -> Table:
        """What is asked about, of every image, as the database is now."""
        return self._reading.table(session)

    def _about(self, session: Session, query: Query) -> tuple[Table, Query, Given]:
        table, given = self._ask(session, query)
        return table, query, given

    def _ask(self, session: Session, query: Query) -> tuple[Table, Given]:
        table = self.table(session)
        words = self._with_words(session, table, query.words) if fulltext.asks(query.words) else None
        children = None
        if query.parent is not None:
            named = select(Image.number).join(ImageParent, ImageParent.child_id == Image.id)
            children = table.rows_of(list(session.scalars(named.where(ImageParent.parent_id == query.parent))))
        return table, Given(words, children)

    def _with_words(self, session: Session, table: Table, words: str) -> Numbers:
        """Kept until a title changes: the counts beside the filters ask for the same words as the page."""
        key = fulltext.key(words)
        with self._lock:
            if self._words_of is not table.titles:
                self._words.clear()
                self._words_of = table.titles
            if key in self._words:
                self._words.move_to_end(key)
                return self._words[key]
        rows = table.rows_of(fulltext.numbers(session, words))
        with self._lock:
            if self._words_of is table.titles:
                self._words[key] = rows
                if len(self._words) > _MOST_WORDS:
                    self._words.popitem(last=False)
        return rows
