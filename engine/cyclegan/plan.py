"""What a CycleGAN is trained from, as a folder that pages read too. Imports no torch.

cyclegan.json   what was asked, see `Plan`
there.png       held-out pictures of X: as they are, as Y, and back; back.png the same from Y

See `engine.translation.training_runs` for what else is there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any

from engine.cyclegan.config import Config
from engine.errors import InvalidRequest, Problem
from engine.training.config import config_from
from engine.translation import training_runs
from engine.translation.training_runs import Trainings, plan_problems

RECORD = "cyclegan.json"
SHEETS = ("there.png", "back.png")
MOST_KIND = 40  # characters


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
        problems = plan_problems(self.name, self.licence)
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


def write_plan(folder: Path, plan: Plan, created_at: float) -> None:
    """Record what is asked for. `created_at` in seconds since 1970."""
    places = {"x": str(plan.x.absolute()), "y": str(plan.y.absolute())}
    RUNS.write(folder, asdict(plan) | places, created_at)


def choose_names(folder: Path, name: str, translators: Path) -> tuple[str, str]:
    """Names for a run's translators, there and back; see `engine.translation.training_runs`."""
    there, back = training_runs.choose_names(folder, _pairs(name), translators)
    return there, back


def _pairs(name: str) -> Iterator[tuple[str, str]]:
    yield f"{name}-there", f"{name}-back"
    yield from ((f"{name}-{number}-there", f"{name}-{number}-back") for number in count(2))


def _plan(values: Mapping[str, Any]) -> Plan:
    texts = {name: str(values[name]) for name in ("name", "x_name", "y_name", "licence")}
    config = config_from(Config(), values["config"])
    return Plan(x=Path(values["x"]), y=Path(values["y"]), config=config, **texts)


RUNS = Trainings(RECORD, SHEETS, _plan)
read_plan, run_info, newest_runs = RUNS.plan, RUNS.info, RUNS.newest
