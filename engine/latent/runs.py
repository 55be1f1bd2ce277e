"""The trainings of networks to explore, as folders that pages read too; no torch.

run.json        what was asked
pictures.*      the pictures, see `pictures`
checkpoint.pt   where it goes on from, see `engine.training.loop`
curves.jsonl    the losses, see `engine.training.curves`
samples.png     what the network makes now
outcome.json    under which name it can be explored, once it is finished
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from itertools import count
from pathlib import Path
from typing import Any

from engine.errors import InvalidRequest, NotFound, Problem
from engine.files import read_json, write_json
from engine.latent.pictures import FACTS
from engine.rules import finite
from engine.settings import Settings
from engine.training.curves import Curves, read_curves

FOLDER = "explorer-runs"
RUN, OUTCOME, SAMPLES = "run.json", "outcome.json", "samples.png"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _-]{0,59}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What was asked.

    Attributes:
        family: see `catalogue.FAMILIES`.
        name: of the network.
        dataset: folder of the pictures.
        config: the settings, JSON values.
        licence: of the weights, the artist's word.
        created_at: unix seconds.
    """

    family: str
    name: str
    dataset: str
    config: Mapping[str, Any]
    licence: str = "licence unknown"
    created_at: float = 0.0


@dataclass(frozen=True, slots=True)
class RunInfo:
    """A run as it stands.

    Attributes:
        place: its folder.
        run: what was asked.
        curves: its numbers.
        explorer: under which name it can be explored; empty until then.
        left_out: pictures that could not be used, a sentence each.
        notes: what is worth knowing of the others, a sentence each.
    """

    place: Path
    run: Run
    curves: Curves
    explorer: str
    left_out: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def samples(self) -> Path | None:
        """What the network makes, where it was drawn already."""
        path = self.place / SAMPLES
        return path if path.exists() else None

    @property
    def step(self) -> int:
        """After which numbers were told last."""
        return max((points[-1][0] for points in self.curves.values() if points), default=0)


def runs_folder(settings: Settings) -> Path:
    """Where the runs of the studio lie."""
    return settings.home / FOLDER


def name_problems(name: Any) -> list[Problem]:
    """Problems of a network's name, which becomes that of its file."""
    if isinstance(name, str) and _NAME.fullmatch(name):
        return []
    text = f"A name has 1 to 60 letters, digits, spaces, - and _, and begins with a letter or digit; got {name!r}."
    return [Problem("name", text)]


def begin_run(folder: Path, run: Run) -> None:
    """Write what was asked, or check that it is the same.

    Raises:
        InvalidRequest: the folder has a run of another kind or with other settings.
    """
    if not (folder / RUN).exists():
        write_json(folder / RUN, asdict(run))
        return
    earlier = read_run(folder)
    before, now = _as_read(earlier), _as_read(run)
    differ = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    if differ:
        told = "; ".join(f"{name} was {before.get(name)!r}, now {now.get(name)!r}" for name in differ)
        text = f"A run must go on with what it began with; in {folder.name} {told}. Give the same, or another folder."
        raise InvalidRequest([Problem("settings", text)])


def read_run(folder: Path) -> Run:
    """Raises NotFound: there is none, or it cannot be read."""
    try:
        values = read_json(folder / RUN)
        run = Run(**{spec.name: values[spec.name] for spec in fields(Run) if spec.name in values})
        sound = all(isinstance(text, str) for text in (run.family, run.name, run.dataset, run.licence))
        if not sound or not isinstance(run.config, Mapping) or finite(run.created_at) is None:
            raise ValueError("its fields are of other types")
    except (OSError, ValueError, TypeError) as error:
        raise NotFound(f"There is no training that can be read in {folder}: {error}. Begin one.") from None
    return run


def run_info(folder: Path) -> RunInfo:
    """Raises NotFound: see `read_run`."""
    run = read_run(folder)
    outcome, pictures = _facts(folder / OUTCOME), _facts(folder / FACTS)
    left_out, notes = (_texts(facts.get(name)) for facts, name in ((outcome, "left_out"), (pictures, "notes")))
    return RunInfo(folder, run, read_curves(folder), str(outcome.get("explorer", "")), left_out, notes)


def _facts(path: Path) -> dict[str, Any]:
    """A JSON object; empty where it is not there yet or cannot be read."""
    try:
        return read_json(path)
    except (OSError, ValueError):
        return {}


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()


def newest_runs(settings: Settings, families: Sequence[str], most: int) -> list[RunInfo]:
    """The newest first; what cannot be read is passed over."""
    found: list[tuple[float, Path]] = []
    for folder in runs_folder(settings).glob("*"):
        with suppress(NotFound):
            run = read_run(folder)
            if run.family in families:
                found.append((run.created_at, folder))  # a run of a command is named by the artist, not by its time
    return [run_info(folder) for _, folder in sorted(found, reverse=True)[:most]]


def free_name(folder: Path, name: str) -> str:
    """The name, or it with a number where the folder has a network of that name."""
    names = (name if number == 1 else f"{name}-{number}" for number in count(1))
    return next(each for each in names if not (folder / f"{each}.safetensors").exists())


def _as_read(run: Run) -> dict[str, Any]:
    """What must be the same, as it is read back from JSON."""
    values = asdict(run)
    config = {name: list(value) if isinstance(value, tuple) else value for name, value in values["config"].items()}
    return {"family": run.family, "dataset": run.dataset, **config}
