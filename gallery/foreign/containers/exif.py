"""EXIF: the texts of IFD0 and of the EXIF IFD, in either byte order (TIFF 6.0; CIPA DC-008, EXIF 2.32).

Pillow's own reader decodes texts on its way, so that UTF-8 is lost, and warns instead of telling.
"""

from collections.abc import Iterator
from typing import Any

from gallery.foreign.containers.texts import EXIF_COMMENT, Texts, decode

NAMES = {
    0x010E: "ImageDescription",
    0x010F: "Make",
    0x0110: "Model",
    0x0131: "Software",
    0x013B: "Artist",
    0x927C: "MakerNote",
    0x9286: EXIF_COMMENT,
    0x9C9B: "XPTitle",
    0x9C9C: "XPComment",
    0x9C9E: "XPKeywords",
    0x9C9F: "XPSubject",
}
_EXIF_IFD = 0x8769
_MOST_ENTRIES = 1_000
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 9: 4, 10: 8, 129: 1}  # bytes of a value, by its type
# ComfyUI counts its keys down from 0x010F over tags that mean something else.
_COUNTED_DOWN = range(0x0100, 0x0110)


def add_exif(data: bytes, texts: Texts) -> None:
    """Add the texts of an EXIF block, with or without its head."""
    data = data.removeprefix(b"Exif\0\0")
    order = {b"II": "little", b"MM": "big"}.get(data[:2])
    if order is None:
        return
    tiff = _Tiff(data, order)
    todo = [tiff.whole(4, 4)]
    done: set[int] = set()
    while todo and len(done) < 4:
        at = todo.pop()
        done.add(at)
        for tag, raw in tiff.entries(at):
            if tag == _EXIF_IFD and (further := int.from_bytes(raw[:4], tiff.order)) not in done:
                todo.append(further)
            elif (name := NAMES.get(tag)) or (tag in _COUNTED_DOWN and len(raw) > 20):
                texts.add(name or f"EXIF {tag:#06x}", _text(tag, raw, tiff.order))


class _Tiff:
    def __init__(self, data: bytes, order: str):
        self.data = data
        self.order: Any = order

    def whole(self, at: int, size: int) -> int:
        return int.from_bytes(self.data[at : at + size], self.order)

    def entries(self, at: int) -> Iterator[tuple[int, bytes]]:
        """Tag and bytes of each entry of a directory; entries that point outside the block are left out."""
        for index in range(min(self.whole(at, 2), _MOST_ENTRIES)):
            entry = at + 2 + 12 * index
            size = _SIZES.get(self.whole(entry + 2, 2), 0) * self.whole(entry + 4, 4)
            begin = entry + 8 if size <= 4 else self.whole(entry + 8, 4)
            if size and begin + size <= len(self.data):
                yield self.whole(entry, 2), self.data[begin : begin + size]


def _text(tag: int, raw: bytes, order: str) -> str:
    if NAMES.get(tag, "").startswith("XP"):  # Windows' own fields
        return raw.decode("utf-16-le", "replace")
    head, body = raw[:8], raw[8:]
    if head.rstrip(b"\0 ") == b"UNICODE":
        return _unicode(body, order)
    if head.rstrip(b"\0 ") in (b"ASCII", b"JIS") or (head == bytes(8) and body):
        return _unicode(body, order) if _is_wide(body) else decode(body)
    return _unicode(raw, order) if _is_wide(raw) else decode(raw)


def _is_wide(raw: bytes) -> bool:
    """Whether bytes are UTF-16, whatever was written before them: most characters of a recipe are ASCII."""
    text = raw.rstrip(b"\0")[:4096]
    return raw[:2] in (b"\xff\xfe", b"\xfe\xff") or 4 * text.count(0) > len(text)


def _unicode(body: bytes, order: str) -> str:
    """UTF-16 of whatever byte order, or UTF-8, which some tools write behind the same head.

    The block's byte order does not settle it: A1111 writes big endian text into blocks of either order. Most
    characters of a parameter line are ASCII, so one of their two bytes is 0.
    """
    if body[:2] == b"\xff\xfe":
        return body[2:].decode("utf-16-le", "replace")
    if body[:2] == b"\xfe\xff":
        return body[2:].decode("utf-16-be", "replace")
    high, low = body[0:4096:2].count(0), body[1:4096:2].count(0)
    if not high and not low and _is_utf8(body):
        return body.decode("utf-8")
    little = low > high or (low == high and order == "little")
    return body.decode("utf-16-le" if little else "utf-16-be", "replace")


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
