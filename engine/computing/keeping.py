"""Converted networks on disk: each in a folder that is whole or not there."""

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from engine.computing.graphs import explaining
from engine.computing.names import MAKING, CannotCompute, compiled_folder, making_prefix, openvino_version, tries
from engine.files import read_json, write_json

SPARE_BYTES = 500_000_000  # of disk and of memory that stay free
ABANDONED_SECONDS = 86400  # after which a conversion that was begun is no other worker's any more


def keep(place: Path, title: str, wanted_bytes: int, write: Callable[[Path], None]) -> None:
    """Have converted networks written to `place`.

    Some that convert but compute something else are kept as unfit, so that nobody tries again; and so are those whose
    conversion ended the program twice, since what OpenVINO cannot take may end it without a word.

    Args:
        title: of what is converted.
        wanted_bytes: of its weights.
        write: writes the files into a folder, and raises CannotCompute where they are no good.

    Raises:
        CannotCompute: there is no room for it, or it cannot be converted.
    """
    _require_room(wanted_bytes, place.parent)
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=making_prefix()) as name, explaining():
        made = Path(name) / place.name
        made.mkdir()
        _begin(place, title)
        unfit = ""
        try:
            with explaining():
                write(made)
        except CannotCompute as error:
            if isinstance(error.__cause__, OSError):  # a full disk says nothing of the networks
                shutil.rmtree(place, ignore_errors=True)
                raise
            unfit = str(error)
            for file in made.iterdir():
                file.unlink()
        write_json(made / "about.json", {"model": title, "openvino": openvino_version(), "unfit": unfit})
        shutil.rmtree(place, ignore_errors=True)  # what was begun, unfit before or half removed
        made.rename(place)
    if unfit:
        raise CannotCompute(unfit)


def _begin(place: Path, title: str) -> None:
    """Write down that it is tried; only a program that ended meanwhile leaves it so."""
    try:
        before = tries(read_json(place / "about.json"))
    except (OSError, ValueError):
        before = 0
    place.mkdir(exist_ok=True)
    write_json(place / "about.json", {"model": title, "openvino": openvino_version(), "tries": before + 1})


def _require_room(wanted: int, folder: Path) -> None:
    at = next(parent for parent in (folder, *folder.parents) if parent.is_dir())
    for what, free, needed in (
        ("disk", shutil.disk_usage(at).free, wanted + SPARE_BYTES),
        ("memory", psutil.virtual_memory().available, 2 * wanted + SPARE_BYTES),
    ):
        if free < needed:
            raise CannotCompute(
                f"its converted weights need {needed / 1e9:.1f} GB of free {what}, and {free / 1e9:.1f} GB are free."
            )


def sweep(home: Path) -> None:
    """Remove what another version of OpenVINO left, which nothing can use any more."""
    for folder in compiled_folder(home).glob("*"):
        if folder.name.startswith(MAKING) and _is_recent(folder):
            continue
        try:
            current = read_json(folder / "about.json").get("openvino") == openvino_version()
        except (OSError, ValueError):
            current = False
        if not current:
            shutil.rmtree(folder, ignore_errors=True)


def _is_recent(folder: Path) -> bool:
    """Whether another worker may still be at it."""
    try:
        return time.time() - folder.stat().st_mtime < ABANDONED_SECONDS
    except OSError:
        return False
