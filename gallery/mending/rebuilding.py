"""Making rows of image files: for those that have none, and in place of rows that cannot be read or tell another story.

The complete recipe is inside each file, so the files alone give the same gallery, but for owners, the trash and marks.
"""

import io
import os
from contextlib import suppress
from itertools import count, islice
from pathlib import Path
from typing import Any

from PIL import Image as Pictures
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gallery.database import Database
from gallery.errors import GalleryError, StorageFailed, UnreadableImage
from gallery.files import ImageFiles
from gallery.ids import is_id, seconds_of
from gallery.maintenance import SETTLE_SECONDS, batches, is_orphan, sizes_of, unmarked
from gallery.mending.returning import take_back_marks
from gallery.metadata import read_recipe, read_record
from gallery.questions import filing, fulltext
from gallery.recipe import Recipe
from gallery.records import row_of
from gallery.schema import Image
from gallery.words import Describe, by_kind

_BATCH = 200
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
_FROM_THE_FILE = (
    "kind", "title", "negative_prompt", "model", "seed", "width", "height", "sha256", "size_bytes", "recipe",
    "sampler", "stack",
)  # fmt: skip


def rebuild(
    database: Database, files: ImageFiles, owner: str, settle_seconds: float, describe: Describe = by_kind
) -> int:
    """Insert a row for every image file that carries a recipe and has none.

    The owner is not written into files (they are shared), so all rows get the given one, but those that a snapshot of
    the database knows: they get theirs, their place in the trash and their marks.
    """
    if not files.marker.is_file():
        if sizes_of(database):
            raise StorageFailed(unmarked(files))
        files.mark()
    found = sorted(files.found(files.images), key=lambda file: file.path.stem)
    known = sizes_of(database)
    orphans = (f.path for f in found if files.is_image(f.path) and is_orphan(f, files, known, settle_seconds))
    rows = (row for row in (_row_of_file(path, owner, describe) for path in orphans) if row)
    adopted: list[str] = []
    while batch := list(islice(rows, _BATCH)):
        with database.write() as session:
            adopted += [row.id for row in batch if _adopt(session, row)]
    take_back_marks(database, adopted)
    return len(adopted)


def renew(database: Database, files: ImageFiles, describe: Describe = by_kind) -> int:
    """Write those rows anew that cannot be read or say something else than their file; returns how many.

    Every file is read. One that has changed since it was saved is never believed: its size or its checksum must be the
    row's, and each of its chunks must have its own checksum.
    """
    ids = [image_id for image_id in sizes_of(database) if is_id(image_id)]
    return sum(_renew_some(database, files, batch, describe) for batch in batches(ids))


def drop_nameless(database: Database) -> int:
    """Take rows out whose id is none, so that they name no file; `rebuild` finds the files. Returns how many."""
    if not database.is_sqlite:  # others keep to the types of columns
        return 0
    with database.write() as session:
        rows = session.execute(text("SELECT rowid, id FROM images")).all()
        bad = [{"row": row.rowid} for row in rows if not is_id(row.id)]
        if bad:
            session.execute(text("DELETE FROM images WHERE rowid = :row"), bad)
            fulltext.rebuild(session)
    return len(bad)


def unlisted(database: Database, files: ImageFiles, settle_seconds: float = 0) -> list[Path]:
    """The image files that have no row; no file is opened.

    Args:
        settle_seconds: younger files may belong to a save that is still going on, and are left out.
    """
    known = sizes_of(database)
    found = (file for file in files.found(files.images) if files.is_image(file.path))
    return sorted(file.path for file in found if is_orphan(file, files, known, settle_seconds))


def set_aside_unlisted(database: Database, files: ImageFiles, settle_seconds: float = SETTLE_SECONDS) -> list[Path]:
    """Move the image files out of the gallery's folder that have no row; returns where they are now.

    After `rebuild` these are the ones that cannot be taken in: cut short, damaged, without a recipe, or a second file
    of a picture that is there. A studio may run meanwhile, so what it just saves stays.

    Args:
        settle_seconds: younger files may belong to a save that is still going on, and stay.

    Raises:
        StorageFailed: one cannot be moved.
    """
    moved = []
    for path in unlisted(database, files, settle_seconds):
        if not _has_row(database, path.stem):  # saved since the rows were read
            target = _free_name(files.aside / path.name)
            files.move(path, target)
            moved.append(target)
    return moved


def _has_row(database: Database, image_id: str) -> bool:
    with database.read() as session:
        return session.scalar(select(Image.id).where(Image.id == image_id)) is not None


def _free_name(path: Path) -> Path:
    """The path itself, or with a number where something lies there already."""
    names = (path.with_stem(f"{path.stem}-{number}") if number > 1 else path for number in count(1))
    return next(name for name in names if not os.path.lexists(name))


def _renew_some(database: Database, files: ImageFiles, ids: list[str], describe: Describe) -> int:
    with database.read() as session:
        rows = list(session.scalars(select(Image).where(Image.id.in_(ids))))
    fresh = {row.id: values for row in rows if (values := _told_otherwise(row, files, describe))}
    if not fresh:
        return 0
    with database.write() as session:
        for image_id, values in fresh.items():
            if "recipe" in values:
                recipe = Recipe.from_dict(values["recipe"])
                filing.note(session, image_id, recipe)
                values["commercial_use"] = filing.commercial_use(session, recipe)
            session.execute(update(Image).where(Image.id == image_id).values(values))
        if any("title" in values for values in fresh.values()):
            fulltext.rebuild(session)
    return len(fresh)


def _told_otherwise(row: Image, files: ImageFiles, describe: Describe) -> dict[str, Any]:
    """What the row of an image should say according to its file, where it says something else."""
    path = files.locate(row.id)
    true = _row_of_file(path, row.owner, describe) if path else None
    if true is None or (true.sha256 != row.sha256 and true.size_bytes != row.size_bytes):
        return {}
    values = {name: getattr(true, name) for name in _FROM_THE_FILE if getattr(true, name) != getattr(row, name)}
    return values if row.created_at else {**values, "created_at": true.created_at}


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
            filing.add(session, row)
    except IntegrityError:
        return False
    return True
