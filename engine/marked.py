"""The marks of pictures outside the gallery: those that the studio makes, such as samples, and those it is given."""

import re
from typing import IO

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from gallery.words import COMPOSITE, TRAINED
from gallery.xmp import DIGITAL_SOURCE, PNG_KEYWORD, clean_marks, marks_in, packet

__all__ = ["COMPOSITE", "TRAINED", "carried_on", "marks_of", "save_png"]

_EXIF = {"dc:creator": 0x013B, "dc:rights": 0x8298}  # Artist and Copyright, which cameras write
# By name, since in CBOR the next text begins with a letter right behind.
_CODES = re.compile(rf"digitalsourcetype/({TRAINED}|{COMPOSITE}|)".encode())


def save_png(picture: Image.Image, file: IO[bytes], digital_source: str = TRAINED) -> None:
    """Write a picture as PNG with the mark of how it came to be, one of the IPTC's news codes; see `gallery.words`."""
    picture.save(file, "PNG", pnginfo=_texts(packet(digital_source)))


def marks_of(image: Image.Image, data: bytes) -> dict[str, list[str]]:
    """How an opened picture came to be and whose it is, as far as its file says it; see `gallery.xmp.marks_in`.

    Args:
        data: the file's bytes. A C2PA manifest in it says by the same news codes how it came to be. It is not verified:
            it is believed only where it says that a model made the picture, or a part of it.
    """
    found = image.info.get(PNG_KEYWORD) or image.info.get("xmp") or b""
    xmp = found.encode("utf-8", "replace") if isinstance(found, str) else found
    marks = marks_in(xmp.decode("utf-8", "replace"))
    for name, said in _of_exif(image).items():
        marks.setdefault(name, [said])
    if (source := _of_manifest(data, xmp)) and not _by_a_model(marks):
        marks[DIGITAL_SOURCE] = [source]
    return clean_marks(marks)


def carried_on(marks: dict[str, list[str]]) -> PngInfo | None:
    """The marks of a picture for the PNG file of its pixels; None where there are none."""
    return _texts(packet(marks.get(DIGITAL_SOURCE, [""])[0], marks)) if marks else None


def _texts(xmp: str) -> PngInfo:
    texts = PngInfo()
    texts.add_itxt(PNG_KEYWORD, xmp)
    return texts


def _of_exif(image: Image.Image) -> dict[str, str]:
    try:
        exif = image.getexif()
        said = {name: exif.get(tag) for name, tag in _EXIF.items()}
    except Exception:  # a broken block fails in many ways; the picture beside it is sound
        return {}
    return {name: text.strip("\0 ") for name, text in said.items() if isinstance(text, str) and text.strip("\0 ")}


def _by_a_model(marks: dict[str, list[str]]) -> bool:
    return marks.get(DIGITAL_SOURCE, [""])[0] in (TRAINED, COMPOSITE)


def _of_manifest(data: bytes, xmp: bytes) -> str:
    """A manifest tells the whole story, so what was a photo first and edited by a model then has both codes."""
    if b"c2pa" not in data:
        return ""
    codes = {code.decode() for code in _CODES.findall(data.replace(xmp, b"") if xmp else data)}
    if codes == {TRAINED}:
        return TRAINED
    return COMPOSITE if codes & {TRAINED, COMPOSITE} else ""
