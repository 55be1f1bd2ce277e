"""Networks that measure pictures: which can be brought here."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.errors import Problem, StudioError
from engine.jobs.kind import Here, Kind
from engine.jobs.schema import FETCH
from engine.measuring.request import FetchNetwork, fetch_network
from engine.metrics.published.catalogue import captioner, network_named


def _check(values: Mapping[str, Any], here: Here) -> list[Problem]:
    try:
        network_named(values["network"])
    except StudioError as error:
        return [Problem("network", str(error))]
    folder = values.get("folder")
    if folder and not Path(folder).expanduser().is_dir():
        return [Problem("folder", f"The files are looked for in a folder; {folder} is none. Check its name.")]
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
)
