"""SHA-256 of weights files, worked out once per file.

A two-gigabyte model takes seconds to hash, so results are remembered by path, size and time of change: in this
process, and in a JSON file for the next one where the caller names it. That file is only a cache: when it is
broken or cannot be written, the hash is worked out again.
"""

import contextlib
import hashlib
import json
import os
from pathlib import Path

from engine.files import read_json, write_json

CHUNK = 2**20
_known: dict[tuple[str, str, int, int], str] = {}


def file_sha256(path: Path | str, cache: Path | None = None) -> str:
    """Hexadecimal SHA-256 of the whole file: what model hubs list."""
    return _remembered("file", Path(path), cache)


def tensor_sha256(path: Path | str, cache: Path | None = None) -> str:
    """Hexadecimal SHA-256 of everything after a .safetensors file's header.

    Editing the metadata leaves it as it is. Others call it `sshs_model_hash`; its first 12 characters are the
    LoRA hash in A1111's picture texts and Civitai's AutoV3.
    """
    return _remembered("tensors", Path(path), cache)


def model_digest(folder: Path) -> str:
    """Twelve hexadecimal digits for everything in a model's folder that changes pixels."""
    paths = sorted(p for p in folder.rglob("*") if p.suffix in (".safetensors", ".json", ".txt") and p.is_file())
    lines = (f"{path.relative_to(folder)} {file_sha256(path)}" for path in paths)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


def _remembered(kind: str, path: Path, cache: Path | None) -> str:
    path = path.resolve()
    status = os.stat(path)
    key = (kind, str(path), status.st_size, status.st_mtime_ns)
    if key not in _known:
        stored = _stored(cache)
        name = json.dumps(key)
        _known[key] = stored.get(name) or _hash(path, kind)
        if cache and name not in stored:
            _store(cache, stored, key, _known[key])
    return _known[key]


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
        if kind == "tensors":
            file.seek(8 + int.from_bytes(file.read(8), "little"))
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
