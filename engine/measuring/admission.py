"""Networks that measure pictures, and comparisons of folders: which can be asked for here."""

from collections.abc import Mapping
from os.path import expanduser, isdir
from pathlib import Path
from typing import Any

from engine.errors import Problem, StudioError
from engine.jobs.kind import Here, Kind
from engine.jobs.schema import FETCH, TRAIN
from engine.measuring.listing import pictures_of_both
from engine.measuring.request import CompareFolders, FetchNetwork, compare_folders, fetch_network
from engine.metrics.published.catalogue import captioner, network_named


def _check(values: Mapping[str, Any], here: Here) -> list[Problem]:
    try:
        network_named(values["network"])
    except StudioError as error:
        return [Problem("network", str(error))]
    folder = values.get("folder")
    if folder and not isdir(expanduser(folder)):  # unlike those of Path they take every name
        return [Problem("folder", f"The files are looked for in a folder; {folder} is none. Check its name.")]
    return []


def _folders(values: Mapping[str, Any], here: Here) -> list[Problem]:
    try:
        pictures_of_both(Path(values["one"]), Path(values["other"]))
    except StudioError as error:
        named = [name for name in ("other", "one") if values[name] in str(error)]
        # One folder may lie in the other: the longer path is the one that is meant.
        return [Problem(max(named, key=lambda name: len(values[name]), default="one"), str(error))]
    return []


def _purpose(name: str) -> str:
    return f"{name}, to {'caption' if name == captioner().name else 'measure'} with"


KINDS = (
    Kind(
        name=FetchNetwork.kind,
        read=fetch_network,
        title=lambda request: f"{'Copying' if request.folder else 'Downloading'} {_purpose(request.network)}",
        lane=FETCH,
        check=_check,
        stepwise=False,
        once=True,
    ),
    Kind(
        name=CompareFolders.kind,
        read=compare_folders,
        title=lambda request: f"Comparing {Path(request.one).name} with {Path(request.other).name}",
        lane=TRAIN,
        check=_folders,
        stepwise=False,
    ),
)
