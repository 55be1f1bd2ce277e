"""The photos that pictures were made from: kept once each, under the SHA-256 of their bytes.

home/photos/ab/<sha256>.png     `ab` are its first two characters
home/photos/ab/<sha256>.txt     the name of the file that it came from first
"""

import os
import re
from contextlib import suppress
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from gallery.errors import ImageDamaged, ImageMissing
from gallery.files import ImageFiles, sha256

_ID = re.compile(r"[0-9a-f]{64}")
_BEGINNING = re.compile(r"[0-9a-f]{8,64}")


class Photos:
    """Keep photos and find them again.

    Args:
        files: of the gallery in whose folder they are kept.
    """

    def __init__(self, files: ImageFiles):
        self._files = files
        self.folder = files.images.parent / "photos"

    def keep(self, png: bytes, name: str = "photo") -> str:
        """Write a PNG file and return its id, 64 hexadecimal characters; the same file is kept once.

        Args:
            name: of the file that it came from.

        Raises:
            StorageFailed: the disk did not take it.
        """
        photo_id = sha256(png)
        path = self.path(photo_id)
        if not path.is_file() or path.stat().st_size != len(png):
            self._files.write(path.with_suffix(".txt"), name.encode())
            self._files.write(path, png)
        else:
            with suppress(OSError):
                os.utime(path)  # it is needed again: no leftover for a while
        return photo_id

    def find(self, beginning: str) -> tuple[str, str] | None:
        """The id and the name of the one photo whose id begins so (8 characters or more); None where there is none."""
        if not _BEGINNING.fullmatch(beginning):
            return None
        found = list((self.folder / beginning[:2]).glob(f"{beginning}*.png"))
        if len(found) != 1 or not _ID.fullmatch(found[0].stem):
            return None
        try:
            name = found[0].with_suffix(".txt").read_text(errors="replace")
        except OSError:
            name = "photo"
        return found[0].stem, name

    def path(self, photo_id: str) -> Path:
        """Where the photo of that id belongs.

        Raises:
            ImageMissing: this is no id.
        """
        if not _ID.fullmatch(photo_id):
            raise ImageMissing(f"A photo's id must be 64 hexadecimal characters; got {photo_id[:70]!r}.")
        return self.folder / photo_id[:2] / f"{photo_id}.png"

    def size(self, photo_id: str) -> tuple[int, int]:
        """Width and height in pixels, of the file's head.

        Raises:
            ImageMissing: it is gone; ImageDamaged: it is no picture.
        """
        path = self.path(photo_id)
        try:
            with Image.open(path, formats=("PNG",)) as image:
                return image.size
        except UnidentifiedImageError as error:
            raise ImageDamaged(f"The photo {path} has changed since it was kept. Upload it again.") from error
        except OSError as error:
            raise self._missing(path, error) from error

    def png(self, photo_id: str) -> bytes:
        """The file as it was kept.

        Raises:
            ImageMissing: it is gone; ImageDamaged: its bytes are others.
        """
        path = self.path(photo_id)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise self._missing(path, error) from error
        if sha256(data) != photo_id:
            raise ImageDamaged(f"The photo {path} has changed since it was kept. Put it back, or upload it again.")
        return data

    def _missing(self, path: Path, error: OSError) -> ImageMissing:
        reason = error.strerror or type(error).__name__
        return ImageMissing(f"The photo {path} cannot be read: {reason}. Put it back, or upload it again.")
