"""How far a LoRA run is: what it reports, and the file that pages read; no torch is loaded.

`progress.jsonl` has one JSON object in each line: step (0 is before the first), loss and lr of the step, held_out
where it was measured. A run that goes on first cuts the lines of steps that it will do again.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from engine.errors import NotFound
from engine.files import replacing
from engine.rules import finite

FILE = "progress.jsonl"


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the file.

    Attributes:
        step: optimizer steps done, 0 before the first.
        loss: of this step, weighted as it was trained on; None before the first.
        lr: learning rate of this step.
        held_out: mean square error on the held-out pictures after this step; None where it was not measured.
    """

    step: int
    loss: float | None = None
    lr: float = 0.0
    held_out: float | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """A step is done.

    Attributes:
        step: 0 before the first, then 1 to `steps`.
        steps: optimizer steps in all.
        loss, learning_rate, held_out_loss: see `Step`.
        average_loss: mean of the last pass over the pictures, at least of 20 steps.
        best_step: at which the held-out loss was lowest; None while it was never measured.
        best_held_out_loss: at that step.
        seconds_left: None while nobody can know.
        sample: the validation picture that was drawn after this step.
        epoch, epochs: passes over the pictures done and in all.
    """

    step: int
    steps: int
    loss: float | None
    average_loss: float | None
    learning_rate: float
    held_out_loss: float | None
    best_step: int | None
    best_held_out_loss: float | None
    seconds_left: float | None
    sample: Path | None = None
    epoch: float = 0.0
    epochs: float = 0.0


@dataclass
class History:
    """What a run remembers of its losses; a checkpoint holds it.

    Attributes:
        window: how many losses `average` looks back on.
        step: optimizer steps done.
        losses: the last ones, at most `window`.
        baseline: held-out loss before the first step.
        best, best_step: the lowest held-out loss, and when it was.
        waited: measurements since then.
    """

    window: int
    step: int = 0
    losses: list[float] = field(default_factory=list)
    baseline: float | None = None
    best: float | None = None
    best_step: int | None = None
    waited: int = 0

    def add_loss(self, step: int, loss: float) -> None:
        """Step number `step` is done."""
        self.step = step
        self.losses = [*self.losses, loss][-self.window :]

    def add_held_out(self, step: int, loss: float) -> bool:
        """A measurement; true when it is the best so far."""
        if step == 0:
            self.baseline = loss
        self.waited += 1
        better = self.best is None or loss < self.best
        if better:
            self.best, self.best_step, self.waited = loss, step, 0
        return better

    @property
    def average(self) -> float | None:
        """Mean of the last losses."""
        return sum(self.losses) / len(self.losses) if self.losses else None

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return asdict(self)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """From a checkpoint."""
        for own in fields(self):
            setattr(self, own.name, state[own.name])


def write_step(folder: Path, step: Step) -> None:
    """Add a line."""
    with (folder / FILE).open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(step)) + "\n")


def keep_until(folder: Path, step: int) -> None:
    """Cut the lines of later steps, and a last line that was cut off while it was written."""
    if (folder / FILE).exists():
        kept = [line for line in read_progress(folder) if line.step <= step]
        with replacing(folder / FILE) as file:
            file.writelines((json.dumps(asdict(line)) + "\n").encode() for line in kept)


def read_progress(folder: Path) -> list[Step]:
    """All lines so far, also of a run that is writing.

    Raises:
        NotFound: nothing was trained in this folder.
    """
    try:
        text = (folder / FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound(f"There is no progress of a training in {folder}. Choose the folder of a run.") from None
    steps = (_step(line) for line in text.splitlines())
    return [step for step in steps if step is not None]


def _step(line: str) -> Step | None:
    """None for a line that is not whole."""
    try:
        values = json.loads(line)
        return Step(int(values["step"]), _number(values["loss"]), float(values["lr"]), _number(values["held_out"]))
    except (ValueError, KeyError, TypeError, OverflowError):
        return None


def _number(value: Any) -> float | None:
    """None where it was none, NaN or infinite.

    Raises:
        TypeError: something else than a number.
    """
    if value is not None and not isinstance(value, (int, float)):
        raise TypeError("not a number")
    return finite(value)
