"""Keeping files and rows in step: sweep, rebuild, purge.

Only waste is ever removed here: half-written files that nobody will finish, and images that an
artist deleted and whose time in the trash is over. All else is reported and left alone.
"""

import io
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from PIL import Image as Pictures
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gallery import fulltext
from gallery.database import Database, now
from gallery.errors import GalleryError, StorageFailed, SweepRefused, UnreadableImage
from gallery.files import FoundFile, ImageFiles
from gallery.ids import is_id, seconds_of
from gallery.metadata import read_recipe, read_record
from gallery.records import row_of
from gallery.schema import Image
from gallery.words import Describe, by_kind

TEMPORARY_SECONDS = 3600.0
_BATCH = 200
_MISSING_SHARE = 0.05
_MISSING_ALWAYS_FINE = 3
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"


@dataclass(frozen=True)
class SweepReport:
    """What a sweep found.

    Attributes:
        images: how many rows were compared.
        removed: names of removed waste.
        orphans: files without a row; `rebuild` takes in those that carry a recipe.
        missing: ids of rows whose file is gone.
        wrong_size: ids of rows whose file has another size than was saved.
        index_rebuilt: the search index differed from the images and was built anew.
    """

    images: int
    removed: tuple[str, ...] = ()
    orphans: tuple[Path, ...] = ()
    missing: tuple[str, ...] = ()
    wrong_size: tuple[str, ...] = ()
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
    sizes = _sizes(database)
    _refuse_foreign_folder(files, sizes)
    on_disk = {file.path.stem: file.size for file in found if files.is_image(file.path)}
    missing = [i for i in sizes if i not in on_disk and files.locate(i) is None]
    _refuse_many_missing(files, len(missing), len(sizes))
    removed = [*_remove_temporary(files, found), *_settle_trash(database, files)]
    wrong = [i for i, size in sizes.items() if on_disk.get(i, size) != size]
    with database.write() as session:
        rebuilt = fulltext.heal(session)
    orphans = tuple(file.path for file in found if _is_orphan(file, files, sizes, settle_seconds))
    return SweepReport(len(sizes), tuple(removed), orphans, tuple(missing), tuple(wrong), rebuilt)


def rebuild(
    database: Database, files: ImageFiles, owner: str, settle_seconds: float, describe: Describe = by_kind
) -> int:
    """Insert a row for every image file that carries a recipe and has none.

    The owner is not written into files (they are shared), so all rows get the given one.
    """
    if not files.marker.is_file():
        if _sizes(database):
            raise StorageFailed(unmarked(files))
        files.mark()
    found = sorted(files.found(files.images), key=lambda file: file.path.stem)
    known = _sizes(database)
    orphans = (f.path for f in found if files.is_image(f.path) and _is_orphan(f, files, known, settle_seconds))
    rows = (row for row in (_row_of_file(path, owner, describe) for path in orphans) if row)
    adopted = 0
    while batch := list(islice(rows, _BATCH)):
        with database.write() as session:
            adopted += sum(_adopt(session, row) for row in batch)
    return adopted


def purge(database: Database, files: ImageFiles, older_than_seconds: float) -> int:
    """Remove images for good that were deleted at least this long ago.

    The file leaves `images/` before its row goes and is unlinked after it: a crash in between
    leaves a row that can still be restored, or waste in `trash/`, never a resurrected image.

    Raises:
        StorageFailed: the image folder is not there.
    """
    with database.read() as session:
        cutoff = now(session) - older_than_seconds
        ids = list(session.scalars(select(Image.id).where(Image.deleted_at <= cutoff)))
    if ids and not files.marker.is_file():
        raise StorageFailed(unmarked(files))
    return sum(_purge_batch(database, files, batch, cutoff) for batch in _batches(ids))


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


def _purge_batch(database: Database, files: ImageFiles, ids: list[str], cutoff: float) -> int:
    for image_id in ids:
        if files.image(image_id).is_file():
            files.move(files.image(image_id), files.trashed(image_id))
    with database.write() as session:
        rows = list(session.scalars(select(Image).where(Image.id.in_(ids), Image.deleted_at <= cutoff)))
        for row in rows:
            fulltext.remove(session, row)
            session.delete(row)
    purged = {row.id for row in rows}
    for image_id in ids:
        if image_id in purged:
            files.remove(files.trashed(image_id))
            files.remove(files.thumbnail(image_id))
        else:  # restored while we were at it
            bring_back(files, image_id)
    return len(purged)


def _batches(ids: list[str]) -> Iterator[list[str]]:
    return (ids[i : i + _BATCH] for i in range(0, len(ids), _BATCH))


def _sizes(database: Database) -> dict[str, int]:
    with database.read() as session:
        return {row.id: row.size_bytes for row in session.execute(select(Image.id, Image.size_bytes))}


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
    for batch in _batches(list(waiting)):
        with database.read() as session:
            rows = session.execute(select(Image.id, Image.deleted_at).where(Image.id.in_(batch)))
            deleted_at = {row.id: row.deleted_at for row in rows}
        for image_id in batch:
            if image_id not in deleted_at:
                files.remove(waiting[image_id])
                yield waiting[image_id].name
            elif deleted_at[image_id] is None:
                bring_back(files, image_id)


def _is_orphan(file: FoundFile, files: ImageFiles, known: dict[str, int], settle_seconds: float) -> bool:
    temporary = file.path.suffix == ".tmp" and file.path.name.startswith(".")
    settled = time.time() - file.modified >= settle_seconds
    return settled and not temporary and (not files.is_image(file.path) or file.path.stem not in known)


def _row_of_file(path: Path, owner: str, describe: Describe) -> Image | None:
    """The row that an image file stands for; None if it is cut short or carries no recipe."""
    with suppress(OSError, UnreadableImage, SyntaxError, ValueError, GalleryError):
        data = path.read_bytes()
        recipe = read_recipe(data)
        if recipe is None or not data.endswith(_PNG_END):
            return None
        with Pictures.open(io.BytesIO(data), formats=("PNG",)) as image:
            size = image.size
            image.verify()  # every chunk's checksum, without decoding the pixels
        slot = read_record(data)
        place: dict[str, Any] = {"job_id": slot.get("job_id"), "job_index": slot.get("job_index")}
        place |= {"owner": owner, "created_at": seconds_of(path.stem)}
        return row_of(path.stem, recipe, describe(recipe), size, data, **place)
    return None


def _adopt(session: Session, row: Image) -> bool:
    """Insert the row; no if its job's image is kept already under another id (it was retried)."""
    try:
        with session.begin_nested():
            session.add(row)
            session.flush()
            fulltext.add(session, row)
    except IntegrityError:
        return False
    return True
