"""Snapshots of an SQLite database: made while it is in use, the newest ten kept, and put back.

<folder of the database>/backups/studio-20261128T081144123456Z-start.sqlite3    when (UTC) and why it was made
"""

import filecmp
import os
import re
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gallery.atomic import put, scratch_of
from gallery.errors import DatabaseDamaged, SnapshotNotFound, storage_error
from gallery.mending import repair

KEEP = 10
DAY_SECONDS = 24 * 3600.0
START, DAILY = "start", "daily"  # why; before a migration it is the version of the schema
_STAMP = "%Y%m%dT%H%M%S%fZ"
_NAME = re.compile(r"-(\d{8}T\d{12}Z)-(\w+)\.sqlite3$")
_OLD_SCRATCH_SECONDS = 3600.0


@dataclass(frozen=True)
class Snapshot:
    """One copy of the database.

    Attributes:
        made_at: with time zone.
        reason: `start`, `daily`, or the version of the schema that was about to change.
        images, jobs: rows in it; -1 where it cannot be read.
    """

    path: Path
    made_at: datetime
    reason: str
    images: int
    jobs: int

    @property
    def name(self) -> str:
        """Under which it can be asked for."""
        return self.path.stem


def folder_of(file: Path) -> Path:
    """Where the snapshots of a database lie."""
    return file.parent / "backups"


def snapshot(file: Path, reason: str) -> Path:
    """Copy an SQLite database, also while it is in use, and keep the newest ten copies.

    A start or a day on which nothing changed replaces the copy before it: a studio that is started ten times in a row
    must not push out yesterday.

    Raises:
        DatabaseDamaged: the copy is not sound; none is kept, so that no damaged one takes the place of a sound one.
        StorageFailed: the disk did not take it.
    """
    folder = folder_of(file)
    target = folder / f"{file.stem}-{datetime.now(UTC).strftime(_STAMP)}-{reason}.sqlite3"
    scratch = scratch_of(target)
    try:
        folder.mkdir(exist_ok=True)
        _copy(file, scratch)
        if fault := repair.fault(scratch):
            raise DatabaseDamaged(repair.unusable(file, fault))
        before = _newest(file)
        put(scratch, target)
        if before and reason in (START, DAILY) and filecmp.cmp(before, target, shallow=False):
            before.unlink(missing_ok=True)
    except OSError as error:
        raise storage_error(error, folder) from error
    finally:
        for leftover in repair.with_sidecars(scratch):
            leftover.unlink(missing_ok=True)
    _thin(file, target)
    return target


def snapshots(file: Path) -> list[Snapshot]:
    """Every snapshot of a database, newest first."""
    return [_read(path) for path in reversed(_paths(file))]


def is_due(file: Path, seconds: float) -> bool:
    """Whether the newest snapshot is older than that, or there is none."""
    newest = _newest(file)
    if newest is None:
        return True
    age = time.time() - _made_at(newest).timestamp()
    return age >= seconds or age < -3600  # made by a clock that was ahead


def find(file: Path, name: str) -> Snapshot:
    """The one snapshot whose name begins so or has that time in it; `latest` is the newest.

    Raises:
        SnapshotNotFound: there is none, or more than one.
    """
    known = _paths(file)
    wanted = name.removesuffix(".sqlite3")
    found = known[-1:] if wanted == "latest" else [path for path in known if wanted and wanted in path.stem]
    found = [path for path in found if path.stem == wanted] or found
    if len(found) != 1:
        there = ", ".join(path.stem for path in reversed(known)) or "none yet"
        raise SnapshotNotFound(f"{len(found)} snapshots have {name!r} in their name; one must. There are: {there}.")
    return _read(found[0])


def newest_sound(file: Path) -> Snapshot | None:
    """The newest snapshot that can be used."""
    return next((snapshot for snapshot in snapshots(file) if repair.fault(snapshot.path) is None), None)


def put_back(file: Path, chosen: Snapshot) -> Path | None:
    """Make a snapshot the database; returns where the one that was there lies now. Nobody may have it open.

    Raises:
        DatabaseDamaged: the snapshot itself is not sound; nothing was changed.
        StorageFailed: the disk did not take it.
    """
    if fault := repair.fault(chosen.path):
        raise DatabaseDamaged(f"The snapshot {chosen.path} {fault}. Choose another; nothing was changed.")
    scratch = scratch_of(file)
    try:
        with chosen.path.open("rb") as source, scratch.open("wb") as target:
            shutil.copyfileobj(source, target)
            target.flush()
            os.fsync(target.fileno())
        aside = repair.set_aside(file)  # only now: a full disk must leave the old one in its place
        put(scratch, file)
    except OSError as error:
        raise storage_error(error, file.parent) from error
    finally:
        scratch.unlink(missing_ok=True)
    return aside


def _copy(file: Path, target: Path) -> None:
    try:
        with closing(repair.connect(file)) as source, closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
    except sqlite3.DatabaseError as error:
        if "full" in str(error) or "locked" in str(error) or "open" in str(error):
            raise OSError(None, str(error)) from error
        raise DatabaseDamaged(repair.unusable(file, f"cannot be copied ({error})")) from error


def _paths(file: Path) -> list[Path]:
    """Oldest first: the time is in the name."""
    found = folder_of(file).glob(f"{file.stem}-*.sqlite3")
    return sorted(path for path in found if _NAME.search(path.name) and path.is_file())


def _newest(file: Path) -> Path | None:
    return next(reversed(_paths(file)), None)


def _made_at(path: Path) -> datetime:
    match = _NAME.search(path.name)
    assert match  # `_paths` gives no others
    return datetime.strptime(match[1], _STAMP).replace(tzinfo=UTC)


def _read(path: Path) -> Snapshot:
    match = _NAME.search(path.name)
    assert match
    images, jobs = _counts(path)
    return Snapshot(path, _made_at(path), match[2], images, jobs)


def _counts(path: Path) -> Iterator[int]:
    for table in ("images", "jobs"):
        count = -1
        with suppress(sqlite3.Error), closing(repair.connect(path)) as connection:
            (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        yield count


def _thin(file: Path, made: Path) -> None:
    """Keep the newest and the one just made, whatever the clock said before; nothing that was left half made."""
    others = [path for path in _paths(file) if path != made]
    for old in others[: -(KEEP - 1)]:
        old.unlink(missing_ok=True)
    for half in folder_of(file).glob(".*.tmp*"):
        with suppress(OSError):
            if time.time() - half.stat().st_mtime > _OLD_SCRATCH_SECONDS:
                half.unlink()
