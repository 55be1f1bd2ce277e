"""How long a training takes: from earlier ones on this machine, else from a measured rate. Imports no torch."""

from collections.abc import Iterable
from statistics import median

from engine.errors import StudioError
from engine.jobs.records import Job
from engine.jobs.schema import SUCCEEDED
from engine.lora import preparing
from engine.lora.runs.config import ATTENTION, Config
from engine.rules import rough_duration
from engine.settings import Settings
from engine.weights.models import ModelInfo

ABOUT = {
    "recommended": "Learns a style's brush and motifs. A good start for most.",
    "look": "Learns colours and light too, which the model has never drawn. Longer; files four to five times as large.",
    "study": "As in the study that the studio follows: small careful steps, for large models.",
}
MOST_EARLIER = 5  # trainings that are looked at, the newest
# Seconds for one picture of 256 x 256 in a step of `mini` on two CPU cores: attention only, all layers.
MODEL, SIDE = "mini", 256
RATE_ATTENTION, RATE_ALL = 0.09, 0.13


def in_words(settings: Settings, config: Config, info: ModelInfo, jobs: Iterable[Job], accelerated: bool) -> str:
    """A sentence such as "About 3 min here."

    Args:
        settings: of the studio.
        config: of the training that is planned.
        info: the model.
        jobs: trainings, newest first.
        accelerated: whether a GPU trains; for one no rate was measured.
    """
    work = _work(config, info)
    if rates := _rates_here(settings, config, info, jobs):
        return f"About {rough_duration(work * median(rates))} here."
    if accelerated or info.name != MODEL:
        return "The first training will show how long it takes here."
    rate = RATE_ATTENTION if set(config.target_modules) <= set(ATTENTION) else RATE_ALL
    return f"About {rough_duration(work * rate)} on two CPU cores."


def _work(config: Config, info: ModelInfo) -> float:
    """Pictures of `SIDE` by `SIDE` that are looked at."""
    side = config.resolution or info.native_size or SIDE
    return config.steps * config.pictures_per_step * (side / SIDE) ** 2


def _rates_here(settings: Settings, config: Config, info: ModelInfo, jobs: Iterable[Job]) -> list[float]:
    """Seconds for a unit of work, of trainings of the same layers of the same model that were not interrupted."""
    found = []
    for job in [job for job in jobs if job.state == SUCCEEDED and job.request and job.attempt == 1][:MOST_EARLIER]:
        try:
            plan = preparing.plan_of(settings, job.request.run)
        except StudioError:
            continue
        same = plan.model.name == info.name and plan.config.target_modules == config.target_modules
        if same and job.started_at and job.finished_at and plan.config.steps == job.step:
            found.append((job.finished_at - job.started_at) / _work(plan.config, info))
    return found
