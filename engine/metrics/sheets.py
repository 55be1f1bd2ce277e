"""Pictures side by side on one sheet, for eyes."""

import textwrap
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

TILE = 192  # pixels
LABEL = 20  # pixels
SIDE_LABEL, GAP = 110, 4  # pixels
BACKGROUND, INK = (24, 24, 28), (225, 225, 225)


def grid_sheet(title: str, columns: Sequence[str], rows: Sequence[tuple[str, Sequence[Image.Image]]]) -> Image.Image:
    """A table of pictures with a name for each row and column.

    Args:
        title: one line above all.
        columns: their names.
        rows: name and pictures of each, as many as columns; the pictures are scaled to squares.
    """
    step = TILE + GAP
    width = SIDE_LABEL + len(columns) * step
    canvas = Image.new("RGB", (width, 2 * LABEL + len(rows) * step), BACKGROUND)
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(12)
    pen.text((4, 3), textwrap.shorten(title, width // 6, placeholder=" ..."), INK, font)
    for column, name in enumerate(columns):
        pen.text((SIDE_LABEL + column * step + 4, LABEL + 3), name, INK, font)
    for row, (name, pictures) in enumerate(rows):
        top = 2 * LABEL + row * step
        pen.text((4, top + TILE // 2 - 6), name, INK, font)
        for column, picture in enumerate(pictures):
            canvas.paste(picture.resize((TILE, TILE), Image.Resampling.LANCZOS), (SIDE_LABEL + column * step, top))
    return canvas


def sheet(rows: Sequence[tuple[str, Sequence[Image.Image]]]) -> Image.Image:
    """Rows of pictures, each under its label.

    Args:
        rows: label and pictures; the pictures are scaled to squares.
    """
    columns = max((len(pictures) for _, pictures in rows), default=1)
    canvas = Image.new("RGB", (columns * TILE, max(1, len(rows)) * (TILE + LABEL)), BACKGROUND)
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(12)
    for row, (label, pictures) in enumerate(rows):
        top = row * (TILE + LABEL)
        pen.text((4, top + 3), textwrap.shorten(label, columns * TILE // 6, placeholder=" ..."), INK, font)
        for column, picture in enumerate(pictures):
            canvas.paste(picture.resize((TILE, TILE), Image.Resampling.LANCZOS), (column * TILE, top + LABEL))
    return canvas
