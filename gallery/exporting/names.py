"""File names by a pattern such as `{date}_{title}_{seed}`, safe on Windows, macOS and Linux alike."""

import re
import time
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from string import Formatter

from gallery.errors import BadPattern
from gallery.records import ImageRecord

DEFAULT = "{date}_{title}_{seed}_{short_id}"
MOST_PATTERN = 100  # characters
MOST_TITLE = 60  # characters of a title, or of a model's name
MOST_NAME = 180  # bytes before the suffix: file systems take 255, and a number may be added
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')  # https://learn.microsoft.com/windows/win32/fileio/naming-a-file
_DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])(\..*)?", re.IGNORECASE)

FIELDS: Mapping[str, Callable[[ImageRecord], str]] = {
    "date": lambda record: time.strftime("%Y-%m-%d", time.localtime(record.created_at)),
    "time": lambda record: time.strftime("%H%M%S", time.localtime(record.created_at)),
    "title": lambda record: _words(record.title),
    "seed": lambda record: "" if record.seed is None else str(record.seed),
    "id": lambda record: record.id,
    "short_id": lambda record: record.id[-6:].lower(),
    "model": lambda record: _words(record.model),
    "kind": lambda record: _words(record.kind),
    "width": lambda record: str(record.width),
    "height": lambda record: str(record.height),
}
"""What may stand in curly brackets, beside `number`, the picture's place in what is exported."""


@dataclass(frozen=True)
class NamePattern:
    """How files are named: words with fields in curly brackets, without the suffix.

    Raises:
        BadPattern: it is empty or too long, names a field that there is not, or has characters that no file name takes.
    """

    text: str = DEFAULT

    def __post_init__(self) -> None:
        if not 1 <= len(self.text.strip()) <= MOST_PATTERN:
            raise BadPattern(f"A file name pattern has 1 to {MOST_PATTERN} characters; got {len(self.text.strip())}.")
        for words, field in self._parts():
            if found := _FORBIDDEN.search(words):
                raise BadPattern(
                    f"A file name cannot have the character {found[0]!r}, which Windows refuses; the pattern "
                    f"{self.text!r} has it. Leave it out."
                )
            if field is not None and field not in (*FIELDS, "number"):
                known = ", ".join(f"{{{name}}}" for name in (*FIELDS, "number"))
                raise BadPattern(f"A file name pattern knows the fields {known}; got {{{field[:40]}}}.")

    def _parts(self) -> list[tuple[str, str | None]]:
        """Words and the field behind them, None at the end; a field with a format such as `{seed:04}` is none."""
        try:
            parts = list(Formatter().parse(self.text))
        except ValueError as error:
            raise BadPattern(
                f"A file name pattern has its fields in curly brackets, such as {{seed}}; got {self.text!r} ({error}). "
                "Close each bracket that is opened."
            ) from None
        return [
            (words, field if not (spec or conversion) else f"{field}{'!' + conversion if conversion else ''}:{spec}")
            for words, field, spec, conversion in parts
        ]

    def name(self, record: ImageRecord, number: int) -> str:
        """The file's name without its suffix.

        Args:
            record: the picture.
            number: its place in what is exported, from 1.
        """
        return _safe("".join(words + _value(field, record, number) for words, field in self._parts()))


class Names:
    """Gives every picture of an export a name of its own, also where letters of two differ in their case alone.

    Args:
        pattern: how they are named.
        taken: names that are there already, by the id of their picture; that picture gets its own again.
    """

    def __init__(self, pattern: NamePattern, taken: Mapping[str, str] | None = None):
        self._pattern = pattern
        self._taken = {_folded(name): image_id for name, image_id in (taken or {}).items()}
        self._last: dict[str, int] = {}
        self._count = 0

    def of(self, record: ImageRecord, suffix: str) -> str:
        """The name of a picture's file, with its suffix such as `.png`; equal names are numbered `_2`, `_3` ..."""
        self._count += 1
        stem = self._pattern.name(record, self._count)
        name, key = f"{stem}{suffix}", _folded(f"{stem}{suffix}")
        number = self._last.get(key, 1)
        while self._taken.get(_folded(name), record.id) != record.id:
            number += 1
            name = f"{stem}_{number}{suffix}"
        self._last[key] = number
        self._taken[_folded(name)] = record.id
        return name


def _value(field: str | None, record: ImageRecord, number: int) -> str:
    if field is None:
        return ""
    return f"{number:04}" if field == "number" else FIELDS[field](record)


def _words(text: str) -> str:
    """The words of a title with hyphens between them, cut at a word where there is one."""
    joined = "-".join(re.findall(r"\w+", unicodedata.normalize("NFC", text[: 10 * MOST_TITLE])))
    if len(joined) <= MOST_TITLE:
        return joined
    cut = joined[:MOST_TITLE]
    return cut.rpartition("-")[0] if "-" in cut[MOST_TITLE // 2 :] else cut


def _safe(name: str) -> str:
    """No device's name, no dots or spaces at the ends, not too long, never empty."""
    name = re.sub(r"([_ -])[_ -]*(?=[_ -])", "", unicodedata.normalize("NFC", name))  # where fields were empty
    name = name.encode("utf-8", "replace")[:MOST_NAME].decode("utf-8", "ignore").strip(" ._-") or "picture"
    return f"_{name}" if _DEVICES.fullmatch(name) else name


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
