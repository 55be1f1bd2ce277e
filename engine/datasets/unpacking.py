"""A ZIP with a data set, unpacked into a folder: everything is checked first, and what is refused leaves nothing.

A ZIP says of itself how large its files are, and may lie; so the limits hold for the bytes that come out.
"""

import shutil
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from engine.datasets.archives.names import names_of
from engine.datasets.archives.notes import FILE as NOTE
from engine.datasets.archives.notes import MOST_NAMED, ArchiveNote, write_note
from engine.datasets.index import shown
from engine.datasets.layouts.system_files import is_of_the_system
from engine.errors import NotFound, StudioError, UnsafeFile
from engine.files import open_plain, put

ARCHIVES = (".zip", ".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst")
_ZIP_BEGINS = b"PK\x03\x04"
_BLOCK = 2**20
# Only these two can be unpacked in bounded memory; other methods give all that one block holds at once.
_DEEPEST = 30
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError, ValueError)
_MAX_DIRECTORY_BYTES = 16 * 2**20  # a list of 5,000 files takes about 1 MB
_MAX_NAME_BYTES = 255  # what file systems take


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a ZIP may hold.

    Attributes:
        files: number of files.
        file_bytes: of one file, unpacked.
        total_bytes: of all files, unpacked.
    """

    files: int = 5_000
    file_bytes: int = 200 * 2**20
    total_bytes: int = 2 * 10**9


def unpack(archive: Path | BinaryIO, folder: Path, limits: Limits | None = None) -> Path:
    """Unpack a ZIP into a new folder; the folder appears whole or not at all.

    Args:
        archive: a file, or an open one that can seek, such as an upload.
        folder: must not hold anything yet.

    Returns:
        The folder.

    Raises:
        UnsafeFile: not a ZIP, damaged, beyond the limits, or with names, links or archives that are not allowed.
        NotFound: there is no such file.
        StudioError: the folder is in use, or the disk is too full.
    """
    limits = limits or Limits()
    _require_new(folder)
    with _opened(archive) as file, _in_words(), zipfile.ZipFile(_Guarded(file)) as content:
        entries, note = _checked(content, limits)
        _require_space(folder, sum(entry.file_size for entry in entries.values()))
        _unpack_all(content, entries, folder, limits, note)
    return folder


class _Guarded:
    """A file that does not hand over a huge list of names at once, which would fill the memory."""

    def __init__(self, file: BinaryIO):
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        if size > _MAX_DIRECTORY_BYTES:
            raise UnsafeFile(
                f"A ZIP's list of files may have {_MAX_DIRECTORY_BYTES:,} bytes; this one has {size:,}. "
                "Pack fewer files."
            )
        return self._file.read(size)


@contextmanager
def _opened(archive: Path | BinaryIO) -> Iterator[BinaryIO]:
    if not isinstance(archive, Path):
        yield archive
        return
    if not archive.is_file():
        raise NotFound(f"A data set is unpacked from a ZIP file; there is none at {archive}. Check the path.")
    with open_plain(archive) as file:
        yield file


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        raise UnsafeFile(f"This is no ZIP file that can be read: {error}. Pack or upload it again.") from None
    except OSError as error:
        raise StudioError(
            f"The ZIP cannot be unpacked: {error.strerror or error}. Make room or check the folder's rights."
        ) from error


def _require_new(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StudioError(f"A ZIP is unpacked into a new folder; {folder} is in use. Name another.")


def _require_space(folder: Path, needed: int) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder.parent).free
    if free < needed:
        raise StudioError(f"The ZIP needs {needed / 1e6:,.0f} MB of disk; {free / 1e6:,.0f} MB are free. Make room.")


# ---------------------------------------------------------------- checks before anything is written


def _checked(content: zipfile.ZipFile, limits: Limits) -> tuple[dict[PurePosixPath, zipfile.ZipInfo], ArchiveNote]:
    """Where each file will lie, relative to the folder; and what is to be said about the archive."""
    listed = content.infolist()
    read = names_of(content, listed)
    files = [(name, entry) for name, entry in zip(read.names, listed, strict=True) if not _is_folder(name)]
    own = [(name, entry) for name, entry in files if not _is_passed_over(name)]
    over = [shown(name[:200]) for name, _ in files if _is_passed_over(name)]
    if len(own) > limits.files:
        raise UnsafeFile(f"A ZIP may hold {limits.files:,} files; this one has {len(own):,}. Pack fewer.")
    for name, entry in own:
        _require_plain(name, entry, limits)
    total = sum(entry.file_size for _, entry in own)
    if total > limits.total_bytes:
        raise _too_much(limits, f"; this one has {total:,}")
    note = ArchiveNote(read.encoding, read.why, read.certain, tuple(over[:MOST_NAMED]), len(over))
    return _places(own), note


def _places(files: list[tuple[str, zipfile.ZipInfo]]) -> dict[PurePosixPath, zipfile.ZipInfo]:
    places: dict[PurePosixPath, zipfile.ZipInfo] = {}
    taken: set[str] = set()
    for name, entry in files:
        place = _place(name)
        same = unicodedata.normalize("NFC", str(place)).casefold()  # one file on systems that do not tell them apart
        if same in taken:
            raise UnsafeFile(f"A ZIP may hold each name once; {shown_name(name)} is there twice. Rename one.")
        taken.add(same)
        places[place] = entry
    return places


def _is_passed_over(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    return any(map(is_of_the_system, parts)) or parts == [NOTE]


def _is_folder(name: str) -> bool:
    return name.endswith(("/", "\\"))


def _require_plain(filename: str, entry: zipfile.ZipInfo, limits: Limits) -> None:
    name, kind = shown_name(filename), stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        raise UnsafeFile(f"A ZIP may hold plain files only; {name} is a link or device. Pack the file itself.")
    if entry.flag_bits & 1:
        raise UnsafeFile(f"A ZIP must not have a password; {name} is encrypted. Pack it without one.")
    if filename.lower().endswith(ARCHIVES):
        raise _nested(name)
    if entry.compress_type not in _METHODS:
        raise UnsafeFile(
            f"A ZIP must be packed by the usual method (deflate); {name} has method {entry.compress_type}. "
            "Pack it with the system's own ZIP."
        )
    if entry.file_size > limits.file_bytes:
        raise _file_too_large(name, limits, f"; {name} has {entry.file_size:,}")


def _place(name: str) -> PurePosixPath:
    """The path inside the folder; Windows tools write backslashes, which are slashes here on every system."""
    path = name.replace("\\", "/")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    drive = path[1:2] == ":" and path[0].isalpha()
    if path.startswith("/") or ".." in parts or not parts or drive:
        raise UnsafeFile(f"Names in a ZIP must stay inside their folder; {shown_name(name)} does not. Pack it again.")
    if len(parts) > _DEEPEST:
        raise UnsafeFile(f"Folders in a ZIP may lie {_DEEPEST} deep; {shown_name(name)} lies deeper. Pack it anew.")
    control = any(unicodedata.category(character) == "Cc" for character in path)
    if control or any(len(part.encode()) > _MAX_NAME_BYTES for part in parts):
        raise UnsafeFile(
            f"Names in a ZIP must be plain text of at most {_MAX_NAME_BYTES} bytes; got {shown_name(name)}. Rename it."
        )
    return PurePosixPath(*parts)


# ---------------------------------------------------------------- writing


def _unpack_all(
    content: zipfile.ZipFile,
    entries: dict[PurePosixPath, zipfile.ZipInfo],
    folder: Path,
    limits: Limits,
    note: ArchiveNote,
) -> None:
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir()
        left = limits.total_bytes
        for place, entry in entries.items():
            left -= _unpack_one(content, entry, partial / place, min(left, limits.file_bytes), limits)
        write_note(partial, note)
        if folder.exists():
            folder.rmdir()
        put(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _unpack_one(content: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path, most: int, limits: Limits) -> int:
    """Write one file and return its size; more than `most` bytes are refused, whatever the ZIP says of itself."""
    name, written = shown_name(path.name), 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with content.open(entry) as source, path.open("xb") as target:
        for block in _blocks(source.read):
            if not written and block.startswith(_ZIP_BEGINS):
                raise _nested(name)
            written += len(block)
            if written > most:
                raise _file_too_large(name, limits) if written > limits.file_bytes else _too_much(limits)
            target.write(block)
    return written


def _blocks(read: Callable[[int], bytes]) -> Iterator[bytes]:
    while block := read(_BLOCK):
        yield block


def _nested(name: str) -> UnsafeFile:
    return UnsafeFile(f"A ZIP must not hold further archives; {name} is one. Unpack it and pack its files.")


def _too_much(limits: Limits, actual: str = "") -> UnsafeFile:
    return UnsafeFile(f"A ZIP may unpack to {limits.total_bytes:,} bytes{actual or '; this one has more'}. Pack less.")


def _file_too_large(name: str, limits: Limits, actual: str = "") -> UnsafeFile:
    more = actual or f"; {name} has more"
    return UnsafeFile(f"A file in a ZIP may unpack to {limits.file_bytes:,} bytes{more}. Make it smaller.")


def shown_name(name: str) -> str:
    """A name from outside, as it may be shown."""
    return repr(name[:120])
