"""The trainings of translators as folders in STUDIO_HOME/runs that pages read too: what all of them write down.

No torch. In each folder:

    a JSON file     what was asked; its name says which kind of training it is
    checkpoint.pt   where it goes on from, see `engine.training.loop`
    curves.jsonl    its numbers, see `engine.training.curves`
    outcome.json    the names of its translators, once it is finished
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from engine.errors import InvalidRequest, NotFound, Problem
from engine.files import read_json, write_json
from engine.rules import finite
from engine.settings import Settings
from engine.training.curves import Curves, read_curves
from engine.translation.catalogue import RESERVED
from engine.weights.sources import valid_name

OUTCOME = "outcome.json"
MOST_NAME, MOST_LICENCE = 48, 1000  # characters
_RUN = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,99}")

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class RunInfo(Generic[P]):
    """A training as it stands.

    Attributes:
        run: name of its folder.
        plan: what was asked.
        created_at: seconds since 1970.
        curves: its numbers.
        translators: their names, once it is finished.
        sheets: pictures that it draws on the way, those that were drawn already.
    """

    run: str
    plan: P
    created_at: float
    curves: Curves
    translators: tuple[str, ...]
    sheets: tuple[Path, ...]

    @property
    def step(self) -> int:
        """After which numbers were told last."""
        return max((points[-1][0] for points in self.curves.values() if points), default=0)


@dataclass(frozen=True, slots=True)
class Trainings(Generic[P]):
    """The runs of one kind of training.

    Attributes:
        record: file that says what was asked.
        sheets: files of the pictures that it draws on the way.
        plan_of: what was asked, from the JSON values in that file. Where these are damaged,
            AttributeError, KeyError, TypeError or ValueError; where they break a rule, InvalidRequest.
    """

    record: str
    sheets: tuple[str, ...]
    plan_of: Callable[[Mapping[str, Any]], P]

    def write(self, folder: Path, values: Mapping[str, Any], created_at: float) -> None:
        """Record what is asked for, JSON values; `created_at` in seconds since 1970."""
        write_json(folder / self.record, {**values, "created_at": created_at})

    def plan(self, folder: Path) -> P:
        """The plan of the run in a folder.

        Raises:
            NotFound: there is none, or it cannot be read.
            InvalidRequest: its values break a rule.
        """
        return self._plan(self._values(folder), folder)

    def info(self, folder: Path) -> RunInfo[P]:
        """The run in a folder. Raises as `plan`."""
        values = self._values(folder)
        return RunInfo(
            run=folder.name,
            plan=self._plan(values, folder),
            created_at=finite(values.get("created_at")) or 0.0,
            curves=read_curves(folder),
            translators=exported_names(folder),
            sheets=tuple(path for name in self.sheets if (path := folder / name).exists()),
        )

    def newest(self, settings: Settings, most: int) -> list[RunInfo[P]]:
        """The newest runs that can be read."""
        found: list[RunInfo[P]] = []
        for path in sorted(settings.runs_dir.glob(f"*/{self.record}"), reverse=True):
            if len(found) == most:
                break
            try:
                found.append(self.info(path.parent))
            except (NotFound, InvalidRequest):
                continue
        return found

    def _values(self, folder: Path) -> dict[str, Any]:
        try:
            return read_json(folder / self.record)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise NotFound(f"There is no training that can be read in {folder}: {reason}. Begin one.") from None

    def _plan(self, values: Mapping[str, Any], folder: Path) -> P:
        try:
            return self.plan_of(values)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise NotFound(f"The record of the training in {folder} is damaged: {error}. Begin a new one.") from None


def exported_names(folder: Path) -> tuple[str, ...]:
    """Under which names a run's translators stand among the artist's own; none while it is not finished."""
    try:
        names = read_json(folder / OUTCOME)["translators"]
    except (OSError, ValueError, KeyError):
        return ()
    return tuple(names) if isinstance(names, list) and all(isinstance(name, str) for name in names) else ()


def choose_names(folder: Path, candidates: Iterable[tuple[str, ...]], translators: Path) -> tuple[str, ...]:
    """Names for a run's translators: the first candidates of which none is taken.

    They are remembered, so that a job that is run again writes the same files. Names that another run remembers are
    taken, also where its files are not there yet: it would write over those of this one.
    """
    if known := exported_names(folder):
        return known
    others = {name for path in folder.parent.glob(f"*/{OUTCOME}") for name in exported_names(path.parent)}
    chosen = next(
        names for names in candidates if not any(name in others or _taken(translators, name) for name in names)
    )
    write_json(folder / OUTCOME, {"translators": list(chosen)})
    return chosen


def require_run(run: object) -> None:
    """Raise InvalidRequest where this cannot be the name of a run's folder."""
    if not isinstance(run, str) or not _RUN.fullmatch(run):
        text = f"A run's name has 1 to 100 letters, digits, dots, hyphens or underscores; got {str(run)[:120]!r}."
        raise InvalidRequest([Problem("run", f"{text} Copy it anew.")])


def plan_problems(name: str, licence: str) -> list[Problem]:
    """Of what every training is asked with.

    Args:
        name: of its translators, which becomes part of their files' names.
        licence: of the weights, in the artist's words.
    """
    return [*_name_problems(name), *_licence_problems(licence)]


def _taken(translators: Path, name: str) -> bool:
    return name in RESERVED or any((translators / f"{name}{suffix}").exists() for suffix in (".safetensors", ".json"))


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
