"""Image files that are either whole or absent, under names computed from ids only.

home/images/ab/<id>.png         what was made; `ab` are the id's last two characters, since
                                the first ones are the time and would fill one folder
home/images/.niji-studio        marks the folder as the gallery's own
home/thumbnails/ab/<id>.webp    a cache: may be missing, is made again
home/trash/<id>.png             on the way out while images are removed for good
home/set-aside/<id>.png         what could not be taken into the gallery and was moved out of its folder by a person
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from gallery.atomic import put, replacing, sync_folder
from gallery.errors import ImageNotFound, StorageFailed, storage_error
from gallery.ids import is_id

MARKER = ".niji-studio"
_MARKER_TEXT = "This folder belongs to Niji Studio. Leave this file where it is.\n"


@dataclass(frozen=True)
class FoundFile:
    """One file below `images/`."""

    path: Path
    size: int
    modified: float


class ImageFiles:
    """The files of one gallery.

    Args:
        home: the folder that holds `images`, `thumbnails` and `trash`.
        system: what does the system calls; the `os` module, or a stand-in that fails on purpose.
    """

    def __init__(self, home: Path, system: ModuleType = os):
        self.images = Path(home).resolve() / "images"
        self.thumbnails = self.images.parent / "thumbnails"
        self.trash = self.images.parent / "trash"
        self.aside = self.images.parent / "set-aside"
        self._os = system

    @property
    def marker(self) -> Path:
        """The file that tells the gallery's folder from an empty mount point."""
        return self.images / MARKER

    def mark(self) -> None:
        """Declare `images/` the gallery's own."""
        with self._plain_errors():
            self.images.mkdir(parents=True, exist_ok=True)
            self.marker.write_text(_MARKER_TEXT)

    def image(self, image_id: str) -> Path:
        """Where the image file of that id belongs."""
        return _inside(self.images, image_id, f"{_folder(image_id)}/{image_id}.png")

    def thumbnail(self, image_id: str) -> Path:
        """Where the thumbnail of that id belongs."""
        return _inside(self.thumbnails, image_id, f"{_folder(image_id)}/{image_id}.webp")

    def trashed(self, image_id: str) -> Path:
        """Where the image file waits while it is removed for good."""
        return _inside(self.trash, image_id, f"{image_id}.png")

    def locate(self, image_id: str) -> Path | None:
        """The image file where it belongs, or on its way out; None if there is none."""
        return next((p for p in (self.image(image_id), self.trashed(image_id)) if p.is_file()), None)

    def write(self, path: Path, data: bytes, *, durable: bool = True) -> None:
        """Write a file so that it is there completely or not at all, also after a power cut.

        Args:
            path: where to.
            data: all of it.
            durable: False for a cache, which may be lost and is checked when it is read.

        Raises:
            StorageFailed: in one of its kinds; no file is left under `path`.
        """
        with self._plain_errors():
            try:
                self._make_folder(path.parent, durable)
                with replacing(path, durable=durable, system=self._os) as file:
                    file.write(data)
            except BaseException:
                # Also after the rename: without the folder's fsync the name may not last.
                self._discard(path)
                raise

    def move(self, source: Path, target: Path) -> None:
        """Rename a file durably.

        Raises:
            StorageFailed: in one of its kinds.
        """
        with self._plain_errors():
            self._make_folder(target.parent, durable=True)
            put(source, target, system=self._os)
            sync_folder(source.parent, self._os)

    def remove(self, path: Path) -> None:
        """Remove a file if it is there; failing is no harm, the sweep finds it again."""
        self._discard(path)

    def is_image(self, path: Path) -> bool:
        """Whether this is the very path of an image file, by its name."""
        return path.suffix == ".png" and is_id(path.stem) and path == self.image(path.stem)

    def found(self, root: Path) -> Iterator[FoundFile]:
        """Every file in the two-letter folders of `root`, temporary ones too."""
        for folder in _entries(root):
            if folder.is_dir(follow_symlinks=False):
                yield from self.in_folder(Path(folder.path))

    def in_folder(self, folder: Path) -> Iterator[FoundFile]:
        """Every file directly in the folder."""
        for entry in _entries(folder):
            with suppress(FileNotFoundError):
                status = entry.stat(follow_symlinks=False)
                yield FoundFile(Path(entry.path), status.st_size, status.st_mtime)

    def _make_folder(self, folder: Path, durable: bool) -> None:
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            if durable:
                sync_folder(folder.parent, self._os)

    def _discard(self, *paths: Path) -> None:
        for path in paths:
            with suppress(OSError):
                self._os.unlink(path)

    def _plain_errors(self) -> "_PlainErrors":
        return _PlainErrors(self.images.parent)


class _PlainErrors:
    """Turns the system's errors into texts for people."""

    def __init__(self, place: Path):
        self._place = place

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if isinstance(error, OSError) and not isinstance(error, StorageFailed):
            raise storage_error(error, self._place) from error


def sha256(data: bytes) -> str:
    """64 hex characters."""
    return hashlib.sha256(data).hexdigest()


def _folder(image_id: str) -> str:
    return str(image_id)[-2:].lower()


def _inside(root: Path, image_id: str, relative: str) -> Path:
    if not is_id(image_id):
        raise ImageNotFound(image_id)
    path = root / relative
    if not path.resolve().is_relative_to(root):  # a second lock: a symlink could lead elsewhere
        raise ImageNotFound(image_id)
    return path


def _entries(folder: os.PathLike[str] | str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []
