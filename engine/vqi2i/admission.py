"""Trainings of VQ-I2I: which can be asked for on this machine."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.errors import Problem, StudioError
from engine.jobs.kind import Here, Kind
from engine.jobs.schema import TRAIN
from engine.prepared import prepared
from engine.vqi2i.plan import RECORD, read_plan
from engine.vqi2i.request import TrainVqi2i, train_vqi2i


def _training(values: Mapping[str, Any], here: Here) -> list[Problem]:
    place = here.settings.runs_dir / values["run"]
    folder = next((each for each in (place, prepared(here.settings.home, place)) if (each / RECORD).is_file()), None)
    if folder is None:
        text = f"A training must be prepared first; there is none named {values['run']!r}."
        return [Problem("run", text)]
    if any(request.run == values["run"] for request in here.unfinished(TrainVqi2i.kind)):
        return [Problem("run", f"{values['name']} is being trained already. Wait for its end.")]
    return _size_problems(folder, here.accelerated)


def _size_problems(folder: Path, accelerated: bool) -> list[Problem]:
    try:
        text = read_plan(folder).config.device_problem(accelerated)
    except StudioError as error:
        return [Problem("run", str(error))]
    return [Problem("preset", text)] if text else []


KINDS = (
    Kind(
        name=TrainVqi2i.kind,
        read=train_vqi2i,
        title=lambda request: f"Training {request.name}, in the style of a picture",
        lane=TRAIN,
        check=_training,
        pausable=True,
        folder=lambda settings, request: settings.runs_dir / request.run,
    ),
)
