"""PNG: text chunks wherever they stand, EXIF and XMP. Chunks by the specification (w3.org/TR/png-3, section 11.3).

Pillow reads texts behind the picture data only by decoding the picture, and refuses texts of more than 1 MiB.
"""

import re
from collections.abc import Iterator

from gallery.foreign.containers.exif import add_exif
from gallery.foreign.containers.texts import MOST_TEXT_BYTES, Texts, decode, inflated
from gallery.foreign.containers.xmp import add_xmp
from gallery.xmp import PNG_KEYWORD

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MOST_CHUNKS = 1_000_000  # picture data comes in many chunks, 8 KiB each in some files
_PROFILE = re.compile(rb"\s*(?:exif|APP1|generic)\s+[0-9]+\s+([0-9a-fA-F\s]*)", re.I)


def read(data: bytes, texts: Texts) -> None:
    """Add the texts of a PNG file."""
    for name, body in _chunks(data, texts):
        if name == b"IHDR" and len(body) >= 8:
            texts.size = (int.from_bytes(body[:4], "big"), int.from_bytes(body[4:8], "big"))
        elif name in _READERS and len(body) > MOST_TEXT_BYTES:
            texts.left_out(body[:80].split(b"\0")[0].decode("latin-1"))
        elif name in _READERS:
            _READERS[name](body, texts)


def _chunks(data: bytes, texts: Texts) -> Iterator[tuple[bytes, bytes]]:
    at = len(SIGNATURE)
    for _ in range(MOST_CHUNKS):
        size, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if name == b"IEND":
            return
        body = data[at + 8 : at + 8 + size]
        if len(name) < 4 or len(body) < size:
            texts.damage = "it ends in the middle"
        if name != b"IDAT":
            yield name, body
        if texts.damage:
            return
        at += 12 + size
    texts.damage = "it has too many parts"


def _text(body: bytes, texts: Texts) -> None:
    key, _, raw = body.partition(b"\0")
    _add(key, raw, texts)


def _compressed(body: bytes, texts: Texts) -> None:
    key, _, rest = body.partition(b"\0")
    _add(key, inflated(rest[1:]), texts)


def _international(body: bytes, texts: Texts) -> None:
    key, _, rest = body.partition(b"\0")
    raw: bytes | None = rest[2:].split(b"\0", 2)[-1]
    _add(key, inflated(raw) if raw and rest[:1] == b"\1" else raw, texts)


def _add(key: bytes, raw: bytes | None, texts: Texts) -> None:
    name = key.decode("latin-1")
    if raw is None:
        texts.left_out(name)
    elif name == PNG_KEYWORD:
        add_xmp(raw, texts)
    elif profile := name.startswith("Raw profile type") and _PROFILE.match(raw):  # as ImageMagick keeps EXIF
        digits = b"".join(profile[1].split())
        add_exif(bytes.fromhex(digits[: len(digits) // 2 * 2].decode()), texts)
    else:
        texts.add(name, decode(raw))


_READERS = {b"IHDR": _text, b"tEXt": _text, b"zTXt": _compressed, b"iTXt": _international, b"eXIf": add_exif}
