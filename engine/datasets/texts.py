"""Text that people and other programs wrote: its encoding told, its captions on one line."""

import codecs
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from engine.datasets.encodings import MOST_BYTES, UTF_8, CodePage, guess
from engine.files import printable, read_plain

MAX_TEXT_BYTES = 16 * 2**20
MAX_CAPTION_BYTES = 100_000  # of a text beside a picture; a text encoder reads about 300 characters
_MARKS = (  # the longer ones first: UTF-32's begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
_ISO_2022 = re.compile(rb"\x1b(\$[@B]|\$\([DO]|\([BJI])")
_LATIN = "Windows-1252"


def read_bytes(path: Path, most: int = MAX_TEXT_BYTES) -> bytes:
    """The bytes of a text file.

    Raises:
        OSError: it cannot be read, or is no plain file.
        ValueError: it is too large; the text says so.
    """
    data = read_plain(path, most + 1)
    if len(data) > most:
        raise ValueError(f"it has more than {most:,} bytes")
    return data


def decoded(
    data: bytes, fitting: Callable[[str], int] = lambda text: 0, page: CodePage | None = None
) -> tuple[str, str]:
    """Text, and its encoding: UTF-8, UTF-16 or UTF-32 when a mark says so, else the code page that makes text of it.

    Args:
        fitting: how many known names a reading has in it, which tells code pages apart better than their looks.
        page: that it is in, if it is in one and that can be; see `common_page`.

    Raises:
        ValueError: no encoding makes text of it, or several do; the text says which.
    """
    for mark, codec, title in _MARKS:
        if data.startswith(mark):
            return data.decode(codec), title
    if b"\0" in data:
        return _without_mark(data)
    if _ISO_2022.search(data):  # all of it is ASCII, so UTF-8 would read it as well
        return data.decode("iso2022_jp_2"), "ISO-2022-JP"
    with suppress(UnicodeDecodeError):
        return data.decode("utf-8-sig"), UTF_8
    if page:
        with suppress(UnicodeDecodeError):
            return data.decode(page.codec), page.title
    return _in_code_page(data, fitting)


def common_page(several: Iterable[bytes]) -> CodePage | None:
    """The code page of all texts that are in one, told from all together, since a caption alone can be too short."""
    strange: list[bytes] = []
    for data in several:
        if _needs_page(data) and len(data) < MOST_BYTES:
            strange.append(data)
        if sum(map(len, strange)) > MOST_BYTES:
            break
    found = guess(b"\n".join(strange)) if strange else None
    return found.page if found and found.certain else None


def _needs_page(data: bytes) -> bool:
    if b"\0" in data or any(data.startswith(mark) for mark, _, _ in _MARKS):
        return False
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return True
    return False


def _in_code_page(data: bytes, fitting: Callable[[str], int]) -> tuple[str, str]:
    found = guess(data, fitting)
    if found is None:
        raise ValueError("it is no text in an encoding that is known here. Save it as UTF-8")
    if not found.certain and found.page.title != _LATIN:
        several = " or ".join((found.page.title, *found.others))
        raise ValueError(f"it is not in UTF-8, and may be {several}. Save it as UTF-8")
    return data.decode(found.page.codec), found.page.title


def _without_mark(data: bytes) -> tuple[str, str]:
    """UTF-16 of which every other byte is zero in Western text, and some in any other."""
    zeros = [data[first::2].count(0) for first in (0, 1)]
    codec = "utf-16-le" if zeros[1] > zeros[0] else "utf-16-be"
    if len(data) % 2 == 0 and min(zeros) == 0:
        text = data.decode(codec)
        if all(character.isprintable() or character in "\r\n\t\u3000\xa0" for character in text):
            return text, "UTF-16"
    raise ValueError("it has bytes that no text has. Save it as UTF-8")


def one_line(text: str) -> str:
    """A caption as it is kept: one line, single spaces, no control characters."""
    return " ".join(printable(" ".join(text.split())).split())
