"""The picture files of a folder, oldest first, so that the newest comes last and stands first in the gallery."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from engine.picture_files import SUFFIXES


@dataclass(frozen=True, slots=True)
class Listed:
    """What a folder holds.

    Attributes:
        pictures: paths, oldest first.
        others: how many other files there are.
        outside: links that lead out of the folder, by name; they are not followed.
    """

    pictures: tuple[Path, ...]
    others: int
    outside: tuple[str, ...]


def listed(folder: Path, recursive: bool) -> Listed:
    """Look through a folder; no file is opened. Raises OSError where the folder itself cannot be read."""
    root = folder.resolve()
    os.scandir(root).close()
    pictures, others, outside = [], 0, []
    for path in _files(root, recursive):
        if path.name.startswith("."):
            continue
        if path.suffix.lower() not in SUFFIXES:
            others += 1
        elif path.is_symlink() and not path.resolve().is_relative_to(root):
            outside.append(str(path.relative_to(root)))
        else:
            pictures.append(path)
    return Listed(tuple(sorted(pictures, key=_age)), others, tuple(sorted(outside)))


def _files(root: Path, recursive: bool) -> Iterator[Path]:
    for place, folders, names in os.walk(root):  # links to folders are not entered
        yield from (Path(place) / name for name in names)
        folders[:] = [name for name in folders if not name.startswith(".")] if recursive else []


def _age(path: Path) -> tuple[float, str]:
    with suppress(OSError):
        return path.stat().st_mtime, str(path)
    return 0.0, str(path)
