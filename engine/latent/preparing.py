"""A training of a network before it is one: what is asked, checked against the pictures. No torch."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ulid import ULID

from engine.errors import InvalidRequest
from engine.latent.pictures import Wanted, picture_paths
from engine.latent.runs import Run, begin_run, name_problems, runs_folder
from engine.prepared import prepared
from engine.settings import Settings
from engine.training.config import values_of


def run_of(family: str, name: str, dataset: str, config: Any, licence: str = "licence unknown") -> Run:
    """What is asked, from settings of that family."""
    values: Mapping[str, Any] = values_of(config)
    return Run(family=family, name=name, dataset=dataset, config=values, licence=licence, created_at=time.time())


def begin(settings: Settings, run: Run, wanted: Wanted) -> str:
    """Prepare a run and return its folder's name; it is one as soon as its job is queued, see `engine.prepared`.

    Raises:
        NotFound, InvalidRequest: see `picture_paths`; or the name cannot be one.
    """
    if problems := name_problems(run.name):
        raise InvalidRequest(problems)
    picture_paths(Path(run.dataset), wanted.fewest)
    name = str(ULID())
    begin_run(prepared(settings.home, runs_folder(settings) / name), run)
    return name
