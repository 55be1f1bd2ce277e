"""What every training run does around its steps: go on from a checkpoint, report, save, stop.

A run that was killed and goes on ends with the same weights, bit for bit, as one that was not: the trainers
draw everything random from the step's own generator, and a checkpoint holds all that changes.
"""

import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from engine.training.parallel import Ranks

REPORT_STEPS = 25
SAVE_SECONDS = 180.0


class Stateful(Protocol):
    """Anything that a checkpoint can hold."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: Mapping[str, Any], /) -> Any: ...


class Log:
    """One line on the terminal and the same numbers for TensorBoard."""

    def __init__(self, folder: Path, quiet: bool = False):
        from torch.utils.tensorboard import SummaryWriter  # here: seconds of imports

        self._quiet = quiet
        self._writer = None if quiet else SummaryWriter(str(folder / "logs"))

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """Write numbers by name."""
        if self._writer is None:
            return
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)
        self.text(f"step {step:7d}  " + "  ".join(f"{name} {value:.4f}" for name, value in values.items()))

    def picture(self, step: int, name: str, pixels: Tensor) -> None:
        """Write a picture, (3, H, W) in [-1, 1], also as a file."""
        if self._writer is not None:
            self._writer.add_image(name, pixels.clamp(-1, 1) * 0.5 + 0.5, step)

    def text(self, text: str) -> None:
        """Write a line."""
        if not self._quiet:
            print(text, flush=True)


def train(
    folder: Path,
    steps: int,
    state: Mapping[str, Stateful],
    step: Callable[[int], dict[str, float]],
    *,
    ranks: Ranks,
    log: Log,
    look: Callable[[int], None] = lambda step: None,
    look_every: int = 1000,
    save_seconds: float = SAVE_SECONDS,
) -> None:
    """Call `step(n)` for every n up to `steps` that is not done yet.

    Args:
        folder: of the run; `checkpoint.pt` in it is read at the start and written every `save_seconds`.
        state: models, averages, optimizers by name.
        step: does step n and returns numbers to report.
        look: called every `look_every` steps and at the end, to write samples or held-out numbers.
    """
    path = folder / "checkpoint.pt"
    folder.mkdir(parents=True, exist_ok=True)
    done = _load(path, state)
    stop = _asked_to_stop()
    saved = reported = time.monotonic()
    means: dict[str, float] = {}
    while done < steps and not ranks.agree(stop()):
        for name, value in step(done).items():
            means[name] = means.get(name, 0.0) + value / REPORT_STEPS
        done += 1
        if done % REPORT_STEPS == 0:
            now = time.monotonic()
            log.numbers(done, means | {"steps_per_second": REPORT_STEPS / (now - reported)})
            reported, means = now, {}
        if done % look_every == 0 and done < steps and ranks.first:
            look(done)
        if ranks.first and time.monotonic() - saved >= save_seconds:
            _save(path, state, done)
            saved = time.monotonic()
    if ranks.first:
        _save(path, state, done)
        look(done)


def trapezoid(step: int, steps: int, warm_up: int, decay: float = 0.4, floor: float = 0.02) -> float:
    """The learning rate's factor: a linear rise, a plateau, and a linear fall over the last `decay` of the steps.

    A plateau lets a run be made longer later: go on from a checkpoint before the fall.
    """
    rise = min(1.0, (step + 1) / warm_up)
    left = (steps - step) / max(1.0, decay * steps)
    return rise * max(floor, min(1.0, left))


def average_of(model: nn.Module, decay: float) -> torch.optim.swa_utils.AveragedModel:
    """An exponential moving average of the weights, short at first so that the beginning is soon forgotten."""

    @torch.no_grad()
    def update(averages, weights, updates) -> None:
        now = min(decay, (1 + float(updates)) / (10 + float(updates)))
        torch._foreach_lerp_(list(averages), list(weights), 1 - now)

    return torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=update)


def generator_of(seed: int, step: int, ranks: Ranks) -> torch.Generator:
    """What a step draws from: the same numbers whenever this process does this step."""
    return torch.Generator().manual_seed((seed * 1_000_003 + step) * 64 + ranks.rank)


def _load(path: Path, state: Mapping[str, Stateful]) -> int:
    if not path.exists():
        return 0
    checkpoint = torch.load(path, weights_only=True)
    for name, part in state.items():
        part.load_state_dict(checkpoint[name])
    return checkpoint["step"]


def _save(path: Path, state: Mapping[str, Stateful], step: int) -> None:
    """Whole or not at all: a temporary file beside it, then a rename."""
    scratch = path.with_suffix(".tmp")
    torch.save({name: part.state_dict() for name, part in state.items()} | {"step": step}, scratch)
    os.replace(scratch, path)


def _asked_to_stop() -> Callable[[], bool]:
    """Whether SIGTERM or Ctrl+C came; the run then saves and ends."""
    asked = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.append(True))
    return lambda: bool(asked)
