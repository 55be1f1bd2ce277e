"""Files that came through a browser, kept as a data set: one ZIP, or pictures and captions as they are."""

import shutil
import unicodedata
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from engine.datasets.layouts.system_files import is_of_the_system
from engine.datasets.unpacking import shown_name, unpack
from engine.errors import StudioError, UnsafeFile
from engine.files import put, scratch_of

MOST_NAME_BYTES = 255  # what file systems take


def keep_uploads(files: Sequence[tuple[str, BinaryIO]], folder: Path) -> Path:
    """Keep files in a new folder, which appears whole or not at all.

    Args:
        files: names as the browser sends them, and contents; files of an operating system are passed over.
        folder: must not be there yet.

    Returns:
        The folder.

    Raises:
        UnsafeFile: a ZIP that `unpack` refuses, a name that no file can have, or one that is there twice.
        StudioError: the disk does not take them.
    """
    named = [(PurePosixPath(name.replace("\\", "/")).name, file) for name, file in files]
    own = [(name, file) for name, file in named if not is_of_the_system(name)]
    if len(own) == 1 and own[0][0].lower().endswith(".zip"):
        return unpack(own[0][1], folder)
    _require_names([name for name, _ in own])
    scratch = scratch_of(folder)
    try:
        scratch.mkdir(parents=True)
        for name, file in own:
            with (scratch / name).open("xb") as target:
                shutil.copyfileobj(file, target)
        put(scratch, folder)
    except OSError as error:
        raise StudioError(
            f"The files cannot be kept: {error.strerror or error}. Make room or check the rights of {folder.parent}."
        ) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder


def _require_names(names: Sequence[str]) -> None:
    taken: dict[str, str] = {}
    for name in names:
        control = any(unicodedata.category(character) in ("Cc", "Cs") for character in name)
        if not name or name == ".." or control or len(name.encode("utf-8", "replace")) > MOST_NAME_BYTES:
            raise UnsafeFile(
                f"A file's name must be plain text of 1 to {MOST_NAME_BYTES} bytes; got {shown_name(name)}. Rename it."
            )
        same = unicodedata.normalize("NFC", name).casefold()  # one file on systems that do not tell them apart
        if same in taken:
            raise UnsafeFile(
                f"Each name may be there once; {shown_name(taken[same])} and {shown_name(name)} are one name. "
                "Rename one, or put the folders into a ZIP."
            )
        taken[same] = name
