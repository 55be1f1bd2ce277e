"""The labelled sheet of a grid."""

import textwrap
from bisect import bisect_right
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

MOST_SIDE = 4096  # pixels; larger sheets show their pictures smaller
GAP = 8
MOST_CHARACTERS = 200  # of a name that are looked at; measuring a text takes its square
BACKGROUND, INK, EMPTY = (24, 24, 28), (235, 235, 235), (60, 60, 66)

Row = Sequence[Image.Image | None]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def labelled(title: str, columns: Sequence[str], rows: Sequence[tuple[str, Row]], tile: tuple[int, int]) -> Image.Image:
    """Pictures in rows and columns under their names.

    Args:
        title: above all; may be empty.
        columns: names of the columns.
        rows: the name and the pictures of each, None where one is missing.
        tile: width and height in which the pictures are shown, where there is room for it.
    """
    width, height = tile_of(tile, len(columns), len(rows))
    points = max(12, min(24, width // 14))
    font, line = ImageFont.load_default(points), round(points * 1.35)
    side = _side_label(rows, font)
    top = (line + GAP) * (1 + bool(title)) + GAP
    canvas = Image.new("RGB", (side + len(columns) * (width + GAP) + GAP, top + len(rows) * (height + GAP)), BACKGROUND)
    pen = ImageDraw.Draw(canvas)
    if title:
        pen.text((GAP, GAP), _short(title, canvas.width - 2 * GAP, font), INK, font)
    for column, name in enumerate(columns):
        pen.text((side + GAP + column * (width + GAP), top - line - GAP), _short(name, width, font), INK, font)
    for row, (name, pictures) in enumerate(rows):
        down = top + row * (height + GAP)
        pen.multiline_text((GAP, down), textwrap.fill(name[:MOST_CHARACTERS], 18), INK, font)
        for column, picture in enumerate(pictures):
            across = side + GAP + column * (width + GAP)
            canvas.paste(_shown(picture, width, height), (across, down))
    return canvas


def tile_of(tile: tuple[int, int], columns: int, rows: int) -> tuple[int, int]:
    """The width and height in which pictures of that size are shown, so that the sheet keeps to about `MOST_SIDE`."""
    room = min(MOST_SIDE * 0.9 / (columns * tile[0]), MOST_SIDE * 0.9 / (rows * tile[1]), 1.0)
    return max(16, round(tile[0] * room)), max(16, round(tile[1] * room))


def _side_label(rows: Sequence[tuple[str, Row]], font: Font) -> int:
    """Pixels for the names of the rows; none where they have none."""
    lines = [line for name, _ in rows for line in textwrap.wrap(name[:MOST_CHARACTERS], 18)]
    return round(max((font.getlength(line) for line in lines), default=0)) + GAP * bool(lines)


def _shown(picture: Image.Image | None, width: int, height: int) -> Image.Image:
    """The whole picture in a tile, in its own shape."""
    tile = Image.new("RGB", (width, height), EMPTY if picture is None else BACKGROUND)
    if picture is not None:
        scale = min(width / picture.width, height / picture.height)
        size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
        small = picture if size == picture.size else picture.resize(size, Image.Resampling.LANCZOS)
        tile.paste(small, ((width - size[0]) // 2, (height - size[1]) // 2))
    return tile


def _short(text: str, room: int, font: Font) -> str:
    text = text[:MOST_CHARACTERS]
    if font.getlength(text) <= room:
        return text
    fits = bisect_right(range(len(text)), room, key=lambda length: round(font.getlength(f"{text[:length]}…")))
    return f"{text[: max(0, fits - 1)]}…"
