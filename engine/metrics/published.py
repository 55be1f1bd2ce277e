"""Weights that others publish and the studio does not ship: found on this machine, downloaded only when allowed.

They lie where torch hub and torchvision look too, in TORCH_HOME/hub/checkpoints. Each is known by its SHA-256,
because a number from other weights cannot be compared with anybody's.
"""

import hashlib
import http.client
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import torch
from huggingface_hub import constants

from engine.errors import ModelUnavailable, Offline, UnsafeFile
from engine.files import replacing
from engine.weights.hashes import file_sha256
from engine.weights.network import Silent, arriving, reach

CONNECT_SECONDS = 2.0
SILENCE_SECONDS = 20.0
BLOCK = 2**20  # bytes


@dataclass(frozen=True)
class PublishedFile:
    """A file as its authors publish it.

    Attributes:
        name: in the folder where it is looked for.
        url: where it is published.
        size: bytes, about.
        sha256: of the whole file, or its beginning where no more is published; empty for a small text file that is not
            checked.
    """

    name: str
    url: str
    size: int
    sha256: str = ""


@dataclass(frozen=True)
class Access:
    """Whether what is missing may be downloaded.

    Attributes:
        allowed: false looks on this machine only.
        should_stop: asked five times a second during a download; true ends it with Cancelled.
    """

    allowed: bool = False
    should_stop: Callable[[], bool] = lambda: False


LOCAL_ONLY = Access()


def checkpoints() -> Path:
    """The folder in which torch hub keeps weights: TORCH_HOME/hub/checkpoints, by default under ~/.cache/torch."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def require(purpose: str, files: Sequence[PublishedFile], folder: Path, access: Access = LOCAL_ONLY) -> None:
    """Have all files in the folder, as they were published.

    Args:
        purpose: what needs them, such as "FID".

    Raises:
        ModelUnavailable: one is missing and downloads are not allowed.
        Offline: a download failed.
        UnsafeFile: one is not what was published.
        Cancelled: `access.should_stop` said so.
    """
    missing = [file for file in files if not (folder / file.name).is_file()]
    if missing and not access.allowed:
        raise _unavailable(purpose, missing, folder)
    for file in missing:
        _download(file, folder / file.name, access)
    for file in files:
        _require_digest(file, file.sha256 and file_sha256(folder / file.name), f"Delete {folder / file.name} and")


def _unavailable(purpose: str, missing: Sequence[PublishedFile], folder: Path) -> ModelUnavailable:
    size = sum(file.size for file in missing) / 1e6
    first, *more = missing
    what = f"{first.url} and {', '.join(file.name for file in more)} beside it" if more else first.url
    return ModelUnavailable(f"{purpose} needs a network that is not here: get {what} ({size:,.1f} MB) into {folder}.")


def _download(file: PublishedFile, path: Path, access: Access) -> None:
    if constants.HF_HUB_OFFLINE:
        raise Offline(f"{file.name} would be a download; HF_HUB_OFFLINE is set, which forbids every one. Unset it.")
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    try:
        reach(file.url, CONNECT_SECONDS, access.should_stop)
        with replacing(path) as target:
            for data in arriving(lambda: _bytes_of(file.url), access.should_stop, SILENCE_SECONDS):
                digest.update(data)
                target.write(data)
            _require_digest(file, digest.hexdigest(), "Try again later;")
    except (Silent, OSError, ValueError, http.client.HTTPException) as error:
        raise Offline(
            f"{file.name} ({file.size / 1e6:,.1f} MB) cannot be downloaded from {urlsplit(file.url).netloc}: {error}. "
            f"Check the connection and try again, or get {file.url} on another machine and copy it to {path.parent}."
        ) from None


def _bytes_of(url: str) -> Iterator[bytes]:
    with urllib.request.urlopen(url, timeout=SILENCE_SECONDS) as response:
        expected, come = int(response.headers.get("Content-Length") or 0), 0
        while data := response.read(BLOCK):
            come += len(data)
            yield data
    if come < expected:
        raise OSError(f"{expected - come:,} bytes did not come")


def _require_digest(file: PublishedFile, digest: str, advice: str) -> None:
    if file.sha256 and not digest.startswith(file.sha256):
        raise UnsafeFile(
            f"{file.name} must have the SHA-256 {file.sha256[:12]}..., so that numbers stay comparable; "
            f"got {digest[:12]}.... {advice} get it from {file.url}."
        )
