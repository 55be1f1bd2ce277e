"""SHA-256 of weights files, worked out once per file.

A two-gigabyte model takes seconds to hash, so results are remembered by path, size and time of change: in this
process, and in a JSON file for the next one where the caller names it. That file is only a cache: when it is
broken or cannot be written, the hash is worked out again.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from engine.files import read_json, write_json
from engine.weights.layout import DEFAULTS

CHUNK = 2**20
LEGACY_START, LEGACY_BYTES, LEGACY_DIGITS = 0x100000, 0x10000, 8
FILE, TENSORS = "file", "tensors"  # what of a file is hashed
_known: dict[tuple[str, str, int, int], str] = {}


def file_sha256(path: Path | str, cache: Path | None = None) -> str:
    """Hexadecimal SHA-256 of the whole file: what model hubs list."""
    return _remembered(FILE, Path(path), cache)


def tensor_sha256(path: Path | str, cache: Path | None = None) -> str:
    """Hexadecimal SHA-256 of everything after a .safetensors file's header.

    Editing the metadata leaves it as it is. Others call it `sshs_model_hash`; its first 12 characters are the
    LoRA hash in A1111's picture texts and Civitai's AutoV3.
    """
    return _remembered(TENSORS, Path(path), cache)


def known_sha256(paths: Iterable[Path], cache: Path | None = None) -> dict[Path, tuple[str, str]]:
    """Hashes of files and of their tensors as far as they were worked out before, each empty where not.

    No file is read, so this takes no time however large they are.
    """
    stored = _stored(cache)
    return {path: (_known_of(FILE, path, stored), _known_of(TENSORS, path, stored)) for path in paths}


def legacy_hash(path: Path) -> str:
    """The eight digits by which A1111 named models until 2023: of 64 KiB at 1 MiB. Empty for a smaller file."""
    with path.open("rb") as file:
        file.seek(LEGACY_START)
        piece = file.read(LEGACY_BYTES)
    return hashlib.sha256(piece).hexdigest()[:LEGACY_DIGITS] if piece else ""


def model_digest(folder: Path) -> str:
    """Twelve hexadecimal digits for everything in a model's folder that changes pixels."""
    read = (p for p in folder.rglob("*") if p.suffix in (".safetensors", ".json", ".txt") and p.name != DEFAULTS)
    paths = sorted(p for p in read if p.is_file())
    lines = (f"{path.relative_to(folder)} {file_sha256(path)}" for path in paths)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


def _remembered(kind: str, path: Path, cache: Path | None) -> str:
    path = path.resolve()
    key = _key(kind, path)
    if key not in _known:
        stored = _stored(cache)
        name = json.dumps(key)
        _known[key] = stored.get(name) or _hash(path, kind)
        if cache and name not in stored:
            _store(cache, stored, key, _known[key])
    return _known[key]


def _key(kind: str, path: Path) -> tuple[str, str, int, int]:
    """What names one state of a file. Raises OSError."""
    status = os.stat(path)
    return kind, str(path), status.st_size, status.st_mtime_ns


def _known_of(kind: str, path: Path, stored: Mapping[str, str]) -> str:
    try:
        key = _key(kind, path.resolve())
    except OSError:
        return ""
    return _known.get(key) or stored.get(json.dumps(key), "")


def _stored(cache: Path | None) -> dict[str, str]:
    if cache is None:
        return {}
    try:
        content = read_json(cache)
    except (OSError, ValueError):
        return {}
    return {name: value for name, value in content.items() if isinstance(value, str) and len(value) == 64}


def _store(cache: Path, stored: dict[str, str], key: tuple[str, str, int, int], value: str) -> None:
    """Add one hash and drop those of the same file's earlier states."""
    before = json.dumps(key[:2])[:-1] + ","
    kept = {name: old for name, old in stored.items() if not name.startswith(before)}
    with contextlib.suppress(OSError):
        write_json(cache, {**kept, json.dumps(key): value})


def _hash(path: Path, kind: str) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        if kind == TENSORS:
            file.seek(8 + int.from_bytes(file.read(8), "little"))
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
