"""The samplers and schedules of other tools, and the studio's schedulers: one table.

Names are those of AUTOMATIC1111 and Forge (`modules/sd_samplers_kdiffusion.py`), ComfyUI, SwarmUI and Fooocus
(`comfy/samplers.py`), InvokeAI (`SCHEDULER_NAME_VALUES`), NovelAI (`k_...`), Draw Things and the diffusers library.
A sampler is known by how a step is done, a schedule by where the steps stand; a scheduler of the studio is both.
"""

import re
from dataclasses import dataclass

from engine.diffusion.request import SCHEDULERS

EVEN, KARRAS, TRAILING = "even", "Karras", "trailing"

# How a step is done, and what it is called elsewhere; spaces, case and signs between words do not count.
SAMPLERS = {
    "DDIM": ("DDIM", "ddim_v3", "DDIMScheduler"),
    "Euler": ("Euler", "k_euler", "EulerDiscreteScheduler"),
    "Euler a": (
        "Euler a",
        "Euler ancestral",
        "k_euler_a",
        "k_euler_ancestral",
        "EulerAncestralDiscreteScheduler",
    ),
    "DPM++ 2M": ("DPM++ 2M", "dpmpp_2m", "k_dpmpp_2m", "DPMSolverMultistepScheduler"),
    "DPM++ SDE": ("DPM++ SDE", "dpmpp_sde", "dpmpp_sde_gpu", "k_dpmpp_sde", "DPMSolverSDEScheduler"),
    "UniPC": ("UniPC", "uni_pc", "uni_pc_bh2", "UniPCMultistepScheduler"),
    "Heun": ("Heun", "k_heun", "HeunDiscreteScheduler"),
    "LMS": ("LMS", "k_lms", "LMSDiscreteScheduler"),
    "LCM": ("LCM", "LCMScheduler"),
}
# Where the steps stand. `automatic` is the sampler's own choice, see `OWN_SCHEDULE`.
SCHEDULES = {
    EVEN: ("", "normal", "uniform", "default", "discrete", "native", "leading", "linspace", "ddim", "ddim_uniform"),
    KARRAS: ("karras", "k", "ka"),
    TRAILING: ("sgm_uniform", "trailing"),
}
OWN_SCHEDULE = {"DPM++ 2M": KARRAS, "DPM++ SDE": KARRAS}  # what A1111's "Automatic" means; of the others even steps
# What the studio has. A pair that is not here has no counterpart.
COUNTERPARTS = {
    ("DDIM", EVEN): "DDIM",
    ("Euler", EVEN): "Euler",
    ("Euler", TRAILING): "Turbo",
    ("Euler a", EVEN): "Euler a",
    ("DPM++ 2M", EVEN): "DPM++ 2M",
    ("DPM++ 2M", KARRAS): "DPM++ 2M Karras",
    ("DPM++ SDE", KARRAS): "DPM++ SDE Karras",
    ("UniPC", EVEN): "UniPC",
    ("Heun", EVEN): "Heun",
    ("LMS", EVEN): "LMS",
    ("LCM", EVEN): "LCM",
    ("LCM", TRAILING): "LCM",  # it visits steps of its teacher wherever others would stand
}
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


_KNOWN = {_key(name): solver for solver, names in SAMPLERS.items() for name in names}
_SPACINGS = {_key(name): spacing for spacing, names in SCHEDULES.items() for name in names}
