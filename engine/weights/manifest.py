"""What ships in the weights folder: each file with its sha256, size, licence and source.

`weights/manifest.json` is written by `python -m engine.weights.manifest` after a shipped file was changed on purpose:

    {"origins": {"mini": {"licence": ..., "source": ...}, ...},
     "files": {"mini/unet/config.json": {"sha256": ..., "size": ..., "licence": ..., "source": ...}, ...}}

Licence and source of a file are those of the longest name in `origins` that it lies under.
"""

import sys
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine.errors import ModelBroken
from engine.files import read_json, write_json
from engine.settings import PROJECT
from engine.weights.hashes import file_sha256

MANIFEST = "manifest.json"
DRAWN_WITH = (".safetensors", ".json", ".txt")  # what a model is read from; a note beside it may change


@dataclass(frozen=True, slots=True)
class ShippedFile:
    """A file as it shipped.

    Attributes:
        sha256: 64 hex characters.
        size: bytes.
        licence: its short name.
        source: where it comes from, in words.
    """

    sha256: str
    size: int
    licence: str
    source: str


def read(weights_dir: Path) -> dict[str, ShippedFile]:
    """The shipped files by their names in the folder, such as "mini/unet/config.json"; empty without a manifest.

    Raises:
        ModelBroken: the manifest cannot be read.
    """
    path = weights_dir / MANIFEST
    try:
        status = path.stat()
        return _read_once(path, status.st_size, status.st_mtime_ns)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelBroken(
            f"{weights_dir.name}/{MANIFEST} cannot be read: {str(error)[:200] or type(error).__name__}."
        ) from None


@lru_cache(maxsize=8)
def _read_once(path: Path, size: int, mtime_ns: int) -> dict[str, ShippedFile]:
    return {name: ShippedFile(**facts) for name, facts in read_json(path)["files"].items()}


def damaged(weights_dir: Path, folder: Path) -> list[str]:
    """What is wrong with the files of a shipped folder, one sentence each; files that never shipped are no concern.

    Args:
        weights_dir: the folder with the manifest.
        folder: the model's folder inside it.
    """
    try:
        shipped = read(weights_dir)
    except ModelBroken as error:
        return [str(error)]
    below = f"{folder.relative_to(weights_dir).as_posix()}/"
    found = (
        (name, _difference(weights_dir / name, file))
        for name, file in sorted(shipped.items())
        if name.startswith(below)
    )
    return [f"{weights_dir.name}/{name} {text}" for name, text in found if text]


def _difference(path: Path, shipped: ShippedFile) -> str:
    if path.suffix not in DRAWN_WITH:
        return ""
    try:
        actual = file_sha256(path)
    except FileNotFoundError:
        return "shipped with the studio and is missing."
    except OSError as error:
        return f"cannot be read: {error.strerror}."
    if actual == shipped.sha256:
        return ""
    return f"was changed since it shipped: its sha256 begins with {shipped.sha256[:12]}, found {actual[:12]}."


def write(weights_dir: Path) -> int:
    """Write the manifest anew from the files that are there; returns how many it names.

    Raises:
        ModelBroken: there is no manifest with origins, or a file lies under none of them.
    """
    path = weights_dir / MANIFEST
    try:
        origins: dict[str, Any] = read_json(path)["origins"]
    except (OSError, ValueError, KeyError) as error:
        raise ModelBroken(f"{path} must name the licence and source of each folder under origins: {error}.") from None
    files = {name: asdict(_shipped(weights_dir, name, origins)) for name in _names(weights_dir)}
    write_json(path, {"origins": origins, "files": files})
    return len(files)


def _names(weights_dir: Path) -> list[str]:
    names = (path.relative_to(weights_dir).as_posix() for path in weights_dir.rglob("*") if path.is_file())
    return sorted(name for name in names if name != MANIFEST and not any(p.startswith(".") for p in name.split("/")))


def _shipped(weights_dir: Path, name: str, origins: dict[str, Any]) -> ShippedFile:
    above = [origin for origin in origins if name == origin or name.startswith(f"{origin}/")]
    if not above:
        raise ModelBroken(f"{name} needs a licence and a source. Add it or its folder to origins in {MANIFEST}.")
    path = weights_dir / name
    return ShippedFile(file_sha256(path), path.stat().st_size, **origins[max(above, key=len)])


if __name__ == "__main__":
    try:
        print(f"{write(PROJECT / 'weights')} files are named in weights/{MANIFEST}.")
    except ModelBroken as error:
        sys.exit(str(error))
