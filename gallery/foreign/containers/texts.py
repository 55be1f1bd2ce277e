"""The texts of one file, collected under caps."""

import zlib
from dataclasses import dataclass, field

from gallery.foreign.values import repaired

MOST_TEXTS = 256
MOST_TEXT_BYTES = 8 << 20  # of one text; ComfyUI's largest graphs with pictures in them have a few million
MOST_BYTES = 32 << 20  # of all

EXIF_COMMENT = "UserComment"
JPEG_COMMENT = "comment"
XMP_COMMENT = "XMP UserComment"
STEALTH = "stealth"


@dataclass
class Texts:
    """What a picture file says, by key: PNG's keywords, EXIF's and XMP's names of their fields.

    Attributes:
        found: the first text of every key that is not empty.
        size: width and height in pixels, where the file says them.
        notes: sentences about texts that were left out or put right.
        damage: why the file is not whole; empty where it is.
    """

    found: dict[str, str] = field(default_factory=dict)
    size: tuple[int, int] | None = None
    notes: list[str] = field(default_factory=list)
    damage: str = ""
    _room: int = MOST_BYTES

    def add(self, key: str, text: str) -> None:
        """Keep a text; wrongly stored UTF-8 is put right, and that is noted."""
        text = text.strip("\0")
        if not text.strip() or key in self.found:
            return
        if len(self.found) >= MOST_TEXTS or len(text) > min(MOST_TEXT_BYTES, self._room):
            self.left_out(key)
            return
        self._room -= len(text)
        self.found[key] = right = repaired(text)
        if right != text:
            self.note("Its text was UTF-8 stored as Latin-1; it was put right.")

    def left_out(self, key: str) -> None:
        """Say that a text was too large to be read."""
        self.note(f"Its text {key[:80]!r} is larger than a recipe can be and was not read.")

    def note(self, sentence: str) -> None:
        """Say something once."""
        if sentence not in self.notes and len(self.notes) < 20:
            self.notes.append(sentence)


def decode(raw: bytes) -> str:
    """Text whose encoding is not said: UTF-8 where it is that, else Latin-1."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def inflated(raw: bytes, wbits: int = zlib.MAX_WBITS) -> bytes | None:
    """Decompressed bytes; None where they are more than a text may have. What a broken stream gives is given.

    Args:
        raw: the stream.
        wbits: as zlib has it; 31 for gzip.
    """
    stream = zlib.decompressobj(wbits)
    pieces, size = [], 0
    for at in range(0, len(raw), 4096):  # piece by piece, so that what stands before a broken place is kept
        try:
            pieces.append(stream.decompress(raw[at : at + 4096], MOST_TEXT_BYTES + 1 - size))
        except zlib.error:
            break
        size += len(pieces[-1])
        if size > MOST_TEXT_BYTES:
            return None
    return b"".join(pieces)
