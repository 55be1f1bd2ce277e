"""Picture files with texts in every place where tools put them."""

import io
import struct
import zlib

from PIL import Image

PIXELS = Image.new("RGB", (8, 8), "navy")


def encoded(form: str = "PNG", image: Image.Image = PIXELS, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def text_chunk(key: str, text: str, kind: str = "tEXt", encoding: str = "utf-8") -> bytes:
    raw = text.encode(encoding)
    if kind == "tEXt":
        return chunk(b"tEXt", key.encode() + b"\0" + raw)
    if kind == "zTXt":
        return chunk(b"zTXt", key.encode() + b"\0\0" + zlib.compress(raw))
    packed = kind == "iTXt packed"
    return chunk(b"iTXt", key.encode() + b"\0" + bytes([packed]) + b"\0\0\0" + (zlib.compress(raw) if packed else raw))


def png(*chunks: bytes, behind: bool = False, image: Image.Image = PIXELS) -> bytes:
    """With chunks before the picture data, or behind it."""
    plain = encoded(image=image)
    at = len(plain) - 12 if behind else 33  # before IEND; behind IHDR
    return plain[:at] + b"".join(chunks) + plain[at:]


def png_texts(**texts: str) -> bytes:
    """Keys are written with a hyphen for each `__`."""
    return png(*(text_chunk(key.replace("__", "-"), text, "iTXt") for key, text in texts.items()))


def exif(tags: dict[int, bytes], order: str = ">", sub: dict[int, bytes] | None = None, kind: int = 2) -> bytes:
    """An EXIF block with these tags in IFD0 and those of `sub` in the EXIF IFD."""
    head = (b"MM\0\x2a" if order == ">" else b"II\x2a\0") + struct.pack(order + "I", 8)
    entries = len(tags) + bool(sub)
    data_at = 8 + 2 + 12 * entries + 4
    first, data = _ifd(tags, order, kind, data_at, data_at + sum(map(len, tags.values())) if sub else None)
    second = b""
    if sub:
        at = data_at + len(data)
        body, more = _ifd(sub, order, 7, at + 2 + 12 * len(sub) + 4, None)
        second = body + more
    return b"Exif\0\0" + head + first + data + second


def _ifd(tags: dict[int, bytes], order: str, kind: int, data_at: int, sub_at: int | None) -> tuple[bytes, bytes]:
    entries, data = [], b""
    for tag, raw in tags.items():
        entries.append(struct.pack(order + "HHII", tag, kind, len(raw), data_at + len(data)))
        data += raw
    if sub_at is not None:
        entries.append(struct.pack(order + "HHII", 0x8769, 4, 1, sub_at))
    return struct.pack(order + "H", len(entries)) + b"".join(entries) + bytes(4), data


def user_comment(text: str, order: str = ">", encoding: str = "utf-16-be", head: bytes = b"UNICODE\0") -> bytes:
    """An EXIF block with the text where A1111 writes it."""
    return exif({}, order, {0x9286: head + text.encode(encoding)})
