"""Published weights: found on this machine, downloaded only when allowed, or copied from a folder.

A download goes on where it was stopped or broke off, and nothing has its name before every byte is checked.
"""

import errno
import http.client
import os
import shutil
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit

from huggingface_hub import constants

from engine.errors import ModelUnavailable, NotFound, Offline, UnsafeFile
from engine.files import put, replacing
from engine.metrics.published.files import PublishedFile
from engine.weights.hashes import file_sha256
from engine.weights.hub import RESERVE_BYTES, explaining_disk_errors, only_one
from engine.weights.network import Silent, arriving, pause, reach, stop_if

CONNECT_SECONDS = 2.0
SILENCE_SECONDS = 20.0
RETRY_PAUSES = (0.5, 1.0, 2.0)  # seconds; four attempts for each file
BLOCK = 2**20  # bytes
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)

Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Access:
    """Whether what is missing may be downloaded.

    Attributes:
        allowed: false looks on this machine only.
        should_stop: asked five times a second during a download; true ends it with Cancelled and keeps what came.
        report: called with bytes here and bytes in all, after each megabyte.
        retry_pauses: seconds to wait after each broken connection, before the next attempt.
    """

    allowed: bool = False
    should_stop: Callable[[], bool] = lambda: False
    report: Report = lambda done, total: None
    retry_pauses: Sequence[float] = RETRY_PAUSES


LOCAL_ONLY = Access()


class _Broken(Exception):
    """A connection that failed on the way; the next attempt may succeed."""


def require(purpose: str, files: Sequence[PublishedFile], folder: Path, access: Access = LOCAL_ONLY) -> None:
    """Have all files in the folder, as they were published.

    Args:
        purpose: what needs them, such as "FID".

    Raises:
        ModelUnavailable: one is missing and downloads are not allowed, or the disk is too full for it.
        Offline: a download failed; calling again continues it.
        StudioBusy: another process downloads it now.
        UnsafeFile: one is not what was published.
        Cancelled: `access.should_stop` said so.
    """
    missing = [file for file in files if not (folder / file.name).is_file()]
    if missing and not access.allowed:
        raise _unavailable(purpose, missing, folder)
    if missing:
        with explaining_disk_errors(folder):
            _require_space(missing, folder)
            _download_all(files, missing, folder, access)
    for file in files:
        _require_digest(file, folder / file.name, f"Delete {folder / file.name} and")


def copy_from(source: Path, files: Sequence[PublishedFile], folder: Path, access: Access = LOCAL_ONLY) -> None:
    """Copy files that somebody brought by hand to where they are looked for, each once it is the published one.

    Args:
        source: the folder in which they lie.

    Raises:
        NotFound: the folder is none, or lacks a file.
        UnsafeFile: one is not what was published.
        ModelUnavailable: the disk is too full.
        Cancelled: `access.should_stop` said so.
    """
    missing = [file for file in files if not (folder / file.name).is_file()]
    absent = [file.name for file in missing if not (source / file.name).is_file()]
    if absent:
        raise NotFound(
            f"{source} must hold {', '.join(file.name for file in files)}; it lacks {', '.join(absent)}. "
            f"Get what is missing from {next(file.url for file in missing if file.name in absent)}."
        )
    for file in missing:
        _require_digest(file, source / file.name, "Leave that file alone and")
    with explaining_disk_errors(folder):
        _require_space(missing, folder)
        total, done = sum((source / file.name).stat().st_size for file in missing), 0
        for file in missing:
            done = _copy(source / file.name, folder / file.name, access, done, total)


def _copy(source: Path, target: Path, access: Access, done: int, total: int) -> int:
    with source.open("rb") as content, replacing(target) as file:
        while data := content.read(BLOCK):
            stop_if(access.should_stop)
            file.write(data)
            done += len(data)
            access.report(done, total)
    return done


def _unavailable(purpose: str, missing: Sequence[PublishedFile], folder: Path) -> ModelUnavailable:
    size = sum(file.size for file in missing) / 1e6
    first, *more = missing
    what = f"{first.url} and {', '.join(file.name for file in more)} beside it" if more else first.url
    return ModelUnavailable(f"{purpose} needs a network that is not here: get {what} ({size:,.1f} MB) into {folder}.")


def _require_space(missing: Sequence[PublishedFile], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    parts = [part for file in missing if (part := _part_of(folder / file.name, file)).exists()]
    needed = sum(file.size for file in missing) - sum(part.stat().st_size for part in parts) + RESERVE_BYTES
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise ModelUnavailable(
            f"This needs {needed / 1e9:.1f} GB of free disk; {folder} has {free / 1e9:.1f} GB. "
            f"Free {(needed - free) / 1e9:.1f} GB more, then start it again."
        )


def _download_all(
    files: Sequence[PublishedFile], missing: Sequence[PublishedFile], folder: Path, access: Access
) -> None:
    total = sum(file.size for file in files)
    done = total - sum(file.size for file in missing)
    for file in missing:
        _download(file, folder / file.name, access, done, total)
        done += file.size


def _download(file: PublishedFile, path: Path, access: Access, done: int, total: int) -> None:
    if constants.HF_HUB_OFFLINE:
        raise Offline(f"{file.name} would be a download; HF_HUB_OFFLINE is set, which forbids every one. Unset it.")
    part = _part_of(path, file)
    with only_one(part):
        try:
            reach(file.url, CONNECT_SECONDS, access.should_stop)
            _bring(file, part, access, lambda come: access.report(min(done + come, total), total))
        except (Silent, _Broken, OSError, ValueError, http.client.HTTPException) as error:
            if isinstance(error, OSError) and error.errno in _DISK:
                raise
            raise _offline(file, path, part, error) from None
        try:
            _require_digest(file, part, "What came was deleted. Try again later;")
        except UnsafeFile:
            part.unlink()
            raise
        put(part, path)


def _part_of(path: Path, file: PublishedFile) -> Path:
    """Carries the content's hash, so that bytes of another version are never continued."""
    return path.with_name(f"{path.name}.{file.sha256[:12] or 'text'}.part")


def _bring(file: PublishedFile, part: Path, access: Access, report: Callable[[int], None]) -> None:
    """All bytes of a file, through broken connections. Raises what the last attempt did."""
    if not file.sha256:
        part.unlink(missing_ok=True)  # nothing would tell whether both halves belong together
    for seconds in (*access.retry_pauses, None):
        try:
            return _append(file, part, access, report)
        except HTTPError as error:
            if error.code == 416:  # all of it is here, or another file's bytes
                return None
            if seconds is None or error.code < 500:
                raise
        except (Silent, _Broken, OSError, http.client.HTTPException):
            if seconds is None:
                raise
        pause(seconds, access.should_stop)
    return None


def _append(file: PublishedFile, part: Path, access: Access, report: Callable[[int], None]) -> None:
    with part.open("ab") as target:
        start = target.tell()
        with closing(arriving(lambda: _bytes_from(file.url, start), access.should_stop, SILENCE_SECONDS)) as incoming:
            target.truncate(int.from_bytes(next(incoming)))  # 0 where the server sends the whole file again
            target.seek(0, os.SEEK_END)
            for data in incoming:
                target.write(data)
                report(target.tell())
        target.flush()
        os.fsync(target.fileno())


def _bytes_from(url: str, start: int) -> Iterator[bytes]:
    """First the place at which the server begins, as eight bytes, then what comes from there on. Raises _Broken."""
    request = urllib.request.Request(url, headers={"Range": f"bytes={start}-"} if start else {})
    with urllib.request.urlopen(request, timeout=SILENCE_SECONDS) as response:
        yield (start if response.status == 206 else 0).to_bytes(8)
        expected, come = int(response.headers.get("Content-Length") or 0), 0
        while data := response.read(BLOCK):
            come += len(data)
            yield data
    if come < expected:
        raise _Broken(f"{expected - come:,} bytes did not come")


def _offline(file: PublishedFile, path: Path, part: Path, error: Exception) -> Offline:
    come = part.stat().st_size if part.exists() else 0
    if part.exists() and not come:
        part.unlink()
    kept = f"{come / 1e6:,.1f} MB have come and are kept. " if come else ""
    return Offline(
        f"{file.name} ({file.size / 1e6:,.1f} MB) cannot be downloaded from {urlsplit(file.url).netloc}: {error}. "
        f"{kept}Check the connection and try again, or get {file.url} on another machine and copy it to {path.parent}."
    )


def _require_digest(file: PublishedFile, path: Path, advice: str) -> None:
    digest = file.sha256 and file_sha256(path)
    if file.sha256 and not digest.startswith(file.sha256):
        raise UnsafeFile(
            f"{file.name} must have the SHA-256 {file.sha256[:12]}..., so that numbers stay comparable; "
            f"got {digest[:12]}.... {advice} get it from {file.url}."
        )
