"""What was found about folders, kept: STUDIO_HOME/evaluations/<id>/folders.json. No torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ulid import ULID

from engine.files import read_json, write_json
from engine.measuring.request import CompareFolders
from engine.settings import Settings

FILE = "folders.json"


@dataclass(frozen=True, slots=True)
class FoldersReport:
    """A finished comparison of two folders.

    Attributes:
        folder: with its file.
        created_at: seconds since 1970.
        values: `folders` (both paths) and what `FolderComparison.to_dict` gives.
    """

    folder: Path
    created_at: float
    values: dict[str, Any]


def keep_report(settings: Settings, request: CompareFolders, found: Mapping[str, Any]) -> Path:
    """Write what was found; returns the file."""
    path = settings.evaluations_dir / request.comparison / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {"folders": [request.one, request.other], **found})
    return path


def folder_reports(settings: Settings) -> list[FoldersReport]:
    """The finished ones, the newest first; those that cannot be read are left out."""
    found = []
    for path in settings.evaluations_dir.glob(f"*/{FILE}"):
        try:
            values = read_json(path)
            one, other = values["folders"]  # what a report is called in a list
            made = ULID.from_str(path.parent.name).timestamp
            found.append(FoldersReport(path.parent, made, {**values, "folders": [str(one), str(other)]}))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return sorted(found, key=lambda each: each.created_at, reverse=True)
