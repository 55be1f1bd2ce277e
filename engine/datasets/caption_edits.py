"""Changes of many captions at once: what each would become, before anything is written; a way back for every change.

STUDIO_HOME/captions/<folder>/0001.json   the captions of a folder before its first change, by picture
                              0002.json   after it, and so on
                              at.json     which of them the folder has now
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from engine.datasets.captions import CaptionRule, enriched, with_trigger, write_captions
from engine.datasets.index import relative_name
from engine.datasets.pictures import CaptionedPicture
from engine.datasets.texts import one_line
from engine.errors import InvalidRequest, NotFound, Problem
from engine.files import put, read_json, write_json

MAX_FIND = 1000  # characters to look for, and in their place
AT = "at.json"


@dataclass(frozen=True, slots=True)
class Replace:
    """Words to look for in every caption, and what stands in their place.

    Attributes:
        find: 1 to 1000 characters, as they stand.
        replace: in their place, up to 1000 characters; empty takes them out.
        whole_words: not as a part of longer words.
        match_case: whether capital letters make a difference.

    Raises:
        InvalidRequest: nothing to look for, or too long.
    """

    find: str
    replace: str = ""
    whole_words: bool = True
    match_case: bool = False

    def __post_init__(self) -> None:
        problems = []
        if not 1 <= len(self.find.strip()) <= MAX_FIND:
            text = f"Words to look for have 1 to {MAX_FIND} characters; got {len(self.find.strip())}. Type some."
            problems.append(Problem("find", text))
        if len(self.replace) > MAX_FIND:
            text = f"Words in their place have up to {MAX_FIND} characters; got {len(self.replace)}. Shorten them."
            problems.append(Problem("replace", text))
        if problems:
            raise InvalidRequest(problems)

    def of(self, caption: str) -> str:
        """The caption with every place replaced; commas that then stand alone go as well."""
        words = re.escape(self.find.strip())
        pattern = rf"(?<!\w){words}(?!\w)" if self.whole_words else words
        changed = re.sub(pattern, lambda _: self.replace, caption, flags=0 if self.match_case else re.IGNORECASE)
        return caption if changed == caption else tidy(changed)


def tidy(caption: str) -> str:
    """On one line, without commas that have nothing before them."""
    return re.sub(r"^(\s*,)+\s*|(,\s*)+$", "", re.sub(r"\s*,(\s*,)+", ",", one_line(caption))).strip()


def edited(
    pictures: Iterable[CaptionedPicture],
    *,
    rules: Iterable[CaptionRule] = (),
    replace: Replace | None = None,
    trigger: str = "",
) -> dict[Path, str]:
    """The captions that would change: words replaced, then sentences of rules added, then the trigger word in front.

    Pictures without a caption stay without one.
    """
    rules = tuple(rules)
    found: dict[Path, str] = {}
    for picture in pictures:
        caption = picture.caption
        if not caption.strip():
            continue
        caption = replace.of(caption) if replace else caption
        caption = enriched(caption, rules) if caption else caption
        caption = with_trigger(caption, trigger) if caption else caption
        if caption != picture.caption:
            found[picture.path] = caption
    return found


# ---------------------------------------------------------------- the way back


@dataclass(frozen=True)
class History:
    """The captions that a folder of pictures had, one after the other.

    Attributes:
        home: of the studio.
        folder: of the pictures.
    """

    home: Path
    folder: Path

    def apply(self, pictures: Sequence[CaptionedPicture], changes: Mapping[Path, str]) -> None:
        """Write captions.csv with these changes, after the captions as they were are kept.

        Args:
            pictures: all of the folder, with their captions as they are now.

        Raises:
            InvalidRequest: they cannot be written into the folder.
        """
        before = {picture.path: picture.caption for picture in pictures}
        after = before | dict(changes)
        now, last = self._named(before), self._at()
        if last == 0 or self._read(last) != now:  # changed elsewhere since
            last = self._push(last, now)
        self._write(after)
        self._push(last, self._named(after))

    def can_undo(self) -> bool:
        """Whether there are captions of before."""
        return self._at() > 1

    def can_redo(self) -> bool:
        """Whether a change was undone, and nothing was changed since."""
        return self._file(self._at() + 1).exists()

    def undo(self, pictures: Sequence[CaptionedPicture]) -> None:
        """Put back the captions of before the last change; what was changed elsewhere since then is kept first.

        Raises:
            NotFound: nothing was changed here.
        """
        now, last = self._named({picture.path: picture.caption for picture in pictures}), self._at()
        if last and self._read(last) != now:
            last = self._push(last, now)
        if last < 2:
            raise NotFound(f"No change of captions in {self.folder} is known here, so none can be undone.")
        self._go(last - 1, pictures)

    def redo(self, pictures: Sequence[CaptionedPicture]) -> None:
        """Put back what `undo` took away.

        Raises:
            NotFound: nothing was undone.
        """
        if not self.can_redo():
            raise NotFound(f"No change of captions in {self.folder} was undone last, so none can be put back.")
        self._go(self._at() + 1, pictures)

    def _go(self, number: int, pictures: Iterable[CaptionedPicture]) -> None:
        """Pictures that came later keep the captions that they have."""
        kept = self._read(number)
        self._write({each.path: kept.get(relative_name(self.folder, each.path), each.caption) for each in pictures})
        write_json(self._place / AT, {"at": number})

    def _write(self, captions: Mapping[Path, str]) -> None:
        try:
            write_captions(self.folder, captions)
        except OSError as error:
            text = f"Captions are written into {self.folder}, which cannot be done: {error.strerror or error}."
            raise InvalidRequest([Problem("captions", f"{text} Correct its rights, or make room.")]) from None

    def _push(self, last: int, captions: Mapping[str, str]) -> int:
        """Keep them as the newest; what was undone before is put aside."""
        number = last + 1
        for path in sorted(self._place.glob("[0-9]*.json")):
            if int(path.stem) >= number:
                put(path, self._aside(path.stem))
        self._place.mkdir(parents=True, exist_ok=True)
        write_json(self._file(number), {"captions": dict(captions)})
        write_json(self._place / AT, {"at": number})
        return number

    def _aside(self, stem: str) -> Path:
        count = len(list(self._place.glob(f"undone-*-{stem}.json")))
        return self._place / f"undone-{count + 1}-{stem}.json"

    def _at(self) -> int:
        try:
            number = read_json(self._place / AT)["at"]
        except (OSError, ValueError, KeyError):
            return 0
        return number if isinstance(number, int) and self._file(number).exists() else 0

    def _read(self, number: int) -> dict[str, str]:
        try:
            return dict(read_json(self._file(number))["captions"])
        except (OSError, ValueError, KeyError, TypeError):
            raise NotFound(f"The captions kept in {self._file(number)} cannot be read. Undo by hand.") from None

    def _named(self, captions: Mapping[Path, str]) -> dict[str, str]:
        return {relative_name(self.folder, path): caption for path, caption in captions.items()}

    @property
    def _place(self) -> Path:
        return self.home / "captions" / sha256(str(self.folder.absolute()).encode()).hexdigest()[:16]

    def _file(self, number: int) -> Path:
        return self._place / f"{number:04d}.json"
