"""What every training run does around its steps: go on from a checkpoint, report, save, stop.

A run on a CPU that was killed and goes on ends with the same weights, bit for bit, as one that was not: the trainers
draw everything random from the step's own generator, a checkpoint holds all that changes, and a run that goes on
with other settings is refused.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from filelock import FileLock, Timeout
from torch import Tensor, nn

from engine.errors import InvalidRequest, Problem, StudioError
from engine.files import replacing
from engine.images import to_pil
from engine.seeding import generator_of as seeded
from engine.training.parallel import Ranks
from engine.training.room import require_room

CHECKPOINT = "checkpoint.pt"
LOSS_SCALER = "scaler"
LEAVING_SECONDS = 60.0
REPORT_STEPS = 25
SAVE_SECONDS = 180.0


class Stateful(Protocol):
    """Anything that a checkpoint can hold."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: Mapping[str, Any], /) -> Any: ...


class Log:
    """One line on the terminal and the same numbers for TensorBoard."""

    def __init__(self, folder: Path, quiet: bool = False):
        self._folder = folder
        self._quiet = quiet
        self._writer = None
        if not quiet:
            from torch.utils.tensorboard import SummaryWriter  # here: seconds of imports

            self._writer = SummaryWriter(str(folder / "logs"))

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """Write numbers by name."""
        if self._writer is None:
            return
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)
        self.text(f"step {step:7d}  " + "  ".join(f"{name} {value:.4f}" for name, value in values.items()))

    def picture(self, step: int, name: str, pixels: Tensor) -> None:
        """Write a picture, (3, H, W) in [-1, 1]; the newest of that name is also a file."""
        if self._writer is not None:
            (picture,) = to_pil(pixels[None])
            self._writer.add_image(name, np.asarray(picture), step, dataformats="HWC")
            picture.save(self._folder / f"{name}.png")

    def text(self, text: str) -> None:
        """Write a line."""
        if not self._quiet:
            print(text, flush=True)


def train(
    folder: Path,
    steps: int,
    state: Mapping[str, Stateful],
    settings: Mapping[str, Any],
    step: Callable[[int], dict[str, float]],
    *,
    ranks: Ranks,
    log: Log,
    look: Callable[[int], None] = lambda step: None,
    look_every: int = 1000,
    save_seconds: float = SAVE_SECONDS,
    should_stop: Callable[[], bool] | None = None,
) -> None:
    """Call `step(n)` for every n up to `steps` that is not done yet.

    Args:
        folder: of the run; its checkpoint is read at the start and written every `save_seconds`.
        state: models, averages, optimizers by name.
        settings: all that decides the result beside `steps`, as JSON values.
        step: does step n and returns numbers to report.
        look: called every `look_every` steps and at the end, to write samples or held-out numbers.
        should_stop: asked before every step; true saves and ends. None does so at SIGTERM and Ctrl+C.

    Raises:
        InvalidRequest: the checkpoint is of a run with other settings.
        StudioError: the disk has no room for its checkpoints.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _alone_in(folder, ranks), nullcontext(should_stop) if should_stop else asked_to_stop() as stop:
        done = first = _load(folder, state, settings)
        if ranks.first and done < steps:
            require_room(folder, state, has_one=done > 0)
        saved = time.monotonic()
        recent = _Recent(saved)
        while done < steps and not ranks.agree(stop()):
            recent.add(step(done))
            done += 1
            if done % REPORT_STEPS == 0:
                log.numbers(done, recent.means(time.monotonic()))
            if ranks.first and (done % look_every == 0 or done == steps):
                look(done)
            if ranks.first and time.monotonic() - saved >= save_seconds:
                _save(folder, state, settings, done, steps)
                saved = time.monotonic()
        if ranks.first and done > first:
            _save(folder, state, settings, done, steps)
        if done < steps:
            log.text(f"Stopped after step {done} of {steps}; the same command goes on from there.")


def is_finished(folder: Path) -> bool:
    """Whether the run in this folder has done all the steps that it was last asked for."""
    path = folder / CHECKPOINT
    if not path.exists():
        return False
    checkpoint = torch.load(path, weights_only=True, mmap=True, map_location="cpu")
    return checkpoint["step"] >= checkpoint["steps"]


def step_of(folder: Path) -> int:
    """How many steps of a run its checkpoint has; 0 without one."""
    path = folder / CHECKPOINT
    return torch.load(path, weights_only=True, mmap=True, map_location="cpu")["step"] if path.exists() else 0


def averaged_weights(folder: Path) -> dict[str, Tensor]:
    """The state dict of the average that `average_of` made, from a run's checkpoint."""
    average = torch.load(folder / CHECKPOINT, weights_only=True, mmap=True, map_location="cpu")["average"]
    return {name.removeprefix("module."): w for name, w in average.items() if name != "n_averaged"}


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


def generator_of(seed: int, step: int, ranks: Ranks, device: torch.device | str = "cpu") -> torch.Generator:
    """What a step draws from: the same numbers whenever this process does this step on this kind of device."""
    number = (seed * 1_000_003 + step) * 64 + ranks.rank
    # Other devices' generators read all 64 bits themselves.
    return seeded(number) if torch.device(device).type == "cpu" else torch.Generator(device).manual_seed(number)


class _Recent:
    """Means of the numbers since the last report, and how fast the steps were."""

    def __init__(self, moment: float):
        self._since, self._steps = moment, 0
        self._sums: dict[str, float] = {}

    def add(self, numbers: Mapping[str, float]) -> None:
        self._steps += 1
        for name, value in numbers.items():
            self._sums[name] = self._sums.get(name, 0.0) + value

    def means(self, moment: float) -> dict[str, float]:
        means = {name: total / self._steps for name, total in self._sums.items()}
        means["steps_per_second"] = self._steps / (moment - self._since)
        self._since, self._steps, self._sums = moment, 0, {}
        return means


def check_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """For a trainer that has much to do before it calls `train`, which asks the same.

    Raises:
        InvalidRequest: the checkpoint in the folder is of a run with other settings.
    """
    path = folder / CHECKPOINT
    if path.exists():
        _require_same(folder, torch.load(path, weights_only=True, mmap=True, map_location="cpu"), settings)


def _load(folder: Path, state: Mapping[str, Stateful], settings: Mapping[str, Any]) -> int:
    path = folder / CHECKPOINT
    if not path.exists():
        return 0
    checkpoint = torch.load(path, weights_only=True, map_location="cpu")
    _require_same(folder, checkpoint, settings)
    for name, part in state.items():
        if name in checkpoint or name != LOSS_SCALER:  # a run that moves to a GPU has none yet
            part.load_state_dict(checkpoint[name])
    return checkpoint["step"]


def _require_same(folder: Path, checkpoint: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    differ = {name for name in settings if checkpoint["settings"].get(name) != settings[name]}
    if differ:
        problems = [
            Problem(name, f"{name} was {checkpoint['settings'].get(name)!r}, now {settings[name]!r}")
            for name in sorted(differ)
        ]
        rule = Problem("settings", f"A run must go on with the settings it began with; {folder} differs")
        raise InvalidRequest([rule, *problems, Problem("folder", "Give the same, or begin anew in another folder.")])


def _save(folder: Path, state: Mapping[str, Stateful], settings: Mapping[str, Any], step: int, steps: int) -> None:
    parts = {name: part.state_dict() for name, part in state.items()}
    with replacing(folder / CHECKPOINT) as file:
        torch.save(parts | {"settings": dict(settings), "step": step, "steps": steps}, file)


@contextmanager
def _alone_in(folder: Path, ranks: Ranks) -> Iterator[None]:
    """Keep a second run out; one that was just killed gets the time to save."""
    if not ranks.first:
        yield
        return
    try:
        lock = FileLock(folder / "lock").acquire(timeout=LEAVING_SECONDS)
    except Timeout:
        raise StudioError(f"Another run is training in {folder}. Wait for its end or stop it.") from None
    with lock:
        yield


@contextmanager
def asked_to_stop() -> Iterator[Callable[[], bool]]:
    """Tells whether SIGTERM or Ctrl+C came since; until its end they do nothing else."""
    asked: list[int] = []
    if threading.current_thread() is not threading.main_thread():  # signals are another's business there
        yield lambda: False
        return
    signals = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, lambda number, frame: asked.append(number)) for number in signals]
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)
