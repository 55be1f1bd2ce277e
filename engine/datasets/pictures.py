"""One picture of a data set: opened with care, upright, and what is known about it before it is trained on."""

import hashlib
import io
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from engine.datasets.fingerprints import difference_hash
from engine.errors import StudioError
from engine.picture_files import FORMATS, orientation, plain

MIN_SIDE = 64  # smaller ones are icons; a quarter of the small model's native size
MAX_PIXELS = 80_000_000  # below the 89 million from which Pillow warns of decompression bombs
MAX_BYTES = 200 * 2**20  # 80 million pixels of 24 bits, hardly compressed
_PNG_BIT_DEPTH = 24  # place of the byte in the file: signature 8, chunk head 8, width 4, height 4


class PictureRefused(StudioError):
    """A file that cannot be a training picture.

    Attributes:
        path: the file.
        reason: what is wrong and what to do, without the file's name.
    """

    def __init__(self, path: Path, reason: str):
        self.path, self.reason = path, reason
        super().__init__(f"{path.name}: {reason}")


@dataclass(frozen=True, slots=True)
class CaptionedPicture:
    """A picture and what it shows.

    Attributes:
        path: the file.
        caption: empty when there is none yet.
        repeats: how often it counts in one pass over the data.
    """

    path: Path
    caption: str
    repeats: int = 1


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """What is known of a picture's file.

    Attributes:
        width, height: pixels, upright.
        format: "PNG", "JPEG" or "WEBP", told by the content.
        mode: Pillow's name of the colours as they are stored: "RGB", "L" (grey), "CMYK", ...
        transparent: one can see through some of it.
        bits: of a channel, 8 or 16.
        turned: EXIF turns or mirrors it.
        sha256: of the file.
        hash: 64 bits, see `fingerprints.difference_hash`.
    """

    width: int
    height: int
    format: str
    mode: str
    transparent: bool
    bits: int
    turned: bool
    sha256: str
    hash: int


def facts_of(path: Path) -> PictureFacts:
    """Decode a picture and describe it; each state of the file is read once.

    Raises:
        PictureRefused: damaged, animated, too small, too large or of another format.
    """
    try:
        status = os.stat(path)
    except OSError as error:
        raise _unreadable(path, error) from None
    return _facts(path, status.st_size, status.st_mtime_ns)


def open_picture(path: Path) -> Image.Image:
    """A picture in memory: upright 8-bit RGB in sRGB.

    Raises:
        PictureRefused: see `facts_of`.
    """
    return plain(_decoded(path, _content(path)))


@lru_cache(maxsize=20_000)
def _facts(path: Path, size: int, mtime_ns: int) -> PictureFacts:
    data = _content(path)
    image = _decoded(path, data)
    picture = plain(image)
    return PictureFacts(
        width=picture.width,
        height=picture.height,
        format="JPEG" if image.format == "MPO" else str(image.format),
        mode=image.mode,
        transparent=_is_transparent(image),
        bits=16 if image.format == "PNG" and data[_PNG_BIT_DEPTH] == 16 else 8,
        turned=orientation(image) != 1,
        sha256=hashlib.sha256(data).hexdigest(),
        hash=difference_hash(picture),
    )


def _is_transparent(image: Image.Image) -> bool:
    """Many pictures have an alpha channel that hides nothing."""
    return image.has_transparency_data and int(np.asarray(image.convert("RGBA"))[..., 3].min()) < 255


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _unreadable(path, error) from None
    if not data:
        raise PictureRefused(path, "The file is empty. Copy it here again.")
    if len(data) > MAX_BYTES:
        raise PictureRefused(path, f"A picture's file may have {MAX_BYTES:,} bytes; it has more. Save it smaller.")
    return data


def _decoded(path: Path, data: bytes) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
        _require_usable(path, image)
        image.load()
        return image
    except PictureRefused:
        raise
    except Image.DecompressionBombError:
        raise _too_large(path) from None
    except UnidentifiedImageError:
        raise PictureRefused(path, "Its content is no PNG, JPEG or WebP. Save it in one of these.") from None
    except Exception as error:  # broken files fail in every way that a decoder knows
        raise PictureRefused(path, f"It is damaged ({error}). Save it again or leave it out.") from None


def _require_usable(path: Path, image: Image.Image) -> None:
    """Judged by the header, before any pixel is decoded."""
    if image.width * image.height > MAX_PIXELS:
        raise _too_large(path, f"; it has {image.width}x{image.height}")
    if min(image.size) < MIN_SIDE:
        raise PictureRefused(
            path,
            f"A training picture must have {MIN_SIDE} pixels on each side; it has {image.width}x{image.height}. "
            "Use a larger version.",
        )
    # MPO is a JPEG with further pictures behind it (depth maps, previews), as many phones write.
    if image.format != "MPO" and getattr(image, "is_animated", False):
        frames = getattr(image, "n_frames", 2)
        raise PictureRefused(path, f"It is an animation of {frames} frames. Save the one that you want as a picture.")


def _too_large(path: Path, actual: str = "") -> PictureRefused:
    return PictureRefused(path, f"A picture may have {MAX_PIXELS:,} pixels{actual}. Save it smaller.")


def _unreadable(path: Path, error: OSError) -> PictureRefused:
    return PictureRefused(path, f"The file cannot be read: {error.strerror or error}. Check its place and rights.")
