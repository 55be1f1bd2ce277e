"""Pictures that other tools made, taken into the gallery: several in one transaction, PNG files as they are.

A PNG that the gallery can show keeps every byte; one chunk with the recipe is set in behind its head. Without that
chunk the file is the original again.
"""

import struct
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from PIL import Image as Pictures
from PIL.PngImagePlugin import PngInfo
from sqlalchemy import select

from gallery import thumbnails
from gallery.ids import new_id
from gallery.looks.filling import looks_of
from gallery.recipe import Recipe
from gallery.records import ImageRecord, record_of, row_of
from gallery.schema import Image
from gallery.store import Also, Gallery

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEAD = len(_SIGNATURE) + 4 + 4 + 13 + 4  # and IHDR: length, name, 13 bytes, checksum
_GREY, _COLOUR_TYPES = 0, (0, 2, 3, 4, 6)
_BATCH = 500
_WRITERS = 8


@dataclass(frozen=True, slots=True)
class Found:
    """A picture on its way in.

    Attributes:
        data: the PNG file with its recipe.
        recipe: the same.
        picture: its pixels, for the small picture.
    """

    data: bytes
    recipe: Recipe
    picture: Pictures.Image


def fits(png: bytes) -> bool:
    """Whether a sound file is a PNG that the gallery keeps as it is: all but grey of 16 bits, shown clipped."""
    if len(png) < _HEAD or not png.startswith(_SIGNATURE) or png[12:16] != b"IHDR":
        return False
    bits, colours = png[24], png[25]
    shown = colours in _COLOUR_TYPES and not (bits == 16 and colours == _GREY)
    return shown and b"studio_recipe" not in png  # one that cannot be read would hide ours


def with_recipe(png: bytes, recipe: Recipe) -> bytes:
    """The file with one chunk more."""
    return png[:_HEAD] + chunk_of(recipe) + png[_HEAD:]


def chunk_of(recipe: Recipe) -> bytes:
    """The chunk that holds a recipe."""
    texts = PngInfo()
    texts.add_text("studio_recipe", recipe.to_json())
    name, data = texts.chunks[0][:2]
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def adopt(gallery: Gallery, found: Sequence[Found], owner: str, also: Also = lambda session: None) -> list[ImageRecord]:
    """Keep these pictures for ever: their files first, then all rows in one transaction.

    Args:
        also: called in that transaction; what it raises undoes everything.

    Raises:
        StorageFailed: the disk or database took nothing.
    """
    gallery.check_folder()
    rows = [_row(gallery, each, owner) for each in found]
    try:
        _side_by_side(lambda row, each: gallery.files.write(gallery.files.image(row.id), each.data), rows, found)
        with gallery.database.write() as session:
            for row in rows:
                gallery.insert(session, row)
            also(session)
    except BaseException:
        for row in rows:
            gallery.discard_unless_saved(row.id)
        raise
    _side_by_side(lambda row, each: thumbnails.write(gallery.files, row.id, each.picture), rows, found)
    return [record_of(row) for row in rows]


def _side_by_side(work: Callable[[Image, Found], object], rows: Sequence[Image], found: Sequence[Found]) -> None:
    """The disk brings many files to safety in the time of a few. Raises the first error, when all have ended."""
    with ThreadPoolExecutor(_WRITERS) as pool:
        list(pool.map(work, rows, found))


def known_files(gallery: Gallery, owner: str) -> set[str]:
    """The SHA-256 of every file that an owner's pictures are, or were before they were brought in; of the trash too."""
    known = set()
    with gallery.database.read() as session:
        own = select(Image.sha256, Image.recipe).where(Image.owner == owner).execution_options(yield_per=_BATCH)
        for sha, recipe in session.execute(own):
            known.update({sha, original_sha256(recipe)})
    return known - {""}


def original_sha256(recipe: object) -> str:
    """Of the file that was brought in, by a recipe's JSON values; empty where there was none."""
    request = recipe.get("request") if isinstance(recipe, dict) else None
    file = request.get("file") if isinstance(request, dict) else None
    value = file.get("sha256") if isinstance(file, dict) else None
    return value if isinstance(value, str) else ""


def _row(gallery: Gallery, found: Found, owner: str) -> Image:
    words = gallery.describe(found.recipe)
    return row_of(new_id(), found.recipe, words, found.picture.size, found.data, owner=owner, **looks_of(found.picture))
