"""The names in a ZIP, whose format does not always say in which encoding they are.

A flag says UTF-8. Without it the format means code page 437, but programs write what their system uses: UTF-8 on macOS
and Linux, Shift-JIS in Japan, and so on. A second copy of the name in UTF-8 (Info-ZIP's Unicode Path) is believed.
"""

import re
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from engine.datasets.encodings import PAGES, UTF_8, CodePage, guess
from engine.datasets.layouts.tables import SUFFIXES as TABLES
from engine.datasets.texts import decoded

_SAYS_UTF_8 = 0x800  # bit of the flags
_UNICODE_PATH = 0x7075  # extra field: version, CRC-32 of the name, the name in UTF-8
_ZIPS_OWN = "cp437"
_MOST_TABLES, _MOST_TABLE_BYTES = 4, 2**20  # that are looked into for names
_MOST_NAMES = 100  # that are looked for
# Programs on Windows write names in the code page of its command line, so of equally good ones it is the likelier.
_LIKELY = sorted(PAGES, key=lambda page: page.codec not in ("cp437", "cp850"))


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a ZIP's entries, in their order.

    Attributes:
        names: as text, with the separators that the ZIP has.
        encoding: of those that did not say it; empty where all did.
        why: what speaks for it, as the end of a sentence.
        certain: whether that is more than a likely guess.
    """

    names: tuple[str, ...]
    encoding: str = ""
    why: str = ""
    certain: bool = True


def names_of(content: zipfile.ZipFile, entries: Sequence[zipfile.ZipInfo]) -> Names:
    """Read the names of entries; nothing of their files is believed, and few of their bytes are read."""
    unknown = {place: _bytes_of(entry) for place, entry in enumerate(entries) if _says_nothing(entry)}
    names = [_said(entry) for entry in entries]
    if not unknown:
        return Names(tuple(names))
    codec, title, why, certain = _encoding(list(unknown.values()), lambda: _text_of_tables(content, entries))
    for place, raw in unknown.items():
        names[place] = _read(raw, codec)
    return Names(tuple(names), title, why, certain)


def _encoding(raw: Sequence[bytes], known_text: Callable[[], str]) -> tuple[str, str, str, bool]:
    """Codec, its name for people, the reason, and whether it is certain."""
    together = b"\n".join(raw)
    try:
        together.decode("utf-8")
        return "utf-8", UTF_8, "all of them are valid in it", True
    except UnicodeDecodeError:
        known = known_text()
    found = guess(together, lambda text: _fitting(text, known), _LIKELY)
    if found is None:
        return _ZIPS_OWN, "code page 437", "no encoding makes text of them, and this is the format's own", False
    page: CodePage = found.page
    fits = _fitting(_read(together, page.codec), known)
    if fits:
        return page.codec, page.title, f"it fits the most names in the captions ({fits})", True
    others = f", though {' or '.join(found.others)} would do" if found.others else ""
    return page.codec, page.title, f"so they look most like text{others}", found.certain


def _says_nothing(entry: zipfile.ZipInfo) -> bool:
    flagged = entry.flag_bits & _SAYS_UTF_8
    return not flagged and not entry.orig_filename.isascii() and not _unicode_path(entry)


def _said(entry: zipfile.ZipInfo) -> str:
    return _unicode_path(entry) or entry.orig_filename


def _bytes_of(entry: zipfile.ZipInfo) -> bytes:
    """The name as it stands in the ZIP, which the library reads as code page 437."""
    return entry.orig_filename.encode(_ZIPS_OWN)


def _read(raw: bytes, codec: str) -> str:
    try:
        return raw.decode(codec)
    except UnicodeDecodeError:
        return raw.decode(_ZIPS_OWN)


def _unicode_path(entry: zipfile.ZipInfo) -> str:
    """The second copy of a name, if there is one and it is of this name."""
    if entry.flag_bits & _SAYS_UTF_8:
        return ""
    extra = entry.extra
    while len(extra) >= 4:
        kind, size = struct.unpack("<HH", extra[:4])
        body, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == _UNICODE_PATH and len(body) > 5:
            (checksum,) = struct.unpack("<I", body[1:5])
            if checksum == zlib.crc32(_bytes_of(entry)):
                return body[5:].decode("utf-8", "replace")
    return ""


# ---------------------------------------------------------------- what the captions call the pictures


def _text_of_tables(content: zipfile.ZipFile, entries: Sequence[zipfile.ZipInfo]) -> str:
    """All that the tables in a ZIP say, as one text to look for names in."""
    tables = [entry for entry in entries if entry.orig_filename.lower().endswith(TABLES)]
    return "\n".join(_text_of(content, entry) for entry in tables[:_MOST_TABLES])


def _text_of(content: zipfile.ZipFile, entry: zipfile.ZipInfo) -> str:
    encrypted = entry.flag_bits & 1
    if encrypted or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return ""  # it is refused when it is unpacked; other methods unpack more than is asked for
    try:
        with content.open(entry) as file:
            text, _ = decoded(file.read(_MOST_TABLE_BYTES))
    except Exception:  # whatever is wrong with this file is said when it is unpacked
        return ""
    escapes = re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match.group(1), 16)), text)
    return _same(escapes.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


def _fitting(names: str, known: str) -> int:
    """How many of the names, one a line, stand in the text."""
    return sum(_same(stem) in known for stem in _stems(names.split("\n"))) if known else 0


def _stems(names: Iterable[str]) -> list[str]:
    stems = {PurePosixPath(name.replace("\\", "/")).stem for name in names if not name.isascii()}
    return sorted(stem for stem in stems if stem and not stem.isascii())[:_MOST_NAMES]


def _same(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()
