"""Trainings, evaluations, grids and promotions of LoRAs: which can be asked for on this machine."""

from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from engine.diffusion.request import TextToImage, text_to_image
from engine.errors import InvalidRequest, Problem, StudioError
from engine.jobs.kind import Here, Kind
from engine.jobs.records import Job
from engine.jobs.schema import SUCCEEDED, TRAIN
from engine.jobs.status import EngineStatus
from engine.lora import pace
from engine.lora.by_eye.request import JudgeByEye, judge_by_eye
from engine.lora.pace import Planned, Speed
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
from engine.lora.runs.plan import RunPlan, read_plan
from engine.lora.runs.timing import read_timing
from engine.prepared import prepared
from engine.settings import Settings
from engine.weights.checks import lora_problems, model_problems
from engine.weights.models import Catalogue
from gallery.questions.query import Query
from gallery.recipe import Recipe
from gallery.store import Gallery

MOST_EARLIER, MOST_DRAWN = 5, 24  # trainings and drawings that are looked at, the newest


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


def _by_eye(values: Mapping[str, Any], here: Here) -> list[Problem]:
    """Raises NotFound: a checkpoint is not there."""
    found = checkpoints_named(here.settings.runs_dir / values["run"], values["checkpoints"])
    if len(found) + bool(values.get("alone", True)) >= 2:
        return []
    return [Problem("checkpoints", "To choose there must be two checkpoints of different steps; these are the same.")]


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


def training_time(
    settings: Settings, planned: Planned, jobs: Iterable[Job], engine: EngineStatus, gallery: Gallery
) -> str:
    """About how long a training takes, in words.

    Args:
        settings: of the studio.
        planned: the training.
        jobs: trainings, newest first; those of the same model on the same device say how quick this machine is, also
            where they were stopped.
        engine: what the worker said last.
        gallery: whose newest drawings say how quick this machine is where no training does.
    """
    found = (_speed(settings, planned, job, engine.device) for job in jobs if job.request)
    speeds = list(islice((speed for speed in found if speed), MOST_EARLIER))
    drawn = gallery.page(Query(kinds=(TextToImage.kind,), models=(pace.MODEL,)), limit=MOST_DRAWN).images
    return pace.in_words(planned, speeds, engine.accelerated, slowness(each.recipe for each in drawn))


def slowness(recipes: Iterable[Recipe]) -> float | None:
    """Seconds that this machine takes for what the core of the measured rates did in one; None where nothing tells.

    Args:
        recipes: of pictures that `pace.MODEL` drew; those by a GPU or with LoRAs do not count.
    """
    found = [recipe.seconds / seconds for recipe in recipes if recipe.seconds > 0 and (seconds := _rated(recipe))]
    return median(found) if found else None


def _rated(recipe: Recipe) -> float:
    try:
        asked = text_to_image(recipe.request)
    except (InvalidRequest, TypeError):  # of another version of the studio
        return 0.0
    return pace.drawing_time(asked) if recipe.dtype == "float32" and not recipe.loras else 0.0


def _speed(settings: Settings, planned: Planned, job: Job, device: str) -> Speed | None:
    """What the training of a job says; None where it was of another model or device, or nothing tells its time."""
    folder = settings.runs_dir / job.request.run
    timing = read_timing(folder)
    if timing and device and timing.device != device:
        return None
    try:
        plan = read_plan(folder)
    except StudioError:
        return None
    earlier = pace.planned_with(plan.config, plan.model, plan.pictures, plan.held_out)
    same = plan.model.name == planned.info.name
    return pace.speed_of(earlier, planned, timing, _whole(job, plan)) if same else None


def _whole(job: Job, plan: RunPlan) -> float | None:
    """Seconds of a training that its worker did in one go, from begin to end; None of others.

    Jobs of earlier versions do not tell whether they made room for drawings.
    """
    in_one_go = job.state == SUCCEEDED and job.attempt == 1 and job.claims <= 1 and plan.config.steps == job.step
    return job.finished_at - job.started_at if in_one_go and job.started_at and job.finished_at else None


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
        name=JudgeByEye.kind,
        read=judge_by_eye,
        title=lambda request: f"Drawing checkpoints of {request.name} to judge by eye",
        lane=TRAIN,
        check=_by_eye,
    ),
    Kind(
        name=PromoteLora.kind,  # it draws one picture, so it goes with the drawings
        read=promote_lora,
        title=lambda request: f"Promoting {request.checkpoint} of {request.name}",
        check=_promotion,
        once=True,
    ),
)
