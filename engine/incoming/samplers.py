"""The studio's scheduler for the sampler and the schedule of another tool, by the table in `sampler_names`."""

import re
from dataclasses import dataclass

from engine.diffusion.request import SCHEDULERS
from engine.diffusion.sampler_names import COUNTERPARTS, EVEN, OWN_SCHEDULE, SCHEDULES, SOLVERS

NEAREST = {"DPM++ SDE": "DPM++ SDE Karras"}  # of the same sampler with another schedule; of the others their own name

# A schedule at the end of a sampler's name, as in "DPM++ 2M Karras", "dpmpp_2m_k", "Euler A Trailing".
_AT_THE_END = re.compile(
    r"(?<=.)[ _](karras|ka?|exponential|polyexponential|sgm[ _]uniform|uniform|trailing|ays|align[ _]your[ _]steps|"
    r"substep|beta|simple|normal)$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Counterpart:
    """What a sampler of another tool is here.

    Attributes:
        name: one of `SCHEDULERS`; empty where nothing here is like it.
        exact: whether it is the same; else it is the nearest, and `said` says so.
        said: a sentence where it is not exact.
    """

    name: str = ""
    exact: bool = True
    said: str = ""


def counterpart(sampler: str, schedule: str = "") -> Counterpart:
    """The studio's scheduler for a sampler and a schedule as another tool calls them.

    Args:
        sampler: also with its schedule at the end.
        schedule: empty where the tool does not say it.
    """
    if sampler in SCHEDULERS and not schedule:
        return Counterpart(sampler)
    written, schedule = _parted(sampler, schedule)
    solver = _KNOWN.get(_key(written), "")
    if not solver:
        return Counterpart("", False, f"{_called(written, schedule)} has no counterpart here.")
    spacing = OWN_SCHEDULE.get(solver, EVEN) if _key(schedule) == "automatic" else _SPACINGS.get(_key(schedule), "")
    if name := COUNTERPARTS.get((solver, spacing)):
        return Counterpart(name)
    nearest = NEAREST.get(solver, solver)
    said = f"{_called(written, schedule)} has no counterpart here. The nearest is {nearest}, with steps of its own."
    return Counterpart(nearest, False, said)


def _parted(sampler: str, schedule: str) -> tuple[str, str]:
    """Sampler and schedule apart; one that is named beside the sampler counts before one in its name."""
    match = _AT_THE_END.search(sampler)
    if not match or _key(sampler) in _KNOWN:
        return sampler, schedule
    return sampler[: match.start()], schedule or match[1]


def _called(sampler: str, schedule: str) -> str:
    said = f" with the schedule {schedule[:60]}" if schedule and _key(schedule) != "automatic" else ""
    return f"The sampler {sampler[:60]}{said}"


def _key(name: str) -> str:
    """What of a name counts: `dpmpp_2m`, `DPM++ 2M` and `dpm++2m` are the same."""
    return re.sub(r"[^a-z0-9+]", "", name.lower().replace("dpmpp", "dpm++"))


_KNOWN = {_key(name): solver for solver, names in SOLVERS.items() for name in names}
_SPACINGS = {_key(name): spacing for spacing, names in SCHEDULES.items() for name in names}
