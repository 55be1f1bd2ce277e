"""The artist's wildcards: text files in `home/wildcards`, a possibility a line."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from itertools import accumulate
from pathlib import Path

from engine.datasets.texts import decoded, read_bytes
from engine.errors import TemplateRefused
from engine.files import printable
from engine.prompting.parsing import Choice, Option, Parts, Wildcard, parse_option

FOLDER = "wildcards"
MOST_BYTES = 4 * 2**20
MOST_DEEP = 10  # files that name files
SMALL_BYTES = 64 * 2**10


@dataclass(frozen=True, slots=True)
class Lines:
    """What a file holds.

    Attributes:
        options: those that can be drawn.
        bounds: the sum of the weights up to each of them.
        names: the wildcards that the lines name, also those with no weight.
    """

    options: tuple[Option, ...]
    bounds: tuple[float, ...]
    names: tuple[str, ...]


class Wildcards:
    """The files as they are now; each is read once.

    Args:
        home: the studio's folder.
    """

    def __init__(self, home: Path):
        self.folder = home / FOLDER
        self._read: dict[str, Lines] = {}

    def names(self) -> list[str]:
        """As they are written between the underscores, in order."""
        if not self.folder.is_dir():
            return []
        return sorted(file.relative_to(self.folder).with_suffix("").as_posix() for file in self.folder.rglob("*.txt"))

    def lines(self, name: str) -> Lines:
        """The lines of a file, without empty ones and those that begin with #.

        Raises:
            TemplateRefused: there is no such file, or it cannot be used; the text says why.
        """
        if name not in self._read:
            self._read[name] = self._lines(name)
        return self._read[name]

    def require(self, parts: Parts) -> None:
        """Look at everything that a template can come to, whatever is drawn.

        Raises:
            TemplateRefused: a file is missing or wrong, names itself, or they go too deep.
        """
        self._require(_named(parts), (), {})

    def _require(self, names: Iterable[str], trail: tuple[str, ...], done: dict[str, int]) -> int:
        """Returns how deep these go; `done` has that of each file, so that a way is as deep whoever names it."""
        deepest = 0
        for name in names:
            if name in trail:
                way = " → ".join(f"__{each}__" for each in (*trail[trail.index(name) :], name))
                raise TemplateRefused(f"A wildcard may not name itself, on no way: {way}. Take it out of one of them.")
            here = (*trail, name)
            if name not in done and len(here) <= MOST_DEEP:
                done[name] = 1 + self._require(self.lines(name).names, here, done)
            if name not in done or len(trail) + done[name] > MOST_DEEP:
                raise TemplateRefused(
                    f"Wildcards may name each other {MOST_DEEP} deep; __{here[0]}__ goes deeper. Write it flatter."
                )
            deepest = max(deepest, done[name])
        return deepest

    def _lines(self, name: str) -> Lines:
        file = self._file(name)
        try:
            status = file.stat()
            read = _read_small if status.st_size <= SMALL_BYTES else _read_large
            return read(name, file, status.st_mtime_ns, status.st_size)
        except (OSError, ValueError) as error:
            said = error.strerror if isinstance(error, OSError) else error
            raise TemplateRefused(f"The wildcard __{name}__ cannot be read from {file}: {said}.") from None

    def _file(self, name: str) -> Path:
        if ":" in name or any(part.strip() in ("", ".", "..") for part in name.split("/")):
            raise TemplateRefused(
                f"A wildcard names a file inside of {self.folder}, such as __sky/night__; got {name!r}."
            )
        file = self.folder / f"{name}.txt"
        if not file.is_file():
            raise TemplateRefused(f"{self._missing(name, file)} For two underscores as they are write \\__.")
        return file

    def _missing(self, name: str, file: Path) -> str:
        names = self.names()
        near = get_close_matches(name, names, 3) or names[:5]
        here = f"; there are {', '.join(near)}" if near else ""
        return f"The wildcard __{name}__ needs a file {file}, which is not there{here}."


def _read(name: str, file: Path, _modified: int, _size: int) -> Lines:
    """The last two tell a changed file. Raises OSError, ValueError and TemplateRefused."""
    text, _ = decoded(read_bytes(file, MOST_BYTES))
    options = tuple(_options(name, text))
    drawable = tuple(option for option in options if option.weight)
    if not drawable:
        raise TemplateRefused(f"A wildcard needs a line to draw; {file} has none. Write one possibility a line.")
    names = dict.fromkeys(each for option in options for each in _named(option.parts))
    return Lines(drawable, tuple(accumulate(option.weight for option in drawable)), tuple(names))


# Pages resolve at every change of a form. Together they keep the lines of some 16 MiB of text.
_read_small = lru_cache(maxsize=128)(_read)
_read_large = lru_cache(maxsize=2)(_read)


def _options(name: str, text: str) -> Iterator[Option]:
    for number, line in enumerate(text.splitlines(), 1):
        line = printable(line).strip()
        if line and not line.startswith("#"):
            try:
                yield parse_option(line)
            except TemplateRefused as error:
                raise TemplateRefused(f"Line {number:,} of the wildcard __{name}__: {error}") from None


def _named(parts: Parts) -> Iterator[str]:
    for part in parts:
        if isinstance(part, Wildcard):
            yield part.name
        elif isinstance(part, Choice):
            for option in part.options:
                yield from _named(option.parts)
