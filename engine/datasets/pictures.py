"""One picture of a data set: opened with care, upright, and what is known about it before it is trained on."""

import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image

from engine.datasets.fingerprints import difference_hash
from engine.errors import StudioError
from engine.files import read_plain
from engine.picture_files import FORMATS, bits_in, rgb_image
from engine.picture_gate import Answer, Decoded, Refused, Rules, decoded

MIN_SIDE = 64  # smaller ones are icons; a quarter of the small model's native size
MAX_PIXELS = 80_000_000  # below the 89 million from which Pillow warns of decompression bombs
MAX_BYTES = 200 * 2**20  # 80 million pixels of 24 bits, hardly compressed
_RULES = Rules(FORMATS, MAX_PIXELS, MIN_SIDE)


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
        raise PictureRefused(
            path, f"The file cannot be read: {error.strerror or error}. Check its place and rights."
        ) from None
    return _facts(path, status.st_size, status.st_mtime_ns)


def open_picture(path: Path) -> Image.Image:
    """A picture in memory: upright 8-bit RGB in sRGB.

    Raises:
        PictureRefused: see `facts_of`.
    """
    return rgb_image(_decoded(path, _content(path), "rgb"))


@lru_cache(maxsize=20_000)
def _facts(path: Path, size: int, mtime_ns: int) -> PictureFacts:
    data = _content(path)
    picture = _decoded(path, data, "facts")
    stored = picture.stored
    return PictureFacts(
        width=picture.width,
        height=picture.height,
        format="JPEG" if stored["format"] == "MPO" else stored["format"],
        mode=stored["mode"],
        transparent=stored["transparent"],
        bits=bits_in(data),
        turned=stored["turned"],
        sha256=hashlib.sha256(data).hexdigest(),
        hash=difference_hash(Image.frombytes("L", (9, 8), picture.data)),
    )


def _content(path: Path) -> bytes:
    try:
        data = read_plain(path, MAX_BYTES + 1)
    except OSError as error:
        raise PictureRefused(
            path, f"The file cannot be read: {error.strerror or error}. Check its place and rights."
        ) from None
    if not data:
        raise PictureRefused(path, "The file is empty. Copy it here again.")
    if len(data) > MAX_BYTES:
        raise PictureRefused(path, f"A picture's file may have {MAX_BYTES:,} bytes; it has more. Save it smaller.")
    return data


def _decoded(path: Path, data: bytes, answer: Answer) -> Decoded:
    """In a process of its own, see `engine.picture_gate`."""
    try:
        return decoded(data, _RULES, answer)
    except Refused as error:
        raise PictureRefused(path, _reason(error)) from None


def _reason(error: Refused) -> str:
    values = error.values
    size = f"{values.get('width')}x{values.get('height')}"
    match error.code:
        case "format":
            return "Its content is no PNG, JPEG or WebP. Save it in one of these."
        case "damaged":
            return f"It is damaged ({values['why']}). Save it again or leave it out."
        case "too_large":
            return f"A picture may have {MAX_PIXELS:,} pixels; it has {size}. Save it smaller."
        case "too_small":
            return f"A training picture must have {MIN_SIDE} pixels on each side; it has {size}. Use a larger version."
        case "moves":
            return f"It is an animation of {values['frames']} frames. Save the one that you want as a picture."
    return f"It {error}"
