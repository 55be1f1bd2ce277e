"""The LoRA files that a run kept on the way; no torch is loaded."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.errors import NotFound, StudioError
from engine.lora.runs.epochs import epoch_at, looks_of, short
from engine.lora.runs.plan import read_plan
from engine.weights.lora_export import STEP
from engine.weights.safetensors_file import check_lora

CHECKPOINTS = "checkpoints"
BEST, LAST = "best", "last"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A LoRA as it was after some steps.

    Attributes:
        name: "step-000200", "best" or "last".
        step: optimizer steps that it was trained for.
        path: the .safetensors file.
        best: whether its held-out loss was the lowest of all that were measured.
        epoch: passes over the pictures; None where the run's record does not tell.
    """

    name: str
    step: int
    path: Path
    best: bool = False
    epoch: float | None = None

    @property
    def label(self) -> str:
        """For people."""
        where = f"step {self.step}" + ("" if self.epoch is None else f" (epoch {short(self.epoch)})")
        return f"{where}, best" if self.best else where


def checkpoints_of(run: Path) -> list[Checkpoint]:
    """The checkpoints of a run in the order of their steps, each step once; those that cannot be read are left out."""
    steps = _steps(run)
    found = {step: name for name, step in sorted(steps.items())}  # best before last before step-...
    epoch = _epochs(run)
    return [
        Checkpoint(name, step, _file(run, name), step == steps.get(BEST), epoch(step))
        for step, name in sorted(found.items())
    ]


def checkpoints_named(run: Path, names: Sequence[str]) -> list[Checkpoint]:
    """Those checkpoints, in the order of their steps, each step once.

    Raises:
        NotFound: one of them is not there; the text names those that are.
    """
    steps, known = _steps(run), {each.step: each for each in checkpoints_of(run)}
    if missing := [name for name in names if name not in steps]:
        kept = ", ".join(each.name for each in known.values()) or "none yet"
        raise NotFound(f"{run} has no checkpoint {missing[0]!r}; there are: {kept}.")
    return [known[step] for step in sorted({steps[name] for name in names})]


def checkpoint_compared(run: Path, name: str, step: int | None = None) -> Checkpoint:
    """The checkpoint of that name, as long as it is the one that was compared.

    Args:
        step: that it was compared at; None takes any.

    Raises:
        NotFound: there is none of that name, or it is of another step now.
    """
    (found,) = checkpoints_named(run, [name])
    if step is not None and found.step != step:
        raise NotFound(
            f"A checkpoint must be the one that was compared; {name!r} was step {step} then and is step {found.step} "
            "now, because the training went on. Compare the checkpoints again."
        )
    return found


def _steps(run: Path) -> dict[str, int]:
    """The step of each checkpoint file that can be read, by its name."""
    steps = {path.stem: _step_of(path) for path in (run / CHECKPOINTS).glob("*.safetensors")}
    return {name: step for name, step in steps.items() if step is not None}


def _epochs(run: Path) -> Callable[[int], float | None]:
    try:
        plan = read_plan(run)
    except StudioError:
        return lambda step: None
    looks = looks_of(plan.pictures)
    return lambda step: epoch_at(plan.config, step, looks)


def _file(run: Path, name: str) -> Path:
    return run / CHECKPOINTS / f"{name}.safetensors"


def _step_of(path: Path) -> int | None:
    try:
        return int(check_lora(path).metadata[STEP])
    except (StudioError, OSError, KeyError, ValueError):
        return None
