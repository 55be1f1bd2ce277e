"""Putting a damaged or lost database right: the newest sound snapshot, or one that was chosen, in its place.

Nobody may have the database open meanwhile, so all of this asks for the locks that a running studio and its workers
hold.
"""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from engine.errors import StudioBusy
from engine.locks import alone
from engine.settings import Settings
from gallery.database import Database
from gallery.mending import backups, repair, returning
from gallery.mending.backups import Snapshot
from gallery.store import Gallery


@dataclass(frozen=True, slots=True)
class Replaced:
    """What became of the database.

    Attributes:
        fault: what was wrong, as the end of a sentence; empty where it was replaced by choice.
        aside: where the old one lies now; None where there was none.
        base: the snapshot that the new one begins with; None where it begins empty.
    """

    file: Path
    fault: str
    aside: Path | None
    base: Snapshot | None


@dataclass(frozen=True, slots=True)
class Settled:
    """What was put right after a database was replaced.

    Attributes:
        jobs: taken back from snapshots.
        deleted: pictures of the snapshot that were deleted for good after it, and stay so.
    """

    jobs: int
    deleted: int


def database_file(settings: Settings) -> Path | None:
    """The SQLite file of these settings; None for other databases."""
    return Database(settings.database_url).file


def begin_anew(settings: Settings) -> Replaced | None:
    """Replace a database that cannot be used, or is gone or empty; None where the one that is there is sound.

    Raises:
        StudioBusy: a studio is running on it.
        StorageFailed: the disk did not take it.
    """
    file = database_file(settings)
    if file is None:
        return None
    try:
        with alone(settings.home):
            return _begin_anew(settings, file)
    except StudioBusy:
        if repair.fault(file):
            raise
        return None  # the studio that runs has a sound one


def _begin_anew(settings: Settings, file: Path) -> Replaced | None:
    fault = repair.fault_of_copy(file) or _nothing_in_rows(settings)
    if fault is None:
        return None
    base = backups.newest_sound(file)
    if base is not None:
        return Replaced(file, fault, backups.put_back(file, base), base)
    if fault == repair.GONE and not any(path.exists() for path in repair.with_sidecars(file)):
        return None  # a new studio begins so
    return Replaced(file, fault, repair.set_aside(file), None)


def put_back(settings: Settings, name: str) -> Replaced:
    """Make the snapshot of that name the database.

    Raises:
        StudioBusy: a studio is running on it.
        SnapshotNotFound: there is none of that name.
        DatabaseDamaged: the snapshot cannot be used.
    """
    file = database_file(settings)
    if file is None:
        raise StudioBusy("Snapshots are made of SQLite databases only; STUDIO_DATABASE_URL names another kind.")
    chosen = backups.find(file, name)
    with alone(settings.home):
        return Replaced(file, "", backups.put_back(file, chosen), chosen)


def settle(database: Database, home: Path, done: Replaced | None) -> Settled:
    """What a database that is in its place again lacks of the snapshots' jobs, and has of pictures deleted for good.

    Raises:
        StorageFailed: the disk did not take it.
    """
    gone = 0
    if done and done.base:
        gone = returning.forget_deleted_for_good(database, Gallery(database, home).files, done.base, done.aside)
    jobs = 0 if done and not done.fault else returning.take_back_jobs(database)  # a chosen moment has its own jobs
    return Settled(jobs, gone)


def _nothing_in_rows(settings: Settings) -> str | None:
    """Whether a sound database has no row at all, as one has that was made anew over a lost one."""
    database = Database(settings.database_url)
    try:
        newest = next(iter(backups.snapshots(database.file)), None) if database.file else None
        empty = newest is not None and newest.images + newest.jobs > 0 and _is_blank(database, settings.home)
        return "is empty" if empty else None
    finally:
        database.dispose()


def _is_blank(database: Database, home: Path) -> bool:
    with database.read() as session:
        rows = session.scalar(text("SELECT EXISTS (SELECT 1 FROM images) OR EXISTS (SELECT 1 FROM jobs)"))
    return not rows and Gallery(database, home).count_unlisted() > 0
