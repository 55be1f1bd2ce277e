"""Find the picture that a caption file means: names are written in many ways."""

import unicodedata
from collections.abc import Iterable
from pathlib import Path

from engine.picture_files import SUFFIXES

LONGEST_NAME = 1_000  # characters of a path; a longer text is none
_MOST_FITTING = 200  # names that are looked for in a text


class PictureIndex:
    """The pictures below a folder, by their names.

    Capital letters, the two ways to write accents, backslashes, missing suffixes and leading folders that are not
    here make no difference.
    """

    def __init__(self, folder: Path, paths: Iterable[Path]):
        self._folder = folder
        self._by_path: dict[str, list[Path]] = {}
        self._by_name: dict[str, list[Path]] = {}
        for path in paths:
            place = _key(path.relative_to(folder).as_posix())
            for key in (place, place.removesuffix(path.suffix.casefold())):
                self._by_path.setdefault(key, []).append(path)
                self._by_name.setdefault(key.rsplit("/", 1)[-1], []).append(path)
        stems = {name for name in self._by_name if not name.isascii() and not name.endswith(SUFFIXES)}
        self._telling = sorted(stems)[:_MOST_FITTING]

    def fitting(self, text: str) -> int:
        """How many of the pictures' names stand in a text; only those that an encoding changes are looked for."""
        known = _key(text) if self._telling else ""
        return sum(name in known for name in self._telling)

    def find(self, name: str, base: Path) -> tuple[Path, ...]:
        """The pictures that a name may mean; the nearest first place where there are any decides.

        Args:
            name: relative to `base` or to the data set's folder, a path from elsewhere, or a bare name.
            base: folder of the file that has the name in it.
        """
        if len(name) > LONGEST_NAME:
            return ()
        parts = [part for part in _key(name.strip().replace("\\", "/")).split("/") if part not in ("", ".")]
        if not parts:
            return ()
        places = [_key(base.relative_to(self._folder).joinpath(*parts).as_posix())]
        places += ["/".join(parts[start:]) for start in range(len(parts))]
        for place in places:
            if place in self._by_path:
                return _as_written(self._by_path[place], name)
        return _as_written(self._by_name.get(parts[-1], []), name)

    def beside(self, path: Path) -> tuple[Path, ...]:
        """The pictures of a text file's name in its own folder: `a.png` or `a.png` for `a.png.txt`."""
        place = _key(path.relative_to(self._folder).with_suffix("").as_posix())
        return _as_written(self._by_path.get(place, []), path.stem)

    def likeness(self, text: str) -> int:
        """How much a text looks like a picture's name: 2 with a picture's suffix, 1 for a known name, 0 for neither."""
        if len(text) > LONGEST_NAME:
            return 0
        name = text.strip()
        if name.casefold().endswith(SUFFIXES):
            return 2
        return 1 if name and self.find(name, self._folder) else 0


def _as_written(pictures: list[Path], name: str) -> tuple[Path, ...]:
    """Where names differ in capitals or in how accents are written alone, those that are written exactly so."""
    if len(pictures) > 1:
        stem = name.strip().replace("\\", "/").rsplit("/", 1)[-1]
        for form in (str, _composed):
            exact = [path for path in pictures if form(stem) in (form(path.name), form(path.stem))]
            if exact:
                return tuple(exact)
    return tuple(pictures)


def relative_name(folder: Path, path: Path) -> str:
    """A file's name in reports and records: its path in the folder, with slashes on every system."""
    return shown(path.relative_to(folder).as_posix())


def shown(name: str) -> str:
    """A name that can be stored and shown; Linux allows names that are no text."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def _key(text: str) -> str:
    return _composed(text).casefold()


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)
