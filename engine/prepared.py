"""What a job needs on disk before it begins, such as the list of its pictures.

It is written to STUDIO_HOME/prepared, adopted by a rename once the job's row is there, and discarded where the job is
refused. Whoever dies in between leaves it there: the worker adopts what its job needs, and what no job needs is swept
when a studio starts.
"""

import errno
import logging
import os
import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from engine.files import put, scratch_of

log = logging.getLogger(__name__)

SETTLE_SECONDS = 3600.0  # younger ones may belong to somebody who is about to ask


def prepared(home: Path, place: Path) -> Path:
    """Where to write what shall lie at `place` once its job is queued."""
    return home / "prepared" / place.name


def adopt(home: Path, place: Path) -> None:
    """Bring it where it belongs, unless it is there; two may try at the same moment."""
    with suppress(FileNotFoundError):
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            _move(prepared(home, place), place)


def _move(source: Path, place: Path) -> None:
    """By a rename; where `place` is on another disk, such as behind a link, by a copy beside it and then a rename."""
    try:
        os.rename(source, place)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy(source, place)
        shutil.rmtree(source, ignore_errors=True)


def _copy(source: Path, place: Path) -> None:
    scratch = scratch_of(place)
    try:
        shutil.copytree(source, scratch, dirs_exist_ok=True)
        put(scratch, place)
    except OSError:
        shutil.rmtree(scratch, ignore_errors=True)
        if not place.exists():  # else another process was quicker
            raise


def discard(home: Path, place: Path) -> None:
    """Remove what was prepared for a job that does not come about."""
    shutil.rmtree(prepared(home, place), ignore_errors=True)


def sweep(home: Path, wanted: Iterable[Path], settle_seconds: float = SETTLE_SECONDS) -> list[str]:
    """Remove what nobody asked for; returns the names.

    Args:
        wanted: the places of unfinished jobs.
    """
    names = {place.name for place in wanted}
    found = [path for path in (home / "prepared").glob("*") if path.is_dir() and path.name not in names]
    old = [path for path in found if _age(path) > settle_seconds]
    for path in old:
        shutil.rmtree(path, ignore_errors=True)
        log.info("%s was prepared for a job that never came about; removed", path.name)
    return [path.name for path in old]


def _age(path: Path) -> float:
    """Seconds since something in the folder came or went; 0 where it is gone, adopted just now."""
    with suppress(OSError):
        return time.time() - path.stat().st_mtime
    return 0.0
