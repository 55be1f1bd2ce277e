"""Trainings of networks to explore, and pictures from them: which can be asked for on this machine."""

from collections.abc import Mapping
from typing import Any

from engine.errors import InvalidRequest, Problem, StudioError
from engine.jobs.kind import Here, Kind
from engine.jobs.schema import FETCH, TRAIN
from engine.latent.catalogue import explorer
from engine.latent.requests import Explored, TrainNetwork, explored
from engine.latent.runs import RUN, runs_folder
from engine.latent.words import describe
from engine.prepared import prepared


def _training(values: Mapping[str, Any], here: Here) -> list[Problem]:
    place = runs_folder(here.settings) / values["run"]
    if not any((folder / RUN).is_file() for folder in (place, prepared(here.settings.home, place))):
        return [Problem("run", f"A training must be prepared first; there is none named {values['run']!r}.")]
    if any(request.run == values["run"] for request in here.unfinished(TrainNetwork.kind)):
        return [Problem("run", f"{values['name']} is being trained already. Wait for its end.")]
    return []


def _exploring(values: Mapping[str, Any], here: Here) -> list[Problem]:
    try:
        request = explored(values)
        found = explorer(here.settings, request.explorer)
    except InvalidRequest:
        return []  # the request says it
    except StudioError as error:
        return [Problem("explorer", str(error))]
    assert found.about is not None
    if len(request.begin) != found.about.latents:
        text = f"{found.title} has {found.about.latents} latents; got {len(request.begin)}. Choose the point anew."
        return [Problem("begin", text)]
    return []


KINDS = (
    Kind(
        name=TrainNetwork.kind,
        read=lambda values: TrainNetwork(**values),
        title=lambda request: f"Training {request.name}",
        lane=TRAIN,
        check=_training,
        pausable=True,
        folder=lambda settings, request: runs_folder(settings) / request.run,
    ),
)
EXPLORED = Kind(
    name=Explored.kind,
    read=explored,
    title=lambda request: f"A {request.form} of {request.explorer}",
    lane=FETCH,  # it takes no device: a training at work does not hold it up
    check=_exploring,
    alone=lambda request, index: request,
    pictures=lambda request: 1,
    stepwise=False,
    describe=describe,
)
