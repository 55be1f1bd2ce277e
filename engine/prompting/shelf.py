"""What an artist saves under names: a JSON file in the studio's folder, one object for each name."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

from engine.errors import NotFound, ShelfRefused
from engine.files import printable, read_json, write_json

MOST_OF_NAME = 80
MOST_ENTRIES = 5000

Entries = dict[str, Any]


class Shelf:
    """The entries of one file, read anew on each call; each change is made alone among processes, whole or not at all.

    Args:
        file: where they are.
        one: what an entry is called, such as "style".
    """

    def __init__(self, file: Path, one: str):
        self.file = file
        self._one = one

    def all(self) -> Entries:
        """Every entry by its name, in order of the names. Raises ShelfRefused when the file cannot be read."""
        try:
            found = read_json(self.file)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise ShelfRefused(
                f"{self.file} must be a JSON object that names each {self._one}; got: {error}. "
                "Correct it, or rename it to begin a new one. It is left as it is."
            ) from None
        entries = {name: entry for name, entry in found.items() if isinstance(entry, dict)}
        return dict(sorted(entries.items(), key=lambda entry: entry[0].casefold()))

    def save(self, name: str, entry: Mapping[str, Any], *, instead_of: str | None = None) -> str:
        """Keep an entry; returns its name without spaces around it.

        Args:
            instead_of: the entry that this one replaces, under the same or another name; None for a new one.

        Raises:
            ShelfRefused: the name is empty, too long or taken, or the file cannot be read.
        """
        name = self.named(name)

        def change(entries: Entries) -> Entries:
            if name in entries and name != instead_of:
                raise ShelfRefused(
                    f"A {self._one} is called {name!r} already. Choose another name, or delete that one."
                )
            return {**{each: old for each, old in entries.items() if each != instead_of}, name: dict(entry)}

        self.change(change)
        return name

    def delete(self, name: str) -> None:
        """Forget an entry. Raises NotFound."""

        def change(entries: Entries) -> Entries:
            if name not in entries:
                raise NotFound(f"There is no {self._one} called {name!r}. It may be deleted already.")
            return {each: entry for each, entry in entries.items() if each != name}

        self.change(change)

    def change(self, change: Callable[[Entries], Entries]) -> None:
        """Write what `change` makes of the entries. Raises ShelfRefused as `all`, and where there are too many."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self.file.with_name(f".{self.file.name}.lock"), timeout=10):
            entries = change(self.all())
            if len(entries) > MOST_ENTRIES:
                raise ShelfRefused(f"There may be {MOST_ENTRIES:,} of them; these would be {len(entries):,}.")
            write_json(self.file, entries)

    def named(self, name: str) -> str:
        """A name as it is kept. Raises ShelfRefused."""
        name = " ".join(printable(name).split())
        if not 0 < len(name) <= MOST_OF_NAME:
            raise ShelfRefused(f"The name of a {self._one} has 1 to {MOST_OF_NAME} characters; got {len(name)}.")
        return name
