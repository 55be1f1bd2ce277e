"""What a CycleGAN is trained from, as a folder that pages read too. Imports no torch.

cyclegan.json   what was asked, see `Plan`
checkpoint.pt   where it goes on from, see `engine.training.loop`
curves.jsonl    its numbers, see `engine.training.curves`
there.png       held-out pictures of X: as they are, as Y, and back; back.png the same from Y
outcome.json    the names of its two translators, once it is finished
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any

from engine.cyclegan.config import Config
from engine.errors import InvalidRequest, NotFound, Problem
from engine.files import read_json, write_json
from engine.rules import finite
from engine.settings import Settings
from engine.training.config import config_from
from engine.training.curves import Curves, read_curves
from engine.translation.catalogue import RESERVED
from engine.weights.sources import valid_name

RECORD, OUTCOME = "cyclegan.json", "outcome.json"
SHEETS = ("there.png", "back.png")
MOST_NAME, MOST_KIND, MOST_LICENCE = 48, 40, 1000  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that a training is asked for.

    Attributes:
        name: of the pair of translators and its files.
        x, y: folders of pictures.
        x_name, y_name: what the pictures of each are, for people, such as "photo" and "anime".
        config: the settings.
        licence: of the weights, in the artist's words.

    Raises:
        InvalidRequest: the name cannot be a file's name, or a text is too long or missing.
    """

    name: str
    x: Path
    y: Path
    x_name: str
    y_name: str
    config: Config
    licence: str = "licence unknown"

    def __post_init__(self) -> None:
        problems = [*_name_problems(self.name), *_licence_problems(self.licence)]
        for field in ("x_name", "y_name"):
            text = getattr(self, field)
            if not 0 < len(text.strip()) <= MOST_KIND:
                said = f"What the pictures are is said in 1 to {MOST_KIND} characters; got {text[:80]!r}."
                problems.append(Problem(field, said))
        if problems:
            raise InvalidRequest(problems)

    @property
    def titles(self) -> tuple[str, str]:
        """Of both translators, there and back."""
        return f"{self.x_name} to {self.y_name} ({self.name})", f"{self.y_name} to {self.x_name} ({self.name})"


@dataclass(frozen=True, slots=True)
class RunInfo:
    """A training as it stands.

    Attributes:
        run: name of its folder.
        plan: what was asked.
        created_at: seconds since 1970.
        curves: its numbers.
        translators: names of both, once it is finished.
        sheets: pictures there and back, those that were drawn already.
    """

    run: str
    plan: Plan
    created_at: float
    curves: Curves
    translators: tuple[str, ...]
    sheets: tuple[Path, ...]

    @property
    def step(self) -> int:
        """After which numbers were told last."""
        return max((points[-1][0] for points in self.curves.values() if points), default=0)


def write_plan(folder: Path, plan: Plan, created_at: float) -> None:
    """Record what is asked for. `created_at` in seconds since 1970."""
    record = asdict(plan) | {"x": str(plan.x.absolute()), "y": str(plan.y.absolute()), "created_at": created_at}
    write_json(folder / RECORD, record)


def read_plan(folder: Path) -> Plan:
    """The plan of the run in a folder.

    Raises:
        NotFound: there is none, or it cannot be read.
        InvalidRequest: its values break a rule.
    """
    return _plan(_record(folder), folder)


def run_info(folder: Path) -> RunInfo:
    """The run in a folder. Raises as `read_plan`."""
    record = _record(folder)
    return RunInfo(
        run=folder.name,
        plan=_plan(record, folder),
        created_at=finite(record.get("created_at")) or 0.0,
        curves=read_curves(folder),
        translators=exported_names(folder),
        sheets=tuple(path for name in SHEETS if (path := folder / name).exists()),
    )


def newest_runs(settings: Settings, most: int) -> list[RunInfo]:
    """The newest runs that can be read."""
    found: list[RunInfo] = []
    for path in sorted(settings.runs_dir.glob(f"*/{RECORD}"), reverse=True):
        if len(found) == most:
            break
        try:
            found.append(run_info(path.parent))
        except (NotFound, InvalidRequest):
            continue
    return found


def exported_names(folder: Path) -> tuple[str, ...]:
    """Under which names a run's translators stand among the artist's own; none while it is not finished."""
    try:
        names = read_json(folder / OUTCOME)["translators"]
    except (OSError, ValueError, KeyError):
        return ()
    return tuple(names) if isinstance(names, list) and all(isinstance(name, str) for name in names) else ()


def choose_names(folder: Path, name: str, translators: Path) -> tuple[str, str]:
    """Names for a run's translators; they are remembered, so that a job that is run again writes the same files."""
    if not (known := exported_names(folder)):
        known = next(pair for pair in _pairs(name) if not any(_taken(translators, own) for own in pair))
        write_json(folder / OUTCOME, {"translators": list(known)})
    there, back = known
    return there, back


def _pairs(name: str) -> Iterator[tuple[str, str]]:
    yield f"{name}-there", f"{name}-back"
    yield from ((f"{name}-{number}-there", f"{name}-{number}-back") for number in count(2))


def _taken(translators: Path, name: str) -> bool:
    return name in RESERVED or any((translators / f"{name}{suffix}").exists() for suffix in (".safetensors", ".json"))


def _record(folder: Path) -> dict[str, Any]:
    try:
        return read_json(folder / RECORD)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise NotFound(f"There is no training that can be read in {folder}: {reason}. Begin one.") from None


def _plan(record: Mapping[str, Any], folder: Path) -> Plan:
    try:
        texts = {name: str(record[name]) for name in ("name", "x_name", "y_name", "licence")}
        config = config_from(Config(), record["config"])
        return Plan(x=Path(record["x"]), y=Path(record["y"]), config=config, **texts)
    except (KeyError, TypeError) as error:
        raise NotFound(f"The record of the training in {folder} is damaged: {error}. Begin a new one.") from None


def _name_problems(name: str) -> list[Problem]:
    try:
        valid_name(name)
    except InvalidRequest:
        name = name[:80]
    else:
        if len(name) <= MOST_NAME:
            return []
    text = f"A translator's name has 1 to {MOST_NAME} letters, digits, '.', '+', '-' or '_'; got {name!r}."
    return [Problem("name", text)]


def _licence_problems(licence: str) -> list[Problem]:
    if 0 < len(licence) <= MOST_LICENCE:
        return []
    return [Problem("licence", f"A licence is said in 1 to {MOST_LICENCE} characters; got {len(licence)}.")]
