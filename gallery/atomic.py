"""Files and folders that appear whole or not at all: written under another name beside it, then renamed."""

import errno
import io
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import BinaryIO

MOST_OF_NAME = 200  # bytes; file systems take 255 in all


def scratch_of(path: Path) -> Path:
    """Where a file or folder grows until it is complete: hidden, on the same disk, this thread's own."""
    name = path.name.encode()[:MOST_OF_NAME].decode("utf-8", "ignore")
    return path.with_name(f".{name}.{os.getpid()}-{threading.get_native_id()}.tmp")


@contextmanager
def replacing(path: Path, *, durable: bool = True, system: ModuleType = os) -> Iterator[BinaryIO]:
    """A new file that takes the place of `path` at the end; an error or a crash before that leaves the old one.

    Args:
        durable: whether it must outlast a power cut; False for what is made anew anyway.
        system: what does the system calls; the `os` module, or a stand-in that fails on purpose.
    """
    scratch = scratch_of(path)
    try:
        with io.BufferedWriter(_Raw(scratch, system)) as file:
            yield file
            file.flush()
            if durable:
                system.fsync(file.fileno())  # never tried twice: a lost write may be reported only once
        put(scratch, path, durable=durable, system=system)
    except BaseException:
        with suppress(OSError):
            system.unlink(scratch)
        raise


def put(scratch: Path, path: Path, *, durable: bool = True, system: ModuleType = os) -> None:
    """Give a complete file or folder its name; a file of that name is replaced, a folder must be empty."""
    system.replace(scratch, path)
    if durable:
        sync_folder(path.parent, system)


def sync_folder(folder: Path, system: ModuleType = os) -> None:
    """Make the names in a folder outlast a power cut, where the file system can do that."""
    if os.name == "nt":  # Windows cannot open folders
        return
    handle = system.open(folder, os.O_RDONLY)
    try:
        system.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # network and FUSE file systems refuse folders
            raise
    finally:
        os.close(handle)


class _Raw(io.RawIOBase):
    """A new file, by the system's own calls."""

    def __init__(self, path: Path, system: ModuleType):
        self._system = system
        self._handle = -1
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
        self._handle = system.open(path, flags, 0o644)

    def write(self, data: object) -> int:
        return self._system.write(self._handle, data)

    def fileno(self) -> int:
        return self._handle

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return os.lseek(self._handle, offset, whence)

    def close(self) -> None:
        if not self.closed and self._handle >= 0:
            os.close(self._handle)
        super().close()
