"""The LoRA files that a run kept on the way; no torch is loaded."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.errors import NotFound, StudioError
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
    """

    name: str
    step: int
    path: Path
    best: bool = False

    @property
    def label(self) -> str:
        """For people."""
        return f"step {self.step}, best" if self.best else f"step {self.step}"


def checkpoints_of(run: Path) -> list[Checkpoint]:
    """The checkpoints of a run in the order of their steps, each step once; those that cannot be read are left out."""
    found: dict[int, Checkpoint] = {}
    best = None
    for path in sorted((run / CHECKPOINTS).glob("*.safetensors"), reverse=True):  # step-... before last before best
        step = _step_of(path)
        if step is None:
            continue
        best = step if path.stem == BEST else best
        found.setdefault(step, Checkpoint(path.stem, step, path))
    return [Checkpoint(each.name, step, each.path, step == best) for step, each in sorted(found.items())]


def checkpoints_named(run: Path, names: Sequence[str]) -> list[Checkpoint]:
    """Those checkpoints, in the order of their steps, each step once.

    Raises:
        NotFound: one of them is not there; the text names those that are.
    """
    known = {each.step: each for each in checkpoints_of(run)}
    steps = [_step_of(run / CHECKPOINTS / f"{name}.safetensors") for name in names]
    if missing := [name for name, step in zip(names, steps, strict=True) if step not in known]:
        kept = ", ".join(each.name for each in known.values()) or "none yet"
        raise NotFound(f"{run} has no checkpoint {missing[0]!r}; there are: {kept}.")
    return [known[step] for step in sorted({step for step in steps if step is not None})]


def _step_of(path: Path) -> int | None:
    try:
        return int(check_lora(path).metadata[STEP])
    except (StudioError, OSError, KeyError, ValueError):
        return None
