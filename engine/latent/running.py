"""One training from its pictures to the network that Explore loads, for both families."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from engine.errors import Cancelled
from engine.files import read_json, write_json
from engine.latent.pictures import Pictures, Wanted, gather, keep_pictures, kept_pictures
from engine.latent.runs import OUTCOME, RUN, Run, begin_run, free_name
from engine.training.loop import is_finished
from engine.training.parallel import Ranks

Report = Callable[[str, int, int], None]


class Settings(Protocol):
    """What both families' settings have."""

    @property
    def steps(self) -> int: ...

    @property
    def wanted(self) -> Wanted: ...


@dataclass(frozen=True, slots=True)
class Family:
    """How a family is trained.

    Attributes:
        train: `run` of its trainer.
        export: writes a finished run to a file: folder, settings, pictures, what was asked, file.
        words: how its step is told from its numbers.
    """

    train: Callable[..., None]
    export: Callable[[Path, Any, Pictures, Run, Path], None]
    words: Callable[[dict[str, float]], str]


def start(
    folder: Path,
    run: Run,
    config: Settings,
    family: Family,
    *,
    out: Path,
    device: torch.device,
    report: Report = lambda stage, step, steps: None,
    should_stop: Callable[[], bool] | None = None,
    quiet: bool = True,
    tell: Callable[[str], None] = lambda text: None,
) -> str:
    """Train, or go on; at the end the network is written among the artist's own.

    Args:
        folder: of the run.
        out: folder of the networks that can be explored.
        report: told what is being done, and how far it is.
        should_stop: asked at every step; None obeys SIGTERM and Ctrl+C.
        tell: is given a line about each thing worth knowing of the pictures.

    Returns:
        The name under which it can be explored; empty if it was stopped before its end.

    Raises:
        InvalidRequest: the pictures do not serve, or the folder has another run.
        StudioError: the training failed.
    """
    if (folder / RUN).exists():
        begin_run(folder, run)  # refuses another one before pictures are read
    data = kept_pictures(folder) or _read(folder, Path(run.dataset), config.wanted, report, should_stop)
    begin_run(folder, run)  # pictures that do not serve leave no run behind
    for text in (*data.left_out, *data.notes):
        tell(text)
    report("Training", 0, 0)

    def done(step: int, numbers: dict[str, float]) -> None:
        report(f"Training, {family.words(numbers)}"[:64], step, config.steps)

    family.train(Ranks(device=device), config, folder, data, done, should_stop, quiet=quiet)
    return _finished(folder, run, config, family, data, out) if is_finished(folder) else ""


def _read(
    folder: Path, dataset: Path, wanted: Wanted, report: Report, should_stop: Callable[[], bool] | None
) -> Pictures:
    def told(done: int, pictures: int) -> None:
        report(f"Reading picture {done} of {pictures}", 0, 0)
        if should_stop and should_stop():
            raise Cancelled("The training was paused while it read its pictures. It begins with them again.")

    pictures = gather(dataset, wanted, told)
    folder.mkdir(parents=True, exist_ok=True)
    keep_pictures(folder, pictures)
    return pictures


def _finished(folder: Path, run: Run, config: Settings, family: Family, data: Pictures, out: Path) -> str:
    """Written once, under a name that is kept: a job that is begun again after a crash writes the same file."""
    if not (folder / OUTCOME).exists():
        facts = {"explorer": free_name(out, run.name), "left_out": list(data.left_out)}
        write_json(folder / OUTCOME, facts)
    name = str(read_json(folder / OUTCOME)["explorer"])
    if not (out / f"{name}.json").exists():
        family.export(folder, config, data, run, out / f"{name}.safetensors")
    return name
