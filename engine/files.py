"""Small files: read with care, since people or other programs may have written them; written whole or not at all."""

import errno
import json
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

from gallery.atomic import put, replacing, scratch_of

__all__ = ["open_plain", "printable", "put", "read_json", "read_plain", "replacing", "scratch_of", "write_json"]

MAX_JSON_BYTES = 4 * 2**20
MOST_DIGITS = 300  # of a whole number; a float holds 308
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


def open_plain(path: Path) -> BinaryIO:
    """A file that is opened to be read; pipes and devices are not, since they may never end, or not even begin.

    Raises:
        OSError: it cannot be read, or is no plain file; `strerror` says what it is.
    """
    _require_plain(path, os.stat(path).st_mode)
    # It may become a pipe between the two calls; then this neither waits nor reads.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        _require_plain(path, os.fstat(handle).st_mode)
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_plain(path: Path, most: int = -1) -> bytes:
    """The bytes of a file, or at most so many of them. Raises as `open_plain`."""
    with open_plain(path) as file:
        return file.read(most)


def _require_plain(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "something else")
        raise OSError(errno.EINVAL, f"it is {kind}, not a file", str(path))


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        OSError: the file cannot be read.
        ValueError: it holds no JSON object, more than 4 MiB, or a number that no float can hold; the text says what is
            wrong.
    """
    if not path.is_file() and path.exists():
        raise ValueError("not a file")
    text = read_plain(path, MAX_JSON_BYTES + 1)
    if len(text) > MAX_JSON_BYTES:
        raise ValueError(f"more than {MAX_JSON_BYTES:,} bytes")
    try:
        content = json.loads(text.decode("utf-8-sig"), parse_int=_whole_number)
    except RecursionError:
        raise ValueError("JSON nested far too deep") from None
    if not isinstance(content, dict):
        raise ValueError(f"a JSON {type(content).__name__} in place of an object")
    return content


def _whole_number(digits: str) -> int:
    # Larger ones end whoever makes a float or a text of them.
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"a whole number of {len(digits):,} digits")
    return int(digits)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Replace the file in one step, so that a crash leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        file.write((json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())


def printable(text: str) -> str:
    """The text without control characters and broken surrogates, which no database or page can hold."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return "".join(character for character in text if character.isprintable() or character in "\n\t")
