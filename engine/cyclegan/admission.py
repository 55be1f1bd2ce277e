"""Trainings of CycleGANs: which can be asked for on this machine."""

from collections.abc import Mapping
from typing import Any

from engine.cyclegan.plan import RECORD
from engine.cyclegan.request import TrainCycleGan, train_cyclegan
from engine.errors import Problem
from engine.jobs.kind import Here, Kind
from engine.jobs.schema import TRAIN
from engine.prepared import prepared


def _training(values: Mapping[str, Any], here: Here) -> list[Problem]:
    place = here.settings.runs_dir / values["run"]
    if not any((folder / RECORD).is_file() for folder in (place, prepared(here.settings.home, place))):
        text = f"A training must be prepared first; there is none named {values['run']!r}."
        return [Problem("run", text)]
    if any(request.run == values["run"] for request in here.unfinished(TrainCycleGan.kind)):
        return [Problem("run", f"{values['name']} is being trained already. Wait for its end.")]
    return []


KINDS = (
    Kind(
        name=TrainCycleGan.kind,
        read=train_cyclegan,
        title=lambda request: f"Training {request.name}, there and back",
        lane=TRAIN,
        check=_training,
        pausable=True,
        folder=lambda settings, request: settings.runs_dir / request.run,
    ),
)
