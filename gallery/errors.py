"""The errors of the gallery, each with a text that is shown to people as it is.

GalleryError
├── ImageNotFound       no image has that id, or it belongs to somebody else
├── ImageMissing        the image is known, its file is not where it belongs
├── ImageDamaged        the file is there, its bytes are not the ones that were saved
├── ImageRefused        a picture that the gallery does not keep (colour mode, size)
├── UnreadableImage     given bytes are not a picture that can be read
├── MarkRefused         a rating, tag or board's name that is none
├── BoardNotFound       no board has that id, or it belongs to somebody else
├── SweepRefused        the image folder does not look like the gallery's own
├── DatabaseDamaged     the database file cannot be used, or is gone beside pictures
├── SnapshotNotFound    no snapshot of the database has that name
├── BadPattern          no file can be named by this pattern
├── SheetRefused        a contact sheet that is not made
├── RoundRefused        a picking round that cannot begin, or is not there
└── StorageFailed       the disk or database did not take the data
    ├── StorageFull     no space left
    ├── StorageReadOnly nothing can be written there
    └── StorageGone     the folder or the database is not there any more

Each message says the rule, the actual value and what it means, and what to do.
"""

import errno
import shutil
from pathlib import Path


class GalleryError(Exception):
    """Base of all errors whose text is meant for people."""


class ImageNotFound(GalleryError):
    """No image has that id."""

    def __init__(self, image_id: object):
        # The same text for "absent" and "somebody else's": ids must not be tellable apart.
        super().__init__(f"No image has the id {str(image_id)[:40]!r}. Reload the gallery to see what is there.")


class ImageMissing(GalleryError):
    """The file of a known image is gone."""


class ImageDamaged(GalleryError):
    """The file of a known image holds other bytes than were saved."""


class ImageRefused(GalleryError):
    """A picture that the gallery does not keep."""


class UnreadableImage(GalleryError):
    """Bytes that are not a picture of a kind that can be read."""


class MarkRefused(GalleryError):
    """A rating, a tag or the name of a board that is not kept."""


class BoardNotFound(GalleryError):
    """No board has that id."""

    def __init__(self, board_id: object):
        super().__init__(f"No board has the id {str(board_id)[:40]!r}: it was deleted. Choose another one.")


class SweepRefused(GalleryError):
    """The image folder does not look like the gallery's own, so nothing in it may be judged."""


class DatabaseDamaged(GalleryError):
    """The database file cannot be used, or it is gone although pictures are there."""


class SnapshotNotFound(GalleryError):
    """No snapshot of the database has that name."""


class BadPattern(GalleryError):
    """No file can be named by this pattern."""


class SheetRefused(GalleryError):
    """A contact sheet that is not made: of too many pictures, or into a file of another form."""


class RoundRefused(GalleryError):
    """A picking round that cannot begin, or is not there."""


class StorageFailed(GalleryError):
    """The disk or the database did not take the data."""


class StorageFull(StorageFailed):
    """No space left."""


class StorageReadOnly(StorageFailed):
    """Nothing can be written there."""


class StorageGone(StorageFailed):
    """The folder or the database is not there any more."""


def storage_error(error: OSError, place: Path) -> StorageFailed:
    """Say in people's words why writing to `place` failed."""
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", None)):
        return storage_full(place)
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return storage_read_only(place)
    return StorageFailed(
        f"Writing to {place} failed: {error.strerror or error}. "
        "Check the disk and run it again; nothing that was saved before is lost."
    )


def storage_full(place: Path) -> StorageFull:
    """The text for a full disk, with what is left there now."""
    return StorageFull(f"Disk full: {_free(place)} in {place}. Free some space and run it again; nothing was lost.")


def storage_read_only(place: Path) -> StorageReadOnly:
    """The text for a folder or database that may only be read."""
    return StorageReadOnly(
        f"{place} can only be read, so nothing new can be kept. "
        "Make it writable for this user and run it again; nothing was lost."
    )


def storage_gone(place: Path) -> StorageGone:
    """The text for a folder, or the database in it, that was there and is no longer."""
    text = (
        f"{place} is not there any more: it was deleted or moved, or its disk was taken away. Bring it back and "
        "start the studio again; until then nothing can be read or kept."
    )
    if place.parent.is_dir() and place.suffix:  # the database alone; its folder is there
        text += " If it is lost, stop the studio and run `python -m engine gallery check --rebuild`."
    return StorageGone(text)


def _free(place: Path) -> str:
    try:
        return f"{shutil.disk_usage(place).free / 1e6:.0f} MB free"
    except OSError:
        return "no space left"
