"""How long a training takes: from earlier ones on this machine, else from a measured rate. Imports no torch."""

from collections.abc import Sequence
from statistics import median

from engine.lora.runs.config import ATTENTION, Config
from engine.rules import rough_duration
from engine.weights.models import ModelInfo

ABOUT = {
    "recommended": "Learns a style's brush and motifs. A good start for most.",
    "look": "Learns colours and light too, which the model has never drawn. Longer; files four to five times as large.",
    "study": "As in the study that the studio follows: small careful steps, for large models.",
}
# Seconds for one picture of 256 x 256 in a step of `mini` on one CPU core, attention only and all layers; measured, see
# docs/fine-tuning.md. Measuring and samples on the way come on top.
MODEL, SIDE = "mini", 256
RATE_ATTENTION, RATE_ALL = 1.4 / 4, 5 / 16


def in_words(config: Config, info: ModelInfo, rates: Sequence[float], accelerated: bool) -> str:
    """A sentence such as "About 3 min here."

    Args:
        config: of the training that is planned.
        info: the model.
        rates: seconds for a unit of `work_of`, of earlier trainings here.
        accelerated: whether a GPU trains; for one no rate was measured.
    """
    work = work_of(config, info)
    if rates:
        return f"About {rough_duration(work * median(rates))} here."
    if accelerated or info.name != MODEL:
        return "The first training will show how long it takes here."
    rate = RATE_ATTENTION if set(config.target_modules) <= set(ATTENTION) else RATE_ALL
    return f"About {rough_duration(work * rate)} on one CPU core, less on more."


def work_of(config: Config, info: ModelInfo) -> float:
    """Pictures of `SIDE` by `SIDE` that are looked at."""
    side = config.resolution or info.native_size or SIDE
    return config.steps * config.pictures_per_step * (side / SIDE) ** 2
