"""What became of the files of a folder: counts, names, and the words for people."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from engine.files import read_json
from engine.rules import counted

MOST_NAMED = 10  # files in the words; the report has all


@dataclass
class Report:
    """Of one import.

    Attributes:
        taken: pictures that are new in the gallery.
        with_recipe: of these, how many say how they were made.
        known: files that were there already, also twice within the folder.
        others: files that are no pictures.
        refused: why not, by the name of the file.
    """

    taken: int = 0
    with_recipe: int = 0
    known: int = 0
    others: int = 0
    refused: dict[str, str] = field(default_factory=dict)

    def sentences(self) -> Iterator[str]:
        """For people."""
        new = counted(self.taken, "picture is", "pictures are")
        recipes = f"; {self.with_recipe} of them say how they were made" if self.taken else ""
        yield f"{new} new in the gallery{recipes}."
        if self.known:
            yield f"{counted(self.known, 'file was', 'files were')} there already."
        if self.others:
            none = counted(self.others, "file that is no picture was", "files that are no pictures were")
            yield f"{none} passed over."
        if self.refused:
            yield f"{counted(len(self.refused), 'file')} could not be brought in:"
            yield from (f"{name} {why}" for name, why in list(self.refused.items())[:MOST_NAMED])
            if (more := len(self.refused) - MOST_NAMED) > 0:
                yield f"… and {more} more."

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return asdict(self)


def report_file(home: Path, job_id: str) -> Path:
    """Where the report of a job lies."""
    return home / "imports" / f"{job_id}.json"


def written(report: Report) -> bytes:
    """The report as it is kept."""
    return json.dumps(report.to_dict(), ensure_ascii=False).encode("utf-8", "replace")


def report_of(home: Path, job_id: str) -> Report | None:
    """The report of a job; None where there is none, or not any more."""
    try:
        return Report(**read_json(report_file(home, job_id)))
    except (OSError, ValueError, TypeError):
        return None
