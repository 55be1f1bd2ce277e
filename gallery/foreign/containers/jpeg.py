"""JPEG: EXIF, XMP and comments in the segments before the picture data (ITU T.81, annex B)."""

from collections.abc import Iterator

from gallery.foreign.containers.exif import add_exif
from gallery.foreign.containers.texts import JPEG_COMMENT, Texts, decode
from gallery.foreign.containers.xmp import add_xmp
from gallery.metadata import recipe_in

SIGNATURE = b"\xff\xd8\xff"
_EXIF, _XMP = b"Exif\0", b"http://ns.adobe.com/xap/1.0/\0"
_APP1, _APP9, _COMMENT, _SCAN, _END = 0xE1, 0xE9, 0xFE, 0xDA, 0xD9
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_MOST_SEGMENTS = 10_000


def read(data: bytes, texts: Texts) -> None:
    """Add the texts of a JPEG file."""
    own = []
    for marker, body in _segments(data, texts):
        if marker == _APP1 and body.startswith(_EXIF):
            add_exif(body[6:], texts)
        elif marker == _APP1 and body.startswith(_XMP):
            add_xmp(body[len(_XMP) :], texts)
        elif marker == _COMMENT:
            texts.add(JPEG_COMMENT, decode(body))
            own.append(("COM", body))
        elif marker == _APP9:
            own.append(("APP9", body))
        elif marker in _FRAMES and len(body) >= 5:
            texts.size = (int.from_bytes(body[3:5], "big"), int.from_bytes(body[1:3], "big"))
    texts.add("studio_recipe", recipe_in(own))


def _segments(data: bytes, texts: Texts) -> Iterator[tuple[int, bytes]]:
    at = 2
    for _ in range(_MOST_SEGMENTS):
        while data[at : at + 2] == b"\xff\xff":  # bytes that fill up
            at += 1
        marker, size = data[at + 1 : at + 2], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker and marker[0] in (_SCAN, _END):
            break
        body = data[at + 4 : at + 2 + size]
        if data[at : at + 1] != b"\xff" or size < 2 or len(body) < size - 2:
            texts.damage = "it ends before the picture begins"
            return
        yield marker[0], body
        at += 2 + size
    if data.rfind(b"\xff\xd9", at) < 0:
        texts.damage = "it ends in the middle"
