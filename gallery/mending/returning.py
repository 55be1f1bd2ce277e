"""What only snapshots know, brought back beside what is there; and what they know too well, left out.

The jobs of a database that was lost come back from the snapshots, and the trash and the artist's marks. A snapshot that
was put back also has rows of pictures that were deleted for good after it: those do not come back.
"""

import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import select, text

from gallery import filing
from gallery.database import Database
from gallery.errors import StorageFailed, storage_error
from gallery.files import ImageFiles
from gallery.ids import is_id
from gallery.maintenance import batches
from gallery.mending import backups, marked, repair
from gallery.mending.backups import Snapshot
from gallery.schema import Image


def take_back_jobs(database: Database) -> int:
    """Insert every job of the sound snapshots that is not there, as the newest of them has it; returns how many.

    None that is there is changed. What had not ended then comes back as cancelled: it can be asked for again, but must
    not begin by itself, for nobody knows whether it ended later, or belongs to a time that was left.

    Raises:
        StorageFailed: the disk did not take it, or a snapshot cannot be read.
    """
    file = database.file
    if file is None:
        return 0
    return sum(_copy_jobs(file, snapshot.path) for snapshot in _sound(file) if _unknown_jobs(file, snapshot.path))


def take_back_marks(database: Database, image_ids: Iterable[str]) -> int:
    """Give these images what the newest snapshot that knows them has of the artist's: the trash, marks and boards.

    With them comes whose they are, which no file says. Returns how many went into the trash.

    Raises:
        StorageFailed: the disk did not take it, or a snapshot cannot be read.
    """
    file, left = database.file, set(image_ids)
    deleted = 0
    for snapshot in _sound(file) if file and left else ():
        known = [row for row in _rows(snapshot.path) if row["id"] in left]
        ids = {row["id"] for row in known}
        left -= ids
        deleted += sum(row["deleted_at"] is not None for row in known)
        if known:
            with _said(snapshot.path):
                marks = marked.read(snapshot.path, ids)
            with database.write() as session:
                session.execute(
                    text("UPDATE images SET owner = :owner, deleted_at = :deleted_at WHERE id = :id"), known
                )
                marked.put(session, marks)
    return deleted


def forget_deleted_for_good(database: Database, files: ImageFiles, base: Snapshot, aside: Path | None) -> int:
    """Take those rows of a snapshot that was just put back out again whose pictures were deleted for good after it.

    Their files are gone, and either they were in the trash, or the newest database of the same studio that can be read
    (the one set aside, or a newer snapshot) does not know them any more. All others without a file are left alone.

    Returns:
        How many rows there were.
    """
    if not database.file or not files.marker.is_file():
        return 0
    with database.read() as session:
        rows = session.execute(select(Image.id, Image.deleted_at)).all()
    lost = {row.id: row.deleted_at for row in rows if is_id(row.id) and files.locate(row.id) is None}
    later = _ids_of_the_same(_later(database.file, base, aside), {row.id for row in rows}) if lost else None
    gone = [i for i, deleted in lost.items() if deleted is not None or (later is not None and i not in later)]
    for batch in batches(gone):
        with database.write() as session:
            filing.remove(session, session.scalars(select(Image).where(Image.id.in_(batch))))
    return len(gone)


def _sound(file: Path) -> Iterator[Snapshot]:
    return (found for found in backups.snapshots(file) if repair.fault(found.path) is None)


@contextmanager
def _said(path: Path) -> Iterator[None]:
    """What SQLite or the disk says against a snapshot becomes StorageFailed, in words."""
    try:
        yield
    except OSError as error:
        raise storage_error(error, path.parent) from error
    except sqlite3.Error as error:
        raise StorageFailed(
            f"{path} must be read to take back what only it knows, and that failed: {error}. Check that the disk is "
            "not full and no other program has the database open, or move this file elsewhere; then run it again. "
            "Nothing was lost."
        ) from error


def _unknown_jobs(file: Path, snapshot: Path) -> bool:
    with _said(snapshot), closing(repair.connect(file)) as connection:
        connection.execute("ATTACH ? AS old", (str(snapshot),))
        return bool(connection.execute(f"SELECT EXISTS ({_UNKNOWN})").fetchone()[0])


_CANCEL_UNFINISHED = """
    UPDATE jobs SET state = 'cancelled', cancel_requested = 1, lease_until = NULL, lease_token = NULL, worker = NULL,
    stage = '', finished_at = (julianday('now') - 2440587.5) * 86400.0
    WHERE state NOT IN ('succeeded', 'failed', 'cancelled')
"""
_UNKNOWN = "SELECT * FROM old.jobs WHERE id NOT IN (SELECT id FROM main.jobs)"


def _copy_jobs(file: Path, snapshot: Path) -> int:
    """From a copy, which is brought to the present schema first."""
    with _said(snapshot), TemporaryDirectory(dir=file.parent, prefix=".jobs-") as folder:
        copy = Path(shutil.copyfile(snapshot, Path(folder) / "old.sqlite3"))
        old = Database(f"sqlite:///{copy}")
        try:
            old.migrate()
            with old.write() as session:
                session.execute(text(_CANCEL_UNFINISHED))
        finally:
            old.dispose()
        with closing(repair.connect(file)) as connection:
            connection.execute("ATTACH ? AS old", (str(copy),))
            names = ", ".join(f'"{row[1]}"' for row in connection.execute("PRAGMA main.table_info(jobs)"))
            with connection:
                return connection.execute(f"INSERT OR IGNORE INTO main.jobs ({names}) {_named(names)}").rowcount


def _named(names: str) -> str:
    return _UNKNOWN.replace("*", names, 1)


def _rows(path: Path) -> list[dict]:
    with _said(path), closing(repair.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")  # one broken text must not stop the rest
        return [dict(row) for row in connection.execute("SELECT id, owner, deleted_at FROM images")]


def _later(file: Path, base: Snapshot, aside: Path | None) -> Iterator[Path]:
    """Databases newer than a snapshot that can be read, the newest first."""
    if aside and repair.fault_of_copy(aside) is None:
        yield aside
    yield from (found.path for found in _sound(file) if found.made_at > base.made_at)


def _ids_of_the_same(later: Iterable[Path], known: set[str]) -> set[str] | None:
    """The images in the first of these databases that has one of the known; one that was begun anew tells nothing."""
    for path in later:
        ids = {row["id"] for row in _rows(path)}
        if ids & known:
            return ids
    return None
