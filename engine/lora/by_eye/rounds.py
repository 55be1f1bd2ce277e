"""Rounds of judging by eye: the study that they are, and what the training measured of the same checkpoints.

No torch is loaded.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import StudioError
from engine.lora.by_eye.request import JudgeByEye
from engine.lora.evaluations import grids_of
from engine.lora.runs.progress import read_progress
from engine.opinions.alone import Alone, alone_of
from engine.opinions.pictures import combined
from engine.opinions.studies import Studies
from engine.opinions.study import MOST_NAME, Study, StudyRefused
from engine.rules import finite
from engine.settings import Settings

ALONE = "without the LoRA"
OF_LORA = "lora"  # what kind of subject a study has
LEAST_SECONDS = 0.5  # a key that was held too long is no choice


@dataclass(frozen=True, slots=True)
class Drawn:
    """What is judged.

    Attributes:
        pictures: files by method and content.
        checkpoints: name and step by method, without the model alone.
    """

    pictures: Mapping[str, Mapping[str, Path]]
    checkpoints: Mapping[str, Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Measured:
    """The held-out loss beside what was seen.

    Attributes:
        losses: by step, 0 for the model alone; lower is better.
        source: who measured it, in words; empty where nobody did.
    """

    losses: Mapping[int, float]
    source: str

    @property
    def best(self) -> int | None:
        """The step of the lowest loss."""
        return min(self.losses, key=self.losses.__getitem__) if self.losses else None


def method_of(step: int) -> str:
    """How a checkpoint is called in a study."""
    return f"step {step}"


def content_of(prompt: str, seed: int) -> str:
    """How what a prompt and a seed draw is called in a study; one line."""
    return f"{' '.join(prompt.split())[:60]}, seed {seed}"


def is_made(home: Path, request: JudgeByEye) -> bool:
    """Whether the study is there already."""
    try:
        Studies(home).get(request.study)
    except StudyRefused:
        return False
    return True


def make_study(home: Path, request: JudgeByEye, drawn: Drawn) -> Study:
    """Make a study for one person out of what was drawn, once.

    Raises:
        StudyRefused: a picture cannot be used.
    """
    return Studies(home).create(
        f"{request.name} by eye"[:MOST_NAME],
        request.rounds,
        combined(drawn.pictures, {}, control=False),
        repeats=request.repeats,
        least_seconds=LEAST_SECONDS,
        study_id=request.study,
        at_home=True,
        subject={
            "kind": OF_LORA,
            "run": request.run,
            "name": request.name,
            "weight": request.weight,
            "checkpoints": {method: dict(each) for method, each in drawn.checkpoints.items()},
        },
    )


def rounds_of(home: Path, run: str) -> list[Study]:
    """The studies by eye of a run, newest first."""
    wanted = (OF_LORA, run)
    return [each for each in Studies(home).all() if (each.subject.get("kind"), each.subject.get("run")) == wanted]


@dataclass(frozen=True, slots=True)
class Judged:
    """Rounds, and how they stand.

    Attributes:
        over: whether every question is answered, or they were ended.
    """

    study: Study
    alone: Alone

    @property
    def over(self) -> bool:
        """Whether they are blind no more."""
        return self.alone.done or self.study.closed_at is not None


def judged(home: Path, run: str) -> list[Judged]:
    """The rounds of a run, newest first."""
    studies = Studies(home)
    return [Judged(each, alone_of(each, next(iter(studies.participants(each)), None))) for each in rounds_of(home, run)]


def checkpoint_in(study: Study, method: str) -> dict[str, Any] | None:
    """What promoting a method needs: checkpoint, step and weight; None for the model alone."""
    try:
        named = study.subject["checkpoints"][method]
        return {
            "checkpoint": str(named["checkpoint"]),
            "step": int(named["step"]),
            "weight": float(study.subject["weight"]),
        }
    except (KeyError, TypeError, ValueError):
        return None


def measured_of(settings: Settings, study: Study) -> Measured:
    """What was measured of a study's checkpoints at its weight: by the newest grid, else by the training itself."""
    steps = {each["step"] for method in study.methods if (each := checkpoint_in(study, method))} | {0}
    weight, run = study.subject["weight"], study.subject["run"]
    for grid in grids_of(settings, run):
        losses = _of_grid(grid.report, weight)
        if len(found := {step: loss for step, loss in losses.items() if step in steps}) > 1:
            return Measured(found, f"by the comparison at weight {weight:g}")
    losses = _of_training(settings.runs_dir / run) if weight == 1 else {}
    found = {step: loss for step, loss in losses.items() if step in steps}
    return Measured(found, "by the training" if found else "")


def _of_grid(grid: Mapping[str, Any], weight: float) -> dict[int, float]:
    losses: dict[int, float] = {}
    try:
        for cell in grid["cells"]:
            if cell["changes"] and cell["weight"] == weight:
                loss = cell["changes"][0]
                losses |= {0: float(loss["base"]["value"]), int(cell["step"]): float(loss["tuned"]["value"])}
    except (KeyError, TypeError, ValueError):
        return {}
    return {step: loss for step, loss in losses.items() if finite(loss) is not None}


def _of_training(run: Path) -> dict[int, float]:
    try:
        return {line.step: line.held_out for line in read_progress(run) if line.held_out is not None}
    except StudioError:
        return {}
