"""Pictures that the studio makes outside the gallery, such as a training's samples, carry the mark of those in it."""

from typing import IO

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from gallery.words import COMPOSITE, TRAINED
from gallery.xmp import PNG_KEYWORD, packet

__all__ = ["COMPOSITE", "TRAINED", "save_png"]


def save_png(picture: Image.Image, file: IO[bytes], digital_source: str = TRAINED) -> None:
    """Write a picture as PNG with the mark of how it came to be, one of the IPTC's news codes; see `gallery.words`."""
    texts = PngInfo()
    texts.add_itxt(PNG_KEYWORD, packet(digital_source))
    picture.save(file, "PNG", pnginfo=texts)
