"""Styles: snippets saved under names that are put around or behind what is typed.

The table is that of AUTOMATIC1111's `styles.csv`: columns `name`, `prompt` and `negative_prompt`. A style with
`{prompt}` in it takes the words there, any other is put behind them.
"""

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.datasets.texts import decoded, read_bytes
from engine.errors import NotFound, ShelfRefused
from engine.prompting.shelf import Entries, Shelf
from engine.rules import MAX_PROMPT_CHARACTERS, cleaned

FILE = "styles.json"
COLUMNS = ("name", "prompt", "negative_prompt")
PLACE = "{prompt}"
MOST_BYTES = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Style:
    """What is added to the prompt and to the negative prompt; either may be empty."""

    prompt: str = ""
    negative_prompt: str = ""


class Styles:
    """The styles of a studio. Args: home: its folder."""

    def __init__(self, home: Path):
        self._shelf = Shelf(home / FILE, "style")

    def all(self) -> dict[str, Style]:
        """Every style by its name, in order. Raises ShelfRefused when they cannot be read."""
        return {name: _style(entry) for name, entry in self._shelf.all().items()}

    def save(self, name: str, style: Style, *, instead_of: str | None = None) -> str:
        """Keep a style; see `Shelf.save`. Raises ShelfRefused, also where it adds nothing or too much."""
        _require(name, style)
        return self._shelf.save(name, asdict(style), instead_of=instead_of)

    def delete(self, name: str) -> None:
        """Forget a style. Raises NotFound."""
        self._shelf.delete(name)

    def apply(self, names: Iterable[str], prompt: str, negative_prompt: str) -> tuple[str, str]:
        """Prompt and negative prompt with these styles in them, one after the other.

        Raises:
            NotFound: there is no style of such a name.
            ShelfRefused: the styles cannot be read, and one is named.
        """
        names = tuple(names)
        if not names:  # then it does not matter what the file is like
            return prompt, negative_prompt
        known = self.all()
        for name in names:
            if name not in known:
                raise NotFound(f"There is no style called {name!r}. Take it off, or make it again.")
            prompt = _with(prompt, known[name].prompt)
            negative_prompt = _with(negative_prompt, known[name].negative_prompt)
        return prompt, negative_prompt

    def bring(self, data: bytes) -> tuple[list[str], list[str]]:
        """Take in the styles of a `styles.csv`; a style whose name is here already stays as it is.

        Returns:
            The names that came in, and a sentence about each row that did not.

        Raises:
            ShelfRefused: it is no such table, or has more than `MOST_BYTES`.
        """
        if len(data) > MOST_BYTES:
            raise ShelfRefused(
                f"A table of styles may have {MOST_BYTES:,} bytes; this one has {len(data):,}. Split it into several."
            )
        added: list[str] = []
        said: list[str] = []

        def change(entries: Entries) -> Entries:
            entries = dict(entries)
            for number, row in enumerate(_rows(data), 2):
                try:
                    name, style = self._shelf.named(row["name"]), Style(row["prompt"], row["negative_prompt"])
                    _require(name, style)
                except ShelfRefused as error:
                    said.append(f"Row {number}: {error}")
                    continue
                if name not in entries:
                    added.append(name)
                    entries[name] = asdict(style)
                elif _style(entries[name]) != style:
                    said.append(f"Row {number}: {name!r} is here already, with other words, and stays as it is.")
            return entries

        self._shelf.change(change)
        return added, said

    def table(self) -> bytes:
        """All styles as a `styles.csv`: UTF-8 with a mark, as AUTOMATIC1111 writes it."""
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, COLUMNS)
        writer.writeheader()
        writer.writerows({"name": name, **asdict(style)} for name, style in self.all().items())
        return text.getvalue().encode("utf-8-sig")


def read_table(path: Path) -> bytes:
    """The bytes of a table. Raises OSError, or ShelfRefused where it is too large."""
    try:
        return read_bytes(path, MOST_BYTES)
    except ValueError as error:
        raise ShelfRefused(f"{path}: {error}.") from None


def _with(words: str, style: str) -> str:
    if PLACE in style:
        return style.replace(PLACE, words)
    return ", ".join(filter(None, [words.strip(), style.strip()]))


def _style(entry: Entries) -> Style:
    return Style(*(value if isinstance(value := entry.get(name), str) else "" for name in COLUMNS[1:]))


def _require(name: str, style: Style) -> None:
    longest = max(len(style.prompt), len(style.negative_prompt))
    if longest > MAX_PROMPT_CHARACTERS:
        raise ShelfRefused(
            f"A style may have {MAX_PROMPT_CHARACTERS} characters; {name!r} has {longest:,}. Shorten it."
        )
    if not (style.prompt + style.negative_prompt).strip():
        raise ShelfRefused(f"A style adds something to the prompt or the negative prompt; {name!r} adds nothing.")


def _rows(data: bytes) -> Iterable[dict[str, str]]:
    try:
        text, _ = decoded(data)
        rows = [*csv.reader(io.StringIO(text, newline=""))]
    except (ValueError, csv.Error) as error:
        raise ShelfRefused(f"The table of styles cannot be read: {error}.") from None
    head = [column.strip().casefold() for column in rows[0]] if rows else []
    if "text" in head and "prompt" not in head:  # as the first versions wrote it
        head[head.index("text")] = "prompt"
    if "name" not in head or "prompt" not in head:
        raise ShelfRefused(
            f"A table of styles begins with the columns {', '.join(COLUMNS)}; got {', '.join(head)[:80] or 'nothing'}."
        )
    for row in rows[1:]:
        cells = {column: cleaned(cell) for column, cell in zip(head, row, strict=False)}
        if any(cell.strip() for cell in cells.values()):
            yield {column: cells.get(column, "") for column in COLUMNS}
