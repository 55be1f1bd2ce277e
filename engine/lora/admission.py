"""Trainings, evaluations, grids and promotions of LoRAs: which can be asked for on this machine."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.errors import Problem
from engine.jobs.kind import Here, Kind
from engine.jobs.schema import TRAIN
from engine.lora.requests import (
    EvaluateLora,
    LoraGrid,
    PromoteLora,
    TrainLora,
    evaluate_lora,
    lora_grid,
    promote_lora,
    train_lora,
)
from engine.lora.runs.captions import changed_captions, in_words
from engine.lora.runs.checkpoints import checkpoint_compared, checkpoints_named
from engine.prepared import prepared
from engine.settings import Settings
from engine.weights.checks import lora_problems, model_problems
from engine.weights.models import Catalogue


def _training(values: Mapping[str, Any], here: Here) -> list[Problem]:
    place = here.settings.runs_dir / values["run"]
    if not any((folder / "run.json").is_file() for folder in (place, prepared(here.settings.home, place))):
        text = f"A training run must be prepared first; there is none named {values['run']!r}."
        return [Problem("run", text)]
    if busy := _busy(values, here):
        return busy
    changes = changed_captions(place)  # none while it is only prepared
    return [Problem("run", in_words(place, changes))] if changes else []


def _evaluation(values: Mapping[str, Any], here: Here) -> list[Problem]:
    models = Catalogue(here.settings).all()
    model = next((info for info in models if info.name == values["model"]), None)
    return model_problems(values["model"], models) + lora_problems(here.settings, [values["lora"]], model)


def _grid(values: Mapping[str, Any], here: Here) -> list[Problem]:
    """Raises NotFound: a checkpoint is not there."""
    checkpoints_named(here.settings.runs_dir / values["run"], values["checkpoints"])
    return []


def _promotion(values: Mapping[str, Any], here: Here) -> list[Problem]:
    """Raises NotFound: the checkpoint is not there, or not the one that was compared."""
    checkpoint_compared(here.settings.runs_dir / values["run"], values["checkpoint"], values.get("step"))
    return _busy(values, here)


def _busy(values: Mapping[str, Any], here: Here) -> list[Problem]:
    if all(request.run != values["run"] for request in here.unfinished(TrainLora.kind)):
        return []
    return [Problem("run", f"{values['name']} is being trained already. Wait for its end.")]


def _evaluation_folder(settings: Settings, request: EvaluateLora | LoraGrid) -> Path:
    return settings.evaluations_dir / request.evaluation


KINDS = (
    Kind(
        name=TrainLora.kind,
        read=train_lora,
        title=lambda request: f"Training {request.name}",
        lane=TRAIN,
        check=_training,
        pausable=True,
        folder=lambda settings, request: settings.runs_dir / request.run,
    ),
    Kind(
        name=EvaluateLora.kind,
        read=evaluate_lora,
        title=lambda request: f"Evaluating {request.lora}",
        lane=TRAIN,
        check=_evaluation,
        folder=_evaluation_folder,
    ),
    Kind(
        name=LoraGrid.kind,
        read=lora_grid,
        title=lambda request: f"Comparing checkpoints of {request.name}",
        lane=TRAIN,
        check=_grid,
        folder=_evaluation_folder,
    ),
    Kind(
        name=PromoteLora.kind,  # it draws one picture, so it goes with the drawings
        read=promote_lora,
        title=lambda request: f"Promoting {request.checkpoint} of {request.name}",
        check=_promotion,
        once=True,
    ),
)
