"""The artist's wildcards: text files in `home/wildcards`, a possibility a line."""

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from engine.datasets.texts import decoded, read_bytes
from engine.errors import TemplateRefused
from engine.files import printable
from engine.prompting.parsing import Choice, Option, Parts, Wildcard, parse_option

FOLDER = "wildcards"
MOST_BYTES = 4 * 2**20
MOST_DEEP = 10  # files that name files


class Wildcards:
    """The files as they are now; each is read once.

    Args:
        home: the studio's folder.
    """

    def __init__(self, home: Path):
        self.folder = home / FOLDER
        self._read: dict[str, tuple[Option, ...]] = {}

    def names(self) -> list[str]:
        """As they are written between the underscores, in order."""
        if not self.folder.is_dir():
            return []
        return sorted(file.relative_to(self.folder).with_suffix("").as_posix() for file in self.folder.rglob("*.txt"))

    def options(self, name: str) -> tuple[Option, ...]:
        """The lines of a file, without empty ones and those that begin with #.

        Raises:
            TemplateRefused: there is no such file, or it cannot be used; the text says why.
        """
        if name not in self._read:
            self._read[name] = self._options(name)
        return self._read[name]

    def require(self, parts: Parts) -> None:
        """Look at everything that a template can come to, whatever is drawn.

        Raises:
            TemplateRefused: a file is missing or wrong, names itself, or they go too deep.
        """
        self._require(parts, (), {})

    def _require(self, parts: Parts, trail: tuple[str, ...], done: dict[str, int]) -> int:
        """Returns how deep these parts go; `done` has that of each file, so that a way is as deep whoever names it."""
        deepest = 0
        for name in _named(parts):
            if name in trail:
                way = " → ".join(f"__{each}__" for each in (*trail[trail.index(name) :], name))
                raise TemplateRefused(f"A wildcard may not name itself, on no way: {way}. Take it out of one of them.")
            here = (*trail, name)
            if name not in done and len(here) <= MOST_DEEP:
                done[name] = 1 + max(self._require(option.parts, here, done) for option in self.options(name))
            if name not in done or len(trail) + done[name] > MOST_DEEP:
                raise TemplateRefused(
                    f"Wildcards may name each other {MOST_DEEP} deep; __{here[0]}__ goes deeper. Write it flatter."
                )
            deepest = max(deepest, done[name])
        return deepest

    def _options(self, name: str) -> tuple[Option, ...]:
        file = self._file(name)
        try:
            text, _ = decoded(read_bytes(file, MOST_BYTES))
        except (OSError, ValueError) as error:
            said = error.strerror if isinstance(error, OSError) else error
            raise TemplateRefused(f"The wildcard __{name}__ cannot be read from {file}: {said}.") from None
        options = tuple(_lines(name, text))
        if not any(option.weight for option in options):
            raise TemplateRefused(f"A wildcard needs a line to draw; {file} has none. Write one possibility a line.")
        return options

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


def _lines(name: str, text: str) -> Iterator[Option]:
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
