"""What was measured about LoRAs, as pages and commands read it from STUDIO_HOME/evaluations; no torch is loaded."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ulid import ULID

from engine.datasets.pictures import CaptionedPicture
from engine.errors import StudioError
from engine.files import read_json
from engine.lora import preparing
from engine.lora.by_eye.request import JudgeByEye
from engine.lora.requests import EvaluateLora, LoraGrid, PromoteLora
from engine.lora.runs.checkpoints import checkpoint_compared, checkpoints_named, checkpoints_of
from engine.lora.runs.held_out import BEGUN, FILE, GRID, REPORT, REQUEST, read_held_out, source_of
from engine.lora.runs.listing import installed_name
from engine.settings import Settings
from engine.weights.hashes import tensor_sha256
from engine.weights.loras import LoraInfo

HELD_OUT = "held out by the training"


@dataclass(frozen=True, slots=True)
class Found:
    """A finished evaluation or grid.

    Attributes:
        folder: with pictures and files.
        created_at: seconds since 1970.
        report: what its JSON file says.
        request: what was asked for; empty for a grid.
        source: where the held-out pictures come from.
        held_out: those pictures; empty where their list cannot be read.
    """

    folder: Path
    created_at: float
    report: dict[str, Any]
    request: dict[str, Any]
    source: str
    held_out: tuple[CaptionedPicture, ...]

    def sheets(self) -> list[Path]:
        """The pictures side by side, as PNG files."""
        return sorted((*self.folder.glob("sheet-*.png"), *self.folder.glob("grid-*.png")))


@dataclass(frozen=True, slots=True)
class Subject:
    """What can be evaluated: a LoRA, with its training where it comes from here; or a training without a LoRA yet.

    Attributes:
        key: the LoRA's name, or the run's where there is no LoRA.
        title: for people.
        lora: as the picker lists it.
        run: name of the run's folder.
    """

    key: str
    title: str
    lora: LoraInfo | None
    run: str | None


def subjects(settings: Settings, loras: Sequence[LoraInfo]) -> dict[str, Subject]:
    """By key: the LoRAs of trainings, the newest first, other LoRAs, then trainings that have checkpoints only."""
    usable = {lora.name: lora for lora in loras if not lora.problem}
    trained: dict[str, Subject] = {}
    alone: dict[str, Subject] = {}
    for run in reversed(preparing.runs(settings)):
        folder = settings.runs_dir / run
        name = installed_name(folder)
        if name in usable:
            trained.setdefault(name, Subject(name, name, usable[name], run))
        elif checkpoints_of(folder):
            alone[run] = Subject(run, _title(settings, run), None, run)
    others = {name: Subject(name, name, lora, None) for name, lora in usable.items() if name not in trained}
    return trained | others | alone


def _title(settings: Settings, run: str) -> str:
    try:
        return f"{preparing.plan_of(settings, run).name}, not in the picker ({run})"
    except StudioError:
        return run


def evaluations_of(settings: Settings, lora: str) -> list[Found]:
    """The finished evaluations of a LoRA, the newest first."""
    found = (_found(path.parent, REPORT) for path in settings.evaluations_dir.glob(f"*/{REPORT}"))
    return _newest([each for each in found if each and each.request.get("lora") == lora])


def grids_of(settings: Settings, run: str) -> list[Found]:
    """The finished grids of a run, the newest first."""
    found = (_found(path.parent, GRID) for path in settings.evaluations_dir.glob(f"*/{GRID}"))
    return _newest([each for each in found if each and each.report.get("run") == run])


def is_finished(settings: Settings, evaluation: str) -> bool:
    """Whether the evaluation or grid of that name has its report."""
    return any((settings.evaluations_dir / evaluation / name).exists() for name in (REPORT, GRID))


def can_go_on(
    settings: Settings, request: EvaluateLora | LoraGrid | JudgeByEye | PromoteLora, lora: LoraInfo | None
) -> bool:
    """Whether what was asked for can come to its end: its pictures are listed, and its weights are those of then."""
    if isinstance(request, PromoteLora):
        return _is_there(settings.runs_dir / request.run, request)
    if isinstance(request, JudgeByEye):
        return _are_there(settings.runs_dir / request.run, request.checkpoints)
    folder = settings.evaluations_dir / request.evaluation
    if not (folder / FILE).exists():
        return False
    if isinstance(request, LoraGrid) or not (folder / BEGUN).exists():
        return True
    return lora is not None and read_json(folder / BEGUN).get("sha256") == tensor_sha256(lora.path)


def _is_there(run: Path, request: PromoteLora) -> bool:
    try:
        checkpoint_compared(run, request.checkpoint, request.step)
    except StudioError:
        return False
    return True


def _are_there(run: Path, names: Sequence[str]) -> bool:
    try:
        checkpoints_named(run, names)
    except StudioError:
        return False
    return True


def is_of_another_version(found: Found, lora: LoraInfo) -> bool:
    """Whether the LoRA was replaced since it was evaluated; False where the evaluation did not note that."""
    noted = found.request.get("lora_sha256")
    return bool(noted) and noted != tensor_sha256(lora.path)


def exported_step(settings: Settings, run: str) -> int | None:
    """Of which step the LoRA is that the run gives now; None while it gives none."""
    folder = settings.runs_dir / run
    try:
        notes = read_json(folder / "result" / f"{preparing.plan_of(settings, run).name}.json")
        return int(notes["training"]["steps"])
    except (StudioError, OSError, ValueError, KeyError, TypeError):
        return None


def _newest(found: list[Found]) -> list[Found]:
    return sorted(found, key=lambda each: each.created_at, reverse=True)


def _found(folder: Path, report: str) -> Found | None:
    """None for a folder that cannot be read."""
    try:
        request = read_json(folder / REQUEST) if report == REPORT else {}
        return Found(
            folder, _created_at(folder), read_json(folder / report), request, source_of(folder), _held_out(folder)
        )
    except (OSError, ValueError):
        return None


def _held_out(folder: Path) -> tuple[CaptionedPicture, ...]:
    try:
        return tuple(read_held_out(folder))
    except StudioError:
        return ()


def _created_at(folder: Path) -> float:
    """Folders are called by their time; by an older name, the folder's own time counts."""
    try:
        return ULID.from_str(folder.name[:26]).timestamp
    except ValueError:
        return folder.stat().st_mtime
