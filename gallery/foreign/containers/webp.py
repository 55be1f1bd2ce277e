"""WebP: EXIF and XMP in their chunks (RFC 9649)."""

from gallery.foreign.containers.exif import add_exif
from gallery.foreign.containers.texts import MOST_TEXT_BYTES, Texts
from gallery.foreign.containers.xmp import add_xmp

_MOST_CHUNKS = 100_000  # an animation has one a frame
_READERS = {b"EXIF": add_exif, b"XMP ": add_xmp}


def is_webp(data: bytes) -> bool:
    """Whether the bytes begin as a WebP file does."""
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def _size(name: bytes, body: bytes) -> tuple[int, int]:
    """Of the canvas, or of a lossless picture; lossy ones hide nothing in their pixels."""
    if name == b"VP8X":
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    sides = int.from_bytes(body[1:5], "little")
    return 1 + (sides & 0x3FFF), 1 + (sides >> 14 & 0x3FFF)


def read(data: bytes, texts: Texts) -> None:
    """Add the texts of a WebP file."""
    end, at = 8 + int.from_bytes(data[4:8], "little"), 12
    for _ in range(_MOST_CHUNKS):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if at >= end or not name:
            break
        body = data[at + 8 : at + 8 + size] if name in (*_READERS, b"VP8X") else data[at + 8 : at + 18]
        if name in (b"VP8X", b"VP8L") and len(body) >= 10:
            texts.size = texts.size or _size(name, body)
        elif len(body) > MOST_TEXT_BYTES:
            texts.left_out(name.decode("latin-1").strip())
        elif name in _READERS:
            _READERS[name](body, texts)
        at += 8 + size + size % 2
    if len(data) < end - 1:  # some writers leave out the last byte that fills up
        texts.damage = "it ends in the middle"
