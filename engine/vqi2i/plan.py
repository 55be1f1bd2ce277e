"""What VQ-I2I is trained from, as a folder that pages read too. Imports no torch.

vqi2i.json    what was asked, see `Plan`
samples.png   held-out photos, held-out style pictures, and each photo in the style of its picture

See `engine.translation.training_runs` for what else is there.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import chain, count
from pathlib import Path
from typing import Any

from engine.errors import InvalidRequest
from engine.training.config import config_from
from engine.translation import training_runs
from engine.translation.training_runs import Trainings, plan_problems
from engine.vqi2i.config import Config

RECORD, SHEETS = "vqi2i.json", ("samples.png",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that a training is asked for.

    Attributes:
        name: of the translator and its file.
        photos: folder of photos.
        styles: folder of pictures whose styles are to be taken.
        config: the settings.
        licence: of the weights, in the artist's words.

    Raises:
        InvalidRequest: the name cannot be a file's name, or the licence is too long or missing.
    """

    name: str
    photos: Path
    styles: Path
    config: Config
    licence: str = "licence unknown"

    def __post_init__(self) -> None:
        if problems := plan_problems(self.name, self.licence):
            raise InvalidRequest(problems)

    @property
    def titles(self) -> tuple[str]:
        """Of its translator."""
        return (f"In the style of a picture ({self.name})",)


def write_plan(folder: Path, plan: Plan, created_at: float) -> None:
    """Record what is asked for. `created_at` in seconds since 1970."""
    places = {"photos": str(plan.photos.absolute()), "styles": str(plan.styles.absolute())}
    RUNS.write(folder, asdict(plan) | places, created_at)


def choose_name(folder: Path, name: str, translators: Path) -> str:
    """A name for a run's translator; see `engine.translation.training_runs.choose_names`."""
    names = chain([name], (f"{name}-{number}" for number in count(2)))
    return training_runs.choose_names(folder, ((each,) for each in names), translators)[0]


def _plan(values: Mapping[str, Any]) -> Plan:
    config = config_from(Config(), values["config"])
    texts = {name: str(values[name]) for name in ("name", "licence")}
    return Plan(photos=Path(values["photos"]), styles=Path(values["styles"]), config=config, **texts)


RUNS = Trainings(RECORD, SHEETS, _plan)
read_plan, run_info, newest_runs = RUNS.plan, RUNS.info, RUNS.newest
