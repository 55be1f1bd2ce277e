"""Keeping files and rows in step: sweep and purge; `gallery.mending.rebuilding` makes rows of files.

Only waste is ever removed here: half-written files that nobody will finish, and images that an
artist deleted and whose time in the trash is over. All else is reported and left alone.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import ColumnElement, select

from gallery import filing, fulltext
from gallery.database import Database, now
from gallery.errors import StorageFailed, SweepRefused
from gallery.files import FoundFile, ImageFiles
from gallery.ids import is_id
from gallery.schema import Image

TEMPORARY_SECONDS = 3600.0
SETTLE_SECONDS = 60.0  # a younger file may belong to a save that is still going on
_BATCH = 200
_MISSING_SHARE = 0.05
_MISSING_ALWAYS_FINE = 3


@dataclass(frozen=True)
class SweepReport:
    """What a sweep found.

    Attributes:
        images: how many rows were compared.
        removed: names of removed waste.
        orphans: files without a row; `rebuild` takes in those that carry a recipe.
        missing: ids of rows whose file is gone.
        wrong_size: ids of rows whose file has another size than was saved.
        unreadable: ids of rows whose recipe or id cannot be read.
        index_rebuilt: the search index differed from the images and was built anew.
    """

    images: int
    removed: tuple[str, ...] = ()
    orphans: tuple[Path, ...] = ()
    missing: tuple[str, ...] = ()
    wrong_size: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    index_rebuilt: bool = False


def unmarked(files: ImageFiles) -> str:
    """The text for an image folder that does not look like the gallery's."""
    return (
        f"The gallery has images, but {files.images} has no file {files.marker.name!r}: it may be an empty "
        "mount point instead of the disk with the images. Mount the disk; if the folder is the right one, "
        f"create an empty file {files.marker.name!r} in it. Nothing was changed."
    )


def sweep(database: Database, files: ImageFiles, settle_seconds: float) -> SweepReport:
    """Compare files and rows, remove waste, report the rest.

    Args:
        settle_seconds: younger files may belong to a save that is still going on.

    Raises:
        SweepRefused: the folder is not marked as the gallery's, or more than 5 % of the files
            are missing. Nothing was changed then.
    """
    found = list(files.found(files.images))
    sizes = sizes_of(database)
    _refuse_foreign_folder(files, sizes)
    on_disk = {file.path.stem: file.size for file in found if files.is_image(file.path)}
    missing = [i for i in sizes if i not in on_disk and (not is_id(i) or files.locate(i) is None)]
    _refuse_many_missing(files, len(missing), len(sizes))
    removed = [*_remove_temporary(files, found), *_settle_trash(database, files)]
    wrong = [i for i, size in sizes.items() if on_disk.get(i, size) != size]
    with database.write() as session:
        rebuilt = fulltext.heal(session)
    orphans = tuple(file.path for file in found if is_orphan(file, files, sizes, settle_seconds))
    return SweepReport(
        len(sizes), tuple(removed), orphans, tuple(missing), tuple(wrong), _unreadable(database), rebuilt
    )


def purge(database: Database, files: ImageFiles, older_than_seconds: float) -> int:
    """Remove images for good that were deleted at least this long ago.

    The file leaves `images/` before its row goes and is unlinked after it: a crash in between
    leaves a row that can still be restored, or waste in `trash/`, never a resurrected image.

    Raises:
        StorageFailed: the image folder is not there.
    """
    with database.read() as session:
        cutoff = now(session) - older_than_seconds
        found = session.scalars(select(Image.id).where(Image.deleted_at <= cutoff))
        ids = [image_id for image_id in found if is_id(image_id)]
    if ids and not files.marker.is_file():
        raise StorageFailed(unmarked(files))
    return sum(_purge_batch(database, files, batch, Image.deleted_at <= cutoff) for batch in batches(ids))


def purge_these(database: Database, files: ImageFiles, image_ids: Iterable[str], owner: str | None = None) -> int:
    """Remove those of these images for good that are in the trash; returns how many. In steps as `purge`.

    Raises:
        StorageFailed: the image folder is not there.
    """
    in_trash = (
        Image.deleted_at.is_not(None) if owner is None else Image.deleted_at.is_not(None) & (Image.owner == owner)
    )
    with database.read() as session:
        known = (session.scalars(select(Image.id).where(Image.id.in_(b), in_trash)) for b in batches(list(image_ids)))
        ids = [image_id for some in known for image_id in some if is_id(image_id)]
    if ids and not files.marker.is_file():
        raise StorageFailed(unmarked(files))
    return sum(_purge_batch(database, files, batch, in_trash) for batch in batches(ids))


def bring_back(files: ImageFiles, image_id: str) -> None:
    """Move the file of a restored image back where it belongs, if a purge had moved it."""
    waiting, home = files.trashed(image_id), files.image(image_id)
    if not waiting.is_file() or home.is_file():
        return
    try:
        files.move(waiting, home)
    except StorageFailed:
        if waiting.is_file():  # else another process brought it back in the meantime
            raise


def _purge_batch(database: Database, files: ImageFiles, ids: list[str], still: ColumnElement[bool]) -> int:
    for image_id in ids:
        if files.image(image_id).is_file():
            files.move(files.image(image_id), files.trashed(image_id))
    with database.write() as session:
        rows = list(session.scalars(select(Image).where(Image.id.in_(ids), still)))
        filing.remove(session, rows)
    purged = {row.id for row in rows}
    for image_id in ids:
        if image_id in purged:
            files.remove(files.trashed(image_id))
            files.remove(files.thumbnail(image_id))
        else:  # restored while we were at it
            bring_back(files, image_id)
    return len(purged)


def batches(ids: list[str]) -> Iterator[list[str]]:
    """Some at a time."""
    return (ids[i : i + _BATCH] for i in range(0, len(ids), _BATCH))


def sizes_of(database: Database) -> dict[str, int]:
    """The size in bytes of every image's file, by id, as it was saved."""
    with database.read() as session:
        return {row.id: row.size_bytes for row in session.execute(select(Image.id, Image.size_bytes))}


def _unreadable(database: Database) -> tuple[str, ...]:
    with database.read() as session:
        rows = session.execute(select(Image.id, Image.recipe)).yield_per(_BATCH)
        return tuple(row.id or "?" for row in rows if not is_id(row.id) or not isinstance(row.recipe, dict))


def _refuse_foreign_folder(files: ImageFiles, sizes: dict[str, int]) -> None:
    if sizes and not files.marker.is_file():
        raise SweepRefused(unmarked(files))


def _refuse_many_missing(files: ImageFiles, missing: int, rows: int) -> None:
    if missing > max(_MISSING_ALWAYS_FINE, rows * _MISSING_SHARE):
        raise SweepRefused(
            f"{missing} of {rows} image files are not in {files.images}; a sweep stops when more than "
            f"{_MISSING_SHARE:.0%} seem lost. Check that the right disk is mounted there. Nothing was changed."
        )


def _remove_temporary(files: ImageFiles, found: Iterable[FoundFile]) -> Iterator[str]:
    for file in [*found, *files.found(files.thumbnails)]:
        if file.path.suffix == ".tmp" and time.time() - file.modified > TEMPORARY_SECONDS:
            files.remove(file.path)
            yield file.path.name


def _settle_trash(database: Database, files: ImageFiles) -> Iterator[str]:
    """Finish what a killed purge or restore left in `trash/`."""
    waiting = {file.path.stem: file.path for file in files.in_folder(files.trash) if is_id(file.path.stem)}
    for batch in batches(list(waiting)):
        with database.read() as session:
            rows = session.execute(select(Image.id, Image.deleted_at).where(Image.id.in_(batch)))
            deleted_at = {row.id: row.deleted_at for row in rows}
        for image_id in batch:
            if image_id not in deleted_at:
                files.remove(waiting[image_id])
                yield waiting[image_id].name
            elif deleted_at[image_id] is None:
                bring_back(files, image_id)


def is_orphan(file: FoundFile, files: ImageFiles, known: dict[str, int], settle_seconds: float) -> bool:
    """Whether no row belongs to a file that is certainly complete."""
    temporary = file.path.suffix == ".tmp" and file.path.name.startswith(".")
    settled = time.time() - file.modified >= settle_seconds
    return settled and not temporary and (not files.is_image(file.path) or file.path.stem not in known)
