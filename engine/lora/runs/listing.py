"""The training runs of a studio, as pages show them; no torch is loaded."""

from dataclasses import dataclass
from pathlib import Path

from engine.errors import StudioError
from engine.files import read_json
from engine.lora.runs.config import Config
from engine.lora.runs.epochs import epoch_at, looks_of, short, step_in_words
from engine.lora.runs.plan import read_plan, read_record
from engine.lora.runs.progress import Step, read_progress
from engine.rules import finite

OUTCOME, SAMPLES, INSTALLED = "outcome.json", "samples", "installed.json"


@dataclass(frozen=True, slots=True)
class RunInfo:
    """One run.

    Attributes:
        run: name of its folder.
        name: of the LoRA.
        model: title of the model that it is for.
        created_at: seconds since 1970.
        config: its settings.
        looks: in one epoch, the pictures with their repeats.
        progress: a line for every step so far.
        finished: whether it has come to its end, early or not.
        samples: validation pictures, oldest first.
        held_out: number of pictures that were held out.
        lora: name of its LoRA in the picker; None while there is none.
    """

    run: str
    name: str
    model: str
    created_at: float
    config: Config
    looks: int
    progress: tuple[Step, ...]
    finished: bool
    samples: tuple[Path, ...]
    held_out: int
    lora: str | None

    @property
    def steps(self) -> int:
        """Optimizer steps asked for."""
        return self.config.steps

    def at(self, step: int) -> str:
        """Such as "step 100 (epoch 10)"."""
        return step_in_words(self.config, step, self.looks)

    @property
    def epochs(self) -> str:
        """After steps in a sentence, such as " (10 of 40 epochs)"."""
        done, wanted = (short(epoch_at(self.config, step, self.looks)) for step in (self.done, self.steps))
        return f" ({done} of {wanted} epochs)"

    @property
    def done(self) -> int:
        """Optimizer steps done."""
        return self.progress[-1].step if self.progress else 0

    @property
    def measured(self) -> list[Step]:
        """The steps after which the held-out loss was measured."""
        return [line for line in self.progress if line.held_out is not None]


def run_info(folder: Path) -> RunInfo:
    """The run in a folder.

    Raises:
        NotFound, InvalidRequest: there is none, or its record cannot be read.
    """
    plan, record = read_plan(folder), read_record(folder)
    return RunInfo(
        run=folder.name,
        name=plan.name,
        model=plan.model.title,
        created_at=finite(record.get("created_at")) or 0.0,
        config=plan.config,
        looks=looks_of(plan.pictures),
        progress=_progress(folder),
        finished=_finished(folder),
        samples=tuple(sorted((folder / SAMPLES).glob("*.png"))),
        held_out=len(plan.held_out),
        lora=installed_name(folder),
    )


def installed_name(folder: Path) -> str | None:
    """Under which name the run's LoRA stands in the picker; None while it does not."""
    try:
        name = read_json(folder / INSTALLED)["name"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return name if isinstance(name, str) else None


def newest_runs(runs_dir: Path, limit: int) -> list[RunInfo]:
    """The newest runs that can be read."""
    found = []
    for path in sorted(runs_dir.glob("*/run.json"), reverse=True):
        try:
            found.append(run_info(path.parent))
        except StudioError:
            continue
        if len(found) == limit:
            break
    return found


def _progress(folder: Path) -> tuple[Step, ...]:
    try:
        return tuple(read_progress(folder))
    except StudioError:
        return ()


def _finished(folder: Path) -> bool:
    try:
        return read_json(folder / OUTCOME).get("finished") is True
    except (OSError, ValueError):
        return False
