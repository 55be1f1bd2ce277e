"""Contact sheets: many small pictures on pages of A4 with a line or two below each, as PDF or PNG.

One page is in memory at a time, and pictures are taken from the cache of thumbnails.
"""

import io
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import BinaryIO

from PIL import Image, ImageDraw, ImageFont

from gallery.atomic import replacing
from gallery.errors import GalleryError, SheetRefused, storage_error
from gallery.records import ImageRecord
from gallery.store import Gallery

MOST_PICTURES = 500
FORMS = ("pdf", "png")
DPI = 200
PAGE = (1654, 2339)  # A4 in pixels
COLUMNS, ROWS = 4, 5
PER_PAGE = COLUMNS * ROWS
_MARGIN, _GAP = 60, 18
_POINTS, _LINE = 22, 29
_CELL = (PAGE[0] - 2 * _MARGIN - (COLUMNS - 1) * _GAP) // COLUMNS
_STEP = _CELL + 2 * _LINE + _GAP
_PAPER, _INK, _FAINT, _EMPTY = (255, 255, 255), (25, 25, 28), (110, 110, 116), (226, 226, 230)
_MOST_CHARACTERS = 120  # of a line that are measured
# Pillow's own font has Latin letters alone; the first of these on this machine is used for all others.
_WIDE_FONTS = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJKjp-Regular.otf",
    "YuGothM.ttc",
    "msgothic.ttc",
    "Hiragino Sans GB.ttc",
)

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def write_sheet(path: Path, gallery: Gallery, records: Sequence[ImageRecord]) -> list[Path]:
    """Write a contact sheet; returns the files: one PDF, or a PNG a page, numbered where there are several.

    Args:
        path: ends in `.pdf` or `.png`.
        gallery: whose pictures they are.
        records: 1 to 500 pictures, in their order on the sheet.

    Raises:
        SheetRefused: none or too many pictures, or another suffix.
        StorageFailed: the disk did not take it.
    """
    form = _form(path)
    _check(records)
    try:
        if form == "pdf":
            with tempfile.TemporaryFile() as scratch, replacing(path) as file:
                write_pdf(scratch, gallery, records)
                scratch.seek(0)
                shutil.copyfileobj(scratch, file)
            return [path]
        return [_write_page(path, index, page, len(records)) for index, page in enumerate(pages(gallery, records))]
    except OSError as error:
        raise storage_error(error, path.parent) from error


def write_pdf(file: BinaryIO, gallery: Gallery, records: Sequence[ImageRecord]) -> None:
    """Write a contact sheet as PDF into an open file that can be read too. Raises as `write_sheet` does."""
    _check(records)
    for index, page in enumerate(pages(gallery, records)):
        file.seek(0)
        # Pillow keeps the title when it appends, and would write a second one beside it.
        once = {"append": True} if index else {"title": "Contact sheet"}
        page.save(file, "PDF", resolution=DPI, quality=88, **once)


def png_pages(gallery: Gallery, records: Sequence[ImageRecord]) -> Iterator[bytes]:
    """The pages as PNG files. Raises as `write_sheet` does."""
    _check(records)
    for page in pages(gallery, records):
        stream = io.BytesIO()
        page.save(stream, "PNG", dpi=(DPI, DPI), compress_level=3)
        yield stream.getvalue()


def pages(gallery: Gallery, records: Sequence[ImageRecord]) -> Iterator[Image.Image]:
    """The pages, made one after another: 1654 x 2339 pixels, RGB, 20 pictures each."""
    count = -(-len(records) // PER_PAGE)
    for number in range(count):
        page = Image.new("RGB", PAGE, _PAPER)
        for place, record in enumerate(records[number * PER_PAGE : (number + 1) * PER_PAGE]):
            across = _MARGIN + place % COLUMNS * (_CELL + _GAP)
            _draw(page, gallery, record, (across, _MARGIN + place // COLUMNS * _STEP))
        foot = f"{number + 1} / {count}"
        ImageDraw.Draw(page).text((PAGE[0] // 2, PAGE[1] - _MARGIN // 2), foot, _FAINT, _font(foot), anchor="mm")
        yield page


def _form(path: Path) -> str:
    form = path.suffix.lower().removeprefix(".")
    if form not in FORMS:
        raise SheetRefused(f"A contact sheet is a .pdf or .png file; got {path.name!r}. Name it so, as in sheet.pdf.")
    return form


def _check(records: Sequence[ImageRecord]) -> None:
    if not 1 <= len(records) <= MOST_PICTURES:
        raise SheetRefused(
            f"A contact sheet has 1 to {MOST_PICTURES} pictures; got {len(records)}. "
            "Choose some of them, or make several."
        )


def _write_page(path: Path, index: int, page: Image.Image, pictures: int) -> Path:
    target = path if pictures <= PER_PAGE else path.with_stem(f"{path.stem}-{index + 1}")
    with replacing(target) as file:
        page.save(file, "PNG", dpi=(DPI, DPI), compress_level=3)
    return target


def _draw(page: Image.Image, gallery: Gallery, record: ImageRecord, at: tuple[int, int]) -> None:
    """One picture in the middle of its cell, with its lines below."""
    pen = ImageDraw.Draw(page)
    try:
        with Image.open(io.BytesIO(gallery.thumbnail(record.id))) as small:
            picture = small.convert("RGBA")
    except GalleryError:
        pen.rectangle((*at, at[0] + _CELL, at[1] + _CELL), _EMPTY)
        middle = (at[0] + _CELL // 2, at[1] + _CELL // 2)
        pen.text(middle, "cannot be read", _FAINT, _font(""), anchor="mm")
    else:
        scale = min(_CELL / picture.width, _CELL / picture.height)
        picture = picture.resize((max(1, round(picture.width * scale)), max(1, round(picture.height * scale))))
        left, top = at[0] + (_CELL - picture.width) // 2, at[1] + (_CELL - picture.height) // 2
        page.paste(picture, (left, top), picture)
    for number, (line, ink) in enumerate(((record.title, _INK), (_facts(record), _FAINT))):
        font = _font(line)
        pen.text((at[0], at[1] + _CELL + 2 + number * _LINE), _short(line, _CELL, font), ink, font)


def _facts(record: ImageRecord) -> str:
    seed = [] if record.seed is None else [f"seed {record.seed}"]
    return " · ".join([*seed, *filter(None, [record.model]), record.id[-6:].lower()])


def _short(text: str, room: int, font: Font) -> str:
    """As much of a line as there is room for."""
    text = " ".join(text[: 4 * _MOST_CHARACTERS].split())[:_MOST_CHARACTERS]
    if font.getlength(text) <= room:
        return text
    while text and font.getlength(f"{text}…") > room:
        text = text[:-1]
    return f"{text.rstrip()}…"


def _font(text: str) -> Font:
    return _latin() if all(ord(letter) < 0x250 or letter in "·…–—“”‘’" for letter in text) else _wide()


@cache
def _latin() -> Font:
    return ImageFont.load_default(_POINTS)


@cache
def _wide() -> Font:
    for name in _WIDE_FONTS:
        try:
            return ImageFont.truetype(name, _POINTS)
        except OSError:
            continue
    return _latin()
