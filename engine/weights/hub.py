"""Download a model from the model hub: only the needed files, resumable, cancellable, checked, then all at once.

The files grow in `<folder>.partial` and become `<folder>` by one rename when every byte is checked, so a folder
of that name is always complete. The bytes are read here and not by huggingface_hub: since its version 2 the
download functions (and the xet transfer behind them) never continue an interrupted file, and they could be
cancelled only between blocks of 10 MB.
"""

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from engine.errors import ModelBroken, ModelUnavailable, Offline, StudioBusy, UnsafeFile
from engine.files import put
from engine.weights.facts import folder_facts, folder_info
from engine.weights.hub_client import Broken, Hub, RemoteFile, endpoint_or_default
from engine.weights.network import pause, stop_if

Report = Callable[[int, int, str], None]

RESERVE_BYTES = 500 * 10**6  # left free for the database and pictures
RETRY_PAUSES = (0.5, 1.0, 2.0, 4.0)  # seconds; five attempts for each file
REPORT_SECONDS = 0.2


def fetch(
    hub_id: str,
    folder: Path,
    *,
    report: Report,
    should_stop: Callable[[], bool],
    connect_timeout: float = 2.0,
    endpoint: str | None = None,
    retry_pauses: Sequence[float] = RETRY_PAUSES,
) -> Path:
    """Download a Stable Diffusion model in diffusers layout.

    Args:
        hub_id: "organisation/name".
        folder: made by this call; must not hold anything yet.
        report: called with (bytes here, bytes in all, file), at most five times a second.
        should_stop: asked five times a second; true ends the download and keeps what has arrived.
        connect_timeout: seconds for finding and reaching the hub; it may take three times as long to answer.
        endpoint: the hub's web address; None means HF_ENDPOINT, else https://huggingface.co.
        retry_pauses: seconds to wait after each broken connection, before the next attempt.

    Returns:
        The folder.

    Raises:
        Offline: the hub cannot be reached, or the connection broke too often; calling again continues.
        NotFound: the hub has no such model.
        ModelUnavailable: access is refused, the disk is too full, or the folder exists already.
        ModelBroken: not a model that the studio can run.
        UnsafeFile: what arrived is not what the hub lists.
        StudioBusy: another process downloads it now.
        Cancelled: `should_stop` said so.
    """
    folder = Path(folder)
    partial = folder.with_name(f"{folder.name}.partial")
    hub = Hub(hub_id, endpoint_or_default(endpoint), connect_timeout, should_stop)
    with explaining_disk_errors(folder), only_one(partial):
        _require_no_folder(folder)
        files = hub.files()
        _drop_others(partial, files)
        _require_space(partial, files)
        _download_all(hub, files, partial, _Progress(report, sum(file.size for file in files)), retry_pauses)
        _finish(partial, folder)
    return folder


def delete_fetched(folder: Path) -> None:
    """Delete what `fetch` brought into the folder, or a part of it.

    Raises:
        StudioBusy: it is being downloaded now.
        ModelUnavailable: the disk does not let go of it.
    """
    partial = folder.with_name(f"{folder.name}.partial")
    with only_one(partial):
        for place in (folder, partial):
            try:
                shutil.rmtree(place)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise ModelUnavailable(
                    f"{place} cannot be deleted: {error.strerror or error}. Correct its rights, or delete it by hand."
                ) from error


@dataclass
class _Progress:
    """Counts bytes over all files and reports them, not too often."""

    report: Report
    total: int
    before: int = 0
    reported: float = field(default=0.0)

    def show(self, position: int, file: RemoteFile, force: bool = False) -> None:
        now = time.monotonic()
        if force or now - self.reported >= REPORT_SECONDS:
            self.report(self.before + position, self.total, file.name)
            self.reported = now

    def finish(self, file: RemoteFile) -> None:
        self.show(file.size, file, force=True)
        self.before += file.size


@contextmanager
def only_one(partial: Path) -> Iterator[None]:
    """Keep a second process away; the lock ends with its process, also when that is killed. Raises StudioBusy."""
    partial.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(partial.with_name(f".{partial.name}.lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise StudioBusy(f"{partial.stem} is being downloaded already. Wait for that download.") from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def explaining_disk_errors(folder: Path) -> Iterator[None]:
    """Say in words what the disk refused. Raises ModelUnavailable."""
    try:
        yield
    except OSError as error:
        raise ModelUnavailable(
            f"The download into {folder} cannot be written: {error.strerror or error}. Make room or correct its "
            "rights, then start it again; what has arrived is kept."
        ) from error


def _require_no_folder(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
    if folder.exists():
        raise ModelUnavailable(
            f"A download needs a new folder; {folder} exists. Rename or delete it, then start the download again."
        )


def _drop_others(partial: Path, files: list[RemoteFile]) -> None:
    """Delete what an earlier version of the model left behind."""
    wanted = {partial / name for file in files for name in (file.name, file.partial_name())}
    for path in partial.rglob("*"):
        if path.is_file() and path not in wanted:
            path.unlink()


def _require_space(partial: Path, files: list[RemoteFile]) -> None:
    here = sum(path.stat().st_size for path in partial.rglob("*") if path.is_file())
    needed = sum(file.size for file in files) - here + RESERVE_BYTES
    free = shutil.disk_usage(partial.parent).free
    if free < needed:
        raise ModelUnavailable(
            f"The download needs {needed / 1e9:.1f} GB of free disk; {partial.parent} has {free / 1e9:.1f} GB. "
            f"Free {(needed - free) / 1e9:.1f} GB more, then start it again."
        )


def _download_all(
    hub: Hub, files: list[RemoteFile], partial: Path, progress: _Progress, retry_pauses: Sequence[float]
) -> None:
    for file in files:
        if file.name.endswith(".safetensors"):
            folder_facts(partial)  # the small files are here: a model of another kind ends before the gigabytes
        if not _is_whole(partial / file.name, file, hub.should_stop):
            _download(hub, file, partial, progress, retry_pauses)
        progress.finish(file)


def _download(hub: Hub, file: RemoteFile, partial: Path, progress: _Progress, retry_pauses: Sequence[float]) -> None:
    """Bring one file, through broken connections, to its checked whole."""
    path = partial / file.partial_name()
    path.parent.mkdir(parents=True, exist_ok=True)
    for seconds in (*retry_pauses, None):
        try:
            _append(hub, file, path, progress)
            break
        except Broken as error:
            if seconds is None:
                raise _broke_off(hub, file, path, str(error)) from None
            pause(seconds, hub.should_stop)
    if not _is_whole(path, file, hub.should_stop):
        path.unlink()
        raise UnsafeFile(
            f"{file.name}: the hub lists sha256 {file.sha256 or file.blob_id}; what arrived differs and was "
            "deleted. Start the download again; if it happens twice, something between changes files."
        )
    put(path, partial / file.name)


def _broke_off(hub: Hub, file: RemoteFile, path: Path, reason: str) -> Offline:
    here = path.stat().st_size if path.exists() else 0
    return Offline(
        f"The connection to {urlsplit(hub.endpoint).netloc} broke too often ({reason}), at {here / 1e6:,.1f} of "
        f"{file.size / 1e6:,.1f} MB of {file.name}. What has arrived is kept: start the download again to continue."
    )


def _append(hub: Hub, file: RemoteFile, path: Path, progress: _Progress) -> None:
    """Ask for the bytes that are missing and write them as they come. Raises Broken when some do not."""
    with path.open("ab") as target:
        start = target.tell()
        if start >= file.size:
            return
        with closing(hub.bytes_from(file, start)) as incoming:
            target.truncate(int(next(incoming)))  # 0 when the server sends the whole file again
            position = target.seek(0, os.SEEK_END)
            for data in incoming:
                position += target.write(bytes(data))
                progress.show(position, file)
                if position > file.size:
                    break
        target.flush()
        os.fsync(target.fileno())
    if position < file.size:
        raise Broken(f"{file.size - position:,} bytes did not come")


def _is_whole(path: Path, file: RemoteFile, should_stop: Callable[[], bool]) -> bool:
    """Whether the file has the listed size and content."""
    if not path.is_file() or path.stat().st_size != file.size:
        return False
    expected = file.sha256 or file.blob_id
    if not expected:
        return True
    digest = hashlib.sha256() if file.sha256 else _git_blob_hash(file.size)
    with path.open("rb") as content:
        while data := content.read(16 * 2**20):
            stop_if(should_stop)
            digest.update(data)
    return digest.hexdigest() == expected


def _git_blob_hash(size: int) -> Any:
    return hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)


def _finish(partial: Path, folder: Path) -> None:
    info = folder_info(folder.name, partial)
    if info.problem:
        raise ModelBroken(info.problem)
    put(partial, folder)
