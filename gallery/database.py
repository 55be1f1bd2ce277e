"""The one door to the database: connections, transactions, migrations, the database's clock.

SQLite by default, PostgreSQL for several machines. What only SQLite needs is in this module, in
`gallery.questions` and in the migrations; everything else is the same code on both.
"""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, CursorResult, Engine, Update, create_engine, event, func, make_url, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Session

from gallery.columns import any_text, json_text, json_value
from gallery.errors import (
    DatabaseDamaged,
    GalleryError,
    StorageFailed,
    StorageReadOnly,
    storage_full,
    storage_gone,
    storage_read_only,
)
from gallery.mending.repair import unusable

BUSY_TIMEOUT_MS = 10_000
# SQLite before 3.51.3 can corrupt a WAL database when two connections write and checkpoint at
# the same instant (https://www.sqlite.org/wal.html#walresetbug); a rollback journal cannot.
WAL_IS_SAFE = sqlite3.sqlite_version_info >= (3, 51, 3)
JOURNAL_MODE = "WAL" if WAL_IS_SAFE else "TRUNCATE"


class Base(DeclarativeBase):
    """The tables of the studio."""


class Database:
    """Connections to one database, safe to share between threads but not across a fork.

    Args:
        url: any SQLAlchemy URL; SQLite must be a file, which `migrate` makes where it is missing.

    Raises:
        StorageFailed: the address names no file, or its driver is not installed.
    """

    def __init__(self, url: str):
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.file = _sqlite_file(self.url) if self.is_sqlite else None
        self._may_be_made = False
        self.engine = self._open()
        self._writer = self.engine.execution_options(immediate=True)
        self._watch: Callable[[], int] = _SQLiteWatch(self.engine) if self.is_sqlite else count().__next__

    def migrate(self, guard: Callable[[], AbstractContextManager[object]] = nullcontext) -> None:
        """Bring the schema to the newest version; one process does it while others wait.

        Args:
            guard: keeps others away while an earlier schema is changed; entered only where it is.
        """
        from gallery.migrations.upgrade import upgrade  # alembic is slow to import

        self._may_be_made = True
        try:
            if self.file:
                self.file.parent.mkdir(parents=True, exist_ok=True)
            with self._people_errors():
                upgrade(self, guard=guard)
        finally:
            self._may_be_made = False

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session to read with. Keep it short: on SQLite it holds up writers' commits."""
        with self._people_errors(), Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One write transaction: commits at the end, rolls back on any error.

        On SQLite it takes the write lock at once (BEGIN IMMEDIATE): a transaction that reads
        first and writes later fails as "locked" without waiting.
        """
        with self._people_errors(), Session(self._writer, expire_on_commit=False) as session, session.begin():
            session.connection()  # begin now: sessions wait for their first statement otherwise
            yield session

    def data_version(self) -> int:
        """A number that changes when another connection changed the database; cheap to poll.

        On other databases than SQLite every call gives a new number: "it may have changed".
        """
        return self._watch()

    @property
    def journal_mode(self) -> str:
        """How commits are made durable: `wal` or `truncate`; empty on other databases."""
        if not self.is_sqlite:
            return ""
        with self.engine.connect() as connection:
            return connection.execute(text("PRAGMA journal_mode")).scalar_one()

    def dispose(self) -> None:
        """Close every connection; the next use opens new ones."""
        if isinstance(self._watch, _SQLiteWatch):
            self._watch.close()
        self.engine.dispose()

    @contextmanager
    def _people_errors(self) -> Iterator[None]:
        self._require_file()
        try:
            yield
        except DBAPIError as error:
            plain = _storage_failure(error, self.file)
            if plain is None:
                raise
            if isinstance(plain, StorageReadOnly):
                self.engine.dispose()  # a connection that was opened to read only would stay so
            raise plain from error

    def _open(self) -> Engine:
        try:
            engine = _engine(self.url, self.is_sqlite)
        except ImportError as error:
            raise StorageFailed(
                f"The database {self.url.render_as_string()} needs the driver {error.name!r}, which is not installed. "
                f"Install it into the studio's environment (`pip install {error.name}`), or unset STUDIO_DATABASE_URL "
                "to use SQLite in the studio's folder."
            ) from error
        if self.is_sqlite:
            event.listen(engine, "do_connect", self._before_connecting)
        return engine

    def _require_file(self) -> None:
        """An open file stays readable after it is deleted, and writes to it are lost."""
        if self.file and not self._may_be_made and not self.file.exists():
            raise storage_gone(self.file if self.file.parent.exists() else self.file.parent)

    def _before_connecting(self, _dialect: object, _record: object, _given: object, options: dict[str, Any]) -> Any:
        """SQLite would make a missing file anew, empty, while the studio runs, and reads no log on a read-only disk."""
        assert self.file
        self._require_file()
        if self.file.exists() and not os.access(self.file.parent, os.W_OK) and _has_log(self.file):
            return sqlite3.connect(f"{self.file.as_uri()}?mode=ro&immutable=1", uri=True, **options)
        return None


def now(session: Session) -> float:
    """Unix seconds by the database's clock: the one clock that all processes share."""
    if session.get_bind().dialect.name == "sqlite":
        return session.execute(select((func.julianday("now") - 2440587.5) * 86400.0)).scalar_one()
    return float(session.execute(select(func.extract("epoch", func.clock_timestamp()))).scalar_one())


def changed_rows(session: Session, statement: Update) -> int:
    """Carry out an UPDATE; returns how many rows it changed."""
    result = session.execute(statement)
    assert isinstance(result, CursorResult)  # an UPDATE without RETURNING gives the cursor's own result
    return result.rowcount


class _SQLiteWatch:
    """PRAGMA data_version on one kept connection: it tells that *other* connections wrote."""

    def __init__(self, engine: Engine):
        self._engine = engine
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._seen = 0

    def __call__(self) -> int:
        with self._lock:
            if self._connection is None:
                self._connection = self._open()
            with suppress(sqlite3.OperationalError):  # a commit is in progress: seen next time
                self._seen = self._connection.execute("PRAGMA data_version").fetchone()[0]
            return self._seen

    def _open(self) -> sqlite3.Connection:
        pooled = self._engine.raw_connection()
        pooled.detach()
        connection = pooled.dbapi_connection
        assert isinstance(connection, sqlite3.Connection)
        connection.execute("PRAGMA busy_timeout=50")
        return connection

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None


def _sqlite_file(url: URL) -> Path:
    name = (url.database or "").removeprefix("file:")  # SQLite's own addresses start so
    if name in ("", ":memory:") or url.query.get("mode") == "memory":
        raise StorageFailed(
            f"The database must be a file, because pages and worker are different processes; got {url}, which is in "
            "memory only. Name a file, such as sqlite:///studio.sqlite3, or unset STUDIO_DATABASE_URL."
        )
    return Path(name).resolve()


def _engine(url: URL, is_sqlite: bool) -> Engine:
    if not is_sqlite:
        return create_engine(url, pool_pre_ping=True, json_serializer=json_text, json_deserializer=json_value)
    arguments: dict[str, Any] = {"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False}
    engine = create_engine(url, connect_args=arguments, json_serializer=json_text, json_deserializer=json_value)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.text_factory = any_text
    connection.isolation_level = None  # transactions begin in _begin_sqlite, not behind our back
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    with suppress(sqlite3.OperationalError):  # another process has it open: its mode stays
        connection.execute(f"PRAGMA journal_mode={JOURNAL_MODE}")
    connection.execute("PRAGMA synchronous=FULL")  # NORMAL may lose the last commits at power loss
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA trusted_schema=OFF")


def _begin_sqlite(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _has_log(file: Path) -> bool:
    """Whether the file is in the mode of a write-ahead log, which needs a file beside it also to read."""
    with file.open("rb") as start:
        return start.read(20)[18:] == b"\2\2"  # https://www.sqlite.org/fileformat.html#the_database_header


_OF_A_FILE = ("readonly database", "unable to open database file", "disk I/O error", "no such table")


def _storage_failure(error: DBAPIError, file: Path | None) -> GalleryError | None:
    """The people's text for a full, read-only or failing disk; None for all other errors."""
    if file is None:
        return None
    said = str(error.orig)
    if not file.exists() and any(words in said for words in _OF_A_FILE):
        return storage_gone(file if file.parent.exists() else file.parent)
    if "disk is full" in said:
        return storage_full(file.parent)
    if "readonly database" in said or "unable to open database file" in said:
        return storage_read_only(file.parent)
    if "disk I/O error" in said:
        return StorageFailed(f"The disk failed while the database {file} was used. Check the disk and run it again.")
    if "malformed" in said or "not a database" in said:
        return DatabaseDamaged(unusable(file, f"is damaged ({said})"))
    return None
