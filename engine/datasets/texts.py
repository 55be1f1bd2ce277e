"""Text that people and other programs wrote: its encoding told, its captions on one line."""

import codecs
from pathlib import Path

from engine.files import printable

MAX_TEXT_BYTES = 16 * 2**20
UTF_8, UTF_16, WINDOWS = "UTF-8", "UTF-16", "Windows-1252"


def read_text(path: Path) -> tuple[str, str]:
    """The text of a file, and its encoding: UTF-8, UTF-16 when a mark says so, else Windows-1252.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is too large; the text says so.
    """
    with path.open("rb") as file:
        data = file.read(MAX_TEXT_BYTES + 1)
    if len(data) > MAX_TEXT_BYTES:
        raise ValueError(f"it has more than {MAX_TEXT_BYTES:,} bytes")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace"), UTF_16
    try:
        return data.decode("utf-8-sig"), UTF_8
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace"), WINDOWS


def one_line(text: str) -> str:
    """A caption as it is kept: one line, single spaces, no control characters."""
    return " ".join(printable(" ".join(text.split())).split())
