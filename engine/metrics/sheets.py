"""Pictures side by side on one sheet, for eyes."""

import textwrap
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

TILE = 192  # pixels
LABEL = 20  # pixels
BACKGROUND, INK = (24, 24, 28), (225, 225, 225)


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
