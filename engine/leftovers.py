"""What nobody needs any more: photos that no picture, job or preset names, and archives that no training names.

A name counts as used wherever it stands, in a row that cannot be read too: all texts are searched, none is understood.
What cannot be looked through ends the search, so that a disk that is away removes nothing.
"""

import json
import logging
import re
import shutil
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import String, cast, select

from engine.files import MAX_JSON_BYTES
from engine.jobs.schema import ENDED, JobRow
from gallery.maintenance import sizes_of
from gallery.mending import backups, repair
from gallery.metadata import read_recipe
from gallery.schema import Image
from gallery.store import Gallery

log = logging.getLogger(__name__)

GRACE_SECONDS = 7 * 24 * 3600.0  # for what was uploaded and may still be asked for
ASKED_GRACE_SECONDS = 3600.0  # the same where a person says now
_PHOTO = re.compile(r"[0-9a-f]{64}")
_ARCHIVE = re.compile(r"(?:.*-)?([0-7][0-9A-HJKMNP-TV-Z]{25})")  # the studio's own folders end in such an id
_TEXTS = (".json", ".jsonl", ".csv", ".toml")
_CAPTIONS = "captions.csv"  # as `engine.datasets.captions` writes it
_DEEPEST = 3  # folders below a run


@dataclass(frozen=True, slots=True)
class Leftover:
    """Files that nobody needs.

    Attributes:
        paths: what goes.
        size_bytes: of all of it.
        last_used: unix seconds of the newest change.
    """

    paths: tuple[Path, ...]
    size_bytes: int
    last_used: float


def unused_photos(gallery: Gallery, home: Path) -> Iterator[Leftover]:
    """Photos that no picture, trashed or not, no job, no run and no preset names."""
    unused = {path.stem: path for path in (home / "photos").glob("??/*.png") if _PHOTO.fullmatch(path.stem)}
    for text in _texts(gallery, home) if unused else ():
        for name in _PHOTO.findall(text):
            unused.pop(name, None)
    for path in sorted(unused.values()):
        yield _leftover(path, path.with_suffix(".txt"))


def unused_archives(gallery: Gallery, home: Path) -> Iterator[Leftover]:
    """Unpacked archives that no run, evaluation, prepared training or job names."""
    found = (path for path in (home / "datasets").glob("*") if path.is_dir() and not path.is_symlink())
    folders = {match[1]: path for path in found if (match := _ARCHIVE.fullmatch(path.name))}
    for text in _texts(gallery, home) if folders else ():
        folders = {name: path for name, path in folders.items() if name not in text}
    yield from (_leftover(path) for path in folders.values())


def old_reproductions(home: Path) -> Iterator[Leftover]:
    """Verdicts on recipes that were run again, and their pictures; one that was kept lies in the gallery."""
    yield from (_leftover(path) for path in sorted((home / "reproductions").glob("*.*")) if path.is_file())


def old_imports(gallery: Gallery, home: Path) -> Iterator[Leftover]:
    """Reports on folders that were brought in, and uploads whose job has ended without them."""
    with gallery.database.read() as session:
        open_ones = select(cast(JobRow.request, String)).where(JobRow.state.not_in(ENDED))
        wanted = [text or "" for text in session.scalars(open_ones)]
    for path in sorted((home / "imports").glob("*")):
        if not path.is_symlink() and not any(path.name in text for text in wanted):
            yield _leftover(path)


def ended_captionings(gallery: Gallery, home: Path) -> Iterator[Leftover]:
    """Captions so far of jobs that have ended, such as one that was cancelled while it waited to go on."""
    found = {path.stem.removeprefix("job-"): path for path in (home / "captions").glob("job-*.json")}
    with gallery.database.read() as session:
        unfinished = set(session.scalars(select(JobRow.id).where(JobRow.state.not_in(ENDED)))) if found else set()
    yield from (_leftover(path) for name, path in sorted(found.items()) if name not in unfinished)


def unfinished_studies(home: Path) -> Iterator[Leftover]:
    """Opinion studies of which a killed process made, or deleted, only a part."""
    found = sorted((home / "studies").glob(".*.tmp"))
    yield from (_leftover(path) for path in found if path.is_dir() and not path.is_symlink())


def remove(leftovers: Iterable[Leftover], grace_seconds: float) -> tuple[int, int]:
    """Remove those that were not used for that long; returns how many there were, and their bytes."""
    count = size = 0
    for leftover in leftovers:
        if time.time() - leftover.last_used < grace_seconds:
            continue
        if _leftover(*leftover.paths).last_used > leftover.last_used:  # uploaded anew since
            continue
        for path in leftover.paths:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                with suppress(OSError):
                    path.unlink(missing_ok=True)
        if leftover.paths[0].exists():  # such as on a disk that may only be read
            continue
        log.info("%s was used by nothing any more; removed", leftover.paths[0].name)
        count, size = count + 1, size + leftover.size_bytes
    return count, size


def sweep(gallery: Gallery, home: Path, grace_seconds: float = GRACE_SECONDS) -> None:
    """Remove everything that nothing used for long, but data sets with captions that may be the artist's work.

    Raises:
        OSError: a file or folder that may name something cannot be read; nothing more is removed.
    """
    remove(list(unused_photos(gallery, home)), grace_seconds)
    archives = list(unused_archives(gallery, home))
    remove([*ended_captionings(gallery, home), *unfinished_studies(home)], min(grace_seconds, ASKED_GRACE_SECONDS))
    remove([*old_reproductions(home), *old_imports(gallery, home)], grace_seconds)
    remove([found for found in archives if not (found.paths[0] / _CAPTIONS).exists()], grace_seconds)


def _texts(gallery: Gallery, home: Path) -> Iterator[str]:
    """Everything in which a photo or an archive may be named."""
    with gallery.database.read() as session:
        for column in (Image.recipe, JobRow.request):
            for text in session.scalars(select(cast(column, String)).execution_options(yield_per=500)):
                yield text or ""
    yield from _of_snapshots(gallery.database.file)
    known = sizes_of(gallery.database)
    for file in gallery.files.found(gallery.files.images):
        if gallery.files.is_image(file.path) and file.path.stem not in known:
            yield _recipe_text(file.path)
    for file in gallery.files.in_folder(gallery.files.aside):
        yield _recipe_text(file.path)
    for folder in ("runs", "evaluations", "prepared", "loras"):
        yield from map(_text_of, _small_texts(home / folder))
    yield _text_of(home / "presets.json")


def _of_snapshots(file: Path | None) -> Iterator[str]:
    """Of jobs that a repair would take back; the pictures of snapshots carry their recipes themselves."""
    for snapshot in backups.snapshots(file) if file else ():
        with suppress(sqlite3.Error), closing(repair.connect(snapshot.path)) as connection:
            for (request,) in connection.execute("SELECT CAST(request AS BLOB) FROM jobs"):
                yield (request or b"").decode("utf-8", "replace")


def _recipe_text(path: Path) -> str:
    """Of a picture without a row, which `gallery check --rebuild` may take in."""
    data = path.read_bytes()
    with suppress(Exception):
        if recipe := read_recipe(data):
            return json.dumps(recipe.to_dict())
    return data.decode("latin-1")  # no recipe that can be read, so whatever stands there


def _small_texts(folder: Path) -> Iterator[Path]:
    """Raises OSError: a folder cannot be listed, such as a link to a disk that is away."""
    if not folder.exists() and not folder.is_symlink():
        return
    below = [(folder, 0)]
    while below:
        place, depth = below.pop()
        for path in place.iterdir():
            if path.suffix in _TEXTS:
                yield path
            elif depth < _DEEPEST and path.is_dir():
                below.append((path, depth + 1))


def _text_of(path: Path) -> str:
    """Raises OSError: it is there and cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(16 * MAX_JSON_BYTES).decode("utf-8", "replace")
    except FileNotFoundError:  # it went meanwhile
        return ""


def _leftover(*paths: Path) -> Leftover:
    files = [file for path in paths for file in ([path, *path.rglob("*")] if path.is_dir() else [path])]
    found = []
    for file in files:
        with suppress(OSError):
            found.append(file.lstat())
    size = sum(status.st_size for status in found)
    return Leftover(tuple(paths), size, max((status.st_mtime for status in found), default=time.time()))
