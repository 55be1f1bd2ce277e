"""Brings a database to the newest schema: one process at a time, with a snapshot before."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from filelock import FileLock
from sqlalchemy import Connection, text

from gallery.database import Database
from gallery.errors import GalleryError
from gallery.mending.backups import snapshot

_ADVISORY_LOCK = 0x4E494A49  # any constant; processes of the studio share it on PostgreSQL


def upgrade(
    database: Database,
    config: Config | None = None,
    guard: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> None:
    """Bring the schema to the newest version.

    Args:
        database: of any earlier version, or empty.
        config: where the versions are; None means the ones of this package.
        guard: keeps others away while an earlier schema is changed; entered only where it is.

    Raises:
        GalleryError: the database was written by a newer studio.
    """
    config = config or package_config()
    script = ScriptDirectory.from_config(config)
    with database.engine.connect() as connection:
        current = _current(connection)
    if current == script.get_current_head():
        return  # without a lock: a folder that may only be read holds none
    _refuse_newer(current, script)
    lock = FileLock(f"{database.file}.migrate.lock") if database.file else nullcontext()
    with guard() if current else nullcontext(), lock:
        _upgrade(database, config, script)


def _upgrade(database: Database, config: Config, script: ScriptDirectory) -> None:
    with database.engine.connect() as connection:
        current = _current(connection)
        if current == script.get_current_head():
            return
        _refuse_newer(current, script)
        if current and database.file:
            snapshot(database.file, current)
    with database.write() as session:
        connection = session.connection()
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def package_config() -> Config:
    """Alembic's settings for the versions in this package; no alembic.ini is read."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _current(connection: Connection) -> str | None:
    current = MigrationContext.configure(connection).get_current_revision()
    connection.rollback()
    return current


def _refuse_newer(current: str | None, script: ScriptDirectory) -> None:
    known = {revision.revision for revision in script.walk_revisions()}
    if current and current not in known:
        raise GalleryError(
            f"The database has schema version {current!r}; this studio knows up to "
            f"{script.get_current_head()!r}. Update the studio, or restore a snapshot from 'backups'."
        )
