"""Bringing pictures in: which folders can be asked for."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.errors import InvalidRequest, Problem
from engine.importing.request import Import, import_folder
from engine.jobs.kind import Here, Kind
from engine.jobs.schema import FETCH
from engine.prepared import prepared
from engine.settings import Settings
from gallery.foreign.imported import describe


def _check(values: Mapping[str, Any], here: Here) -> list[Problem]:
    try:
        request = import_folder(values)
    except InvalidRequest:
        return []  # said by the request
    place = request.place(here.settings.home)
    if request.upload:
        place = place if place.is_dir() else prepared(here.settings.home, place)
    if not place.is_dir():
        return [Problem("folder", f"Pictures are brought in from a folder; {place} is none. Check its path.")]
    if (here.settings.home / "images").is_relative_to(place.resolve()) and not request.upload:
        return [Problem("folder", f"The studio's own pictures lie in {place}; they are in the gallery already.")]
    return []


def _uploaded(settings: Settings, request: Import) -> Path | None:
    return request.place(settings.home) if request.upload else None


def _title(request: Import) -> str:
    return "Bringing in uploaded pictures" if request.upload else f"Bringing in {request.folder}"


KINDS = (
    Kind(
        name=Import.kind,
        read=import_folder,
        title=_title,
        lane=FETCH,
        check=_check,
        folder=_uploaded,
        describe=describe,
    ),
)
