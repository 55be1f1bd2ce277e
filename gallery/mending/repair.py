"""What is wrong with an SQLite database file, and setting a bad one aside so that a new one can be built.

The file is looked at before the studio opens it: a damaged one cannot be opened the usual way.
"""

import re
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from gallery.atomic import sync_folder
from gallery.errors import DatabaseDamaged, storage_error

SIDECARS = ("-wal", "-shm", "-journal")  # SQLite would apply them to any database of that name
BUSY_SECONDS = 10.0
GONE, EMPTY = "is gone", "is empty"
_TABLES = {"images", "images_text", "jobs", "alembic_version"}
_ONE_ROWS_FAULT = re.compile(r"(NULL|NUMERIC|TEXT|non-\w+) value in ")  # mended row by row, no reason to stop the rest
_MOST_FAULTS = 100
_NO_DAMAGE = ("locked", "unable to open", "readonly", "busy")  # somebody else's turn, or rights: said when it is opened


def fault(file: Path) -> str | None:
    """What speaks against using a database file, as the end of a sentence about it; None where nothing does.

    The whole file is read: SQLite's `integrity_check` and the tables that must be there.
    """
    if not file.exists():
        return GONE
    if not file.is_file():
        return "is a folder or another thing in place of a file"
    if file.stat().st_size == 0:
        return EMPTY
    if not _begins_as_a_database(file):
        return "is damaged (file is not a database)"
    try:
        with closing(connect(file)) as connection:
            return _fault_inside(connection)
    except sqlite3.DatabaseError as error:
        if any(word in str(error) for word in _NO_DAMAGE):
            return None
        return f"is damaged ({error})"


def fault_of_copy(file: Path) -> str | None:
    """As `fault`, without opening the file itself: SQLite changes what it opens where a journal lies beside it."""
    if not file.is_file() or not any(path.exists() for path in with_sidecars(file)[1:]):
        return fault(file)
    with TemporaryDirectory(dir=file.parent, prefix=".check-") as folder:
        for path in filter(Path.is_file, with_sidecars(file)):
            shutil.copyfile(path, Path(folder) / path.name)
        return fault(Path(folder) / file.name)


def require_usable(file: Path) -> None:
    """Stop before a damaged database is used. One that is gone or empty is no damage: a new studio begins so.

    Raises:
        DatabaseDamaged: with what to do.
    """
    found = fault(file)
    if found is not None and not nothing_in(found):
        raise DatabaseDamaged(unusable(file, found))


def unusable(file: Path, found: str) -> str:
    """The text about a database that cannot be used."""
    return (
        f"The database {file} {found}. Your pictures are safe, and nothing was changed. Stop the studio, then "
        "run `python -m engine gallery restore` to see the snapshots of the database and put one back (pictures and "
        "jobs), or `python -m engine gallery check --rebuild` to build it anew from the newest sound snapshot and the "
        "picture files; the damaged file is kept under another name. Then start the studio again."
    )


def nothing_in(found: str) -> bool:
    """Whether a fault is that there is no database yet."""
    return found in (GONE, EMPTY)


def set_aside(file: Path) -> Path | None:
    """Rename what lies under the database's name and beside it; nobody may have it open.

    Returns:
        Where it is now, such as `studio.sqlite3.damaged-20261128T081144Z`; None where nothing was there.

    Raises:
        StorageFailed: it cannot be renamed.
    """
    aside = _free_name(file)
    moved = [path for path in with_sidecars(file) if path.exists() or path.is_symlink()]
    try:
        for path in reversed(moved):  # the database last: without its journal it is worth less
            path.rename(aside.with_name(aside.name + path.name.removeprefix(file.name)))
        if moved:
            sync_folder(file.parent)
    except OSError as error:
        raise storage_error(error, file.parent) from error
    return aside if moved else None


def with_sidecars(file: Path) -> list[Path]:
    """The database and what SQLite keeps beside it."""
    return [file, *(file.with_name(file.name + suffix) for suffix in SIDECARS)]


def connect(file: Path) -> sqlite3.Connection:
    """A connection to a file that is there; none is made."""
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True, timeout=BUSY_SECONDS)


def _begins_as_a_database(file: Path) -> bool:
    try:
        with file.open("rb") as start:
            return start.read(16) == b"SQLite format 3\0"
    except PermissionError:  # said when it is opened
        return True


def _fault_inside(connection: sqlite3.Connection) -> str | None:
    connection.text_factory = bytes  # broken text is no reason to stop
    found = _texts(connection, f"PRAGMA integrity_check({_MOST_FAULTS})")
    bad = [line for line in found if line != "ok" and not _ONE_ROWS_FAULT.search(line)]
    if bad:
        return f"is damaged ({bad[0].splitlines()[-1]})"
    tables = set(_texts(connection, "SELECT name FROM sqlite_master WHERE type = 'table'"))
    if not tables:
        return EMPTY
    if missing := sorted(_TABLES - tables):
        return f"is not the studio's, or damaged (it has no table {', '.join(missing)})"
    if connection.execute("SELECT count(*) FROM alembic_version").fetchone() != (1,):
        return "is damaged (the version of its tables is not in it)"
    return None


def _texts(connection: sqlite3.Connection, query: str) -> list[str]:
    return [bytes(row[0]).decode("utf-8", "replace") for row in connection.execute(query)]


def _free_name(file: Path) -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    aside = file.with_name(f"{file.name}.damaged-{stamp}Z")
    number = 1
    while any(path.exists() for path in with_sidecars(aside)):
        aside, number = file.with_name(f"{file.name}.damaged-{stamp}-{number}Z"), number + 1
    return aside
