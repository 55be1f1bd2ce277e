"""What was done to unpack an archive, kept beside its files so that every later reading of the folder can say it."""

from dataclasses import asdict, dataclass
from pathlib import Path

from engine.files import read_json, write_json

FILE = ".unpacked.json"
MOST_NAMED = 20  # files that were passed over


@dataclass(frozen=True, slots=True)
class ArchiveNote:
    """What is worth saying about an archive.

    Attributes:
        encoding: of the names that did not say it themselves; empty where all did.
        why: what speaks for it, as the end of a sentence.
        certain: whether that is more than a likely guess.
        passed_over: names of files of an operating system that were not unpacked, the first few.
        passed_over_count: of all of them.
    """

    encoding: str = ""
    why: str = ""
    certain: bool = True
    passed_over: tuple[str, ...] = ()
    passed_over_count: int = 0


def write_note(folder: Path, note: ArchiveNote) -> None:
    """Keep a note, if there is something in it."""
    if note != ArchiveNote():
        write_json(folder / FILE, asdict(note))


def read_note(folder: Path) -> ArchiveNote:
    """What `write_note` kept; an empty note where there is none that can be read."""
    try:
        values = read_json(folder / FILE)
        return ArchiveNote(
            encoding=str(values["encoding"])[:80],
            why=str(values["why"])[:300],
            certain=values["certain"] is True,
            passed_over=tuple(str(name)[:300] for name in values["passed_over"][:MOST_NAMED]),
            passed_over_count=int(values["passed_over_count"]),
        )
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return ArchiveNote()
