"""The files of a data set's folder: pictures, other files, and those of the operating system."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.datasets.archives.notes import FILE as NOTE
from engine.datasets.findings import counted
from engine.datasets.index import shown
from engine.datasets.layouts.kohya import Layout
from engine.datasets.layouts.system_files import is_of_the_system
from engine.datasets.pictures import PictureRefused, facts_of
from engine.errors import NotFound, StudioError
from engine.picture_files import SUFFIXES

MAX_FILES = 20_000


@dataclass(frozen=True, slots=True)
class Listing:
    """What lies in a folder and below, sorted.

    Attributes:
        pictures: files with the suffix of a picture.
        others: all other files.
        hidden: names of files and folders that belong to the operating system.
        closed: folders that were not entered: links, and those without the right to read.
        regularisation: pictures that a trainer holds against the subject, see `kohya.regularisation_folders`.
        outputs: pictures beside the training pictures that a trainer made.
    """

    pictures: tuple[Path, ...]
    others: tuple[Path, ...]
    hidden: tuple[str, ...]
    closed: tuple[str, ...]
    regularisation: tuple[Path, ...] = ()
    outputs: tuple[Path, ...] = ()


def list_files(folder: Path) -> Listing:
    """List a folder.

    Raises:
        NotFound: there is no such folder, or no picture in it.
        StudioError: it holds too many files.
    """
    _require_folder(folder)
    files: list[Path] = []
    hidden: list[str] = []
    links: list[str] = []
    errors: list[OSError] = []
    for place, folders, names in os.walk(folder, onerror=errors.append):
        hidden += [shown(name) for name in (*folders, *names) if _is_hidden(name) and name != NOTE]
        folders[:] = sorted(name for name in folders if not _is_hidden(name))
        links += [shown(name) for name in folders if Path(place, name).is_symlink()]
        files += [Path(place, name) for name in sorted(names) if not _is_hidden(name)]
        if len(files) > MAX_FILES:
            raise StudioError(f"A data set may have {MAX_FILES:,} files; {folder} has more. Choose its own folder.")
    closed = (*links, *(shown(str(error.filename)) for error in errors))
    return _sorted(folder, files, tuple(hidden), closed)


def _sorted(folder: Path, files: Sequence[Path], hidden: tuple[str, ...], closed: tuple[str, ...]) -> Listing:
    layout = Layout(folder, files)
    own = [path for path in files if layout.is_own(path)]
    pictures = tuple(filter(_is_picture, own))
    others = tuple(path for path in own if not _is_picture(path))
    regularisation = tuple(path for path in files if _is_picture(path) and layout.is_regularisation(path))
    outputs = tuple(path for path in files if _is_picture(path) and layout.is_output(path))
    if not pictures and regularisation:
        raise _only_regularisation(folder, regularisation)
    if not pictures:
        raise _no_pictures(folder, others)
    return Listing(pictures, others, hidden, closed, regularisation, outputs)


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES


def _only_regularisation(folder: Path, pictures: Sequence[Path]) -> NotFound:
    place = pictures[0].relative_to(folder).parts[0]
    return NotFound(
        f"A data set needs pictures of its subject; {folder} holds {counted(len(pictures), 'regularisation picture')} "
        f"alone, in {shown(place)}. Add the subject's pictures, or rename that folder to train on these."
    )


def decode_all(paths: Sequence[Path], progress: Callable[[int, int], None]) -> tuple[list[Path], list[PictureRefused]]:
    """Those that can be read as pictures, and why the others cannot."""
    usable, refused = [], []
    for done, path in enumerate(paths, start=1):
        try:
            if shown(path.name) != path.name:
                raise PictureRefused(path, "Its name is not valid text. Rename it.")
            facts_of(path)
            usable.append(path)
        except PictureRefused as error:
            refused.append(error)
        progress(done, len(paths))
    return usable, refused


def _require_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    if folder.exists():
        raise NotFound(f"A data set is a folder or a ZIP; {folder} is another file. Choose the folder it lies in.")
    raise NotFound(f"There is no folder {folder}. Check the path.")


def _no_pictures(folder: Path, others: Sequence[Path]) -> NotFound:
    kinds = ", ".join(sorted({path.suffix.lower() or "no suffix" for path in others})[:8])
    return NotFound(
        f"A data set needs PNG, JPEG or WebP pictures; {folder} holds {counted(len(others), 'file')}"
        f"{f' ({kinds})' if kinds else ''} and no such picture. Choose another folder or add pictures."
    )


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or is_of_the_system(name)
