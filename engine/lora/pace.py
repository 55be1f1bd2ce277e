"""How long a training takes: from earlier ones on this machine, else from what its pictures took, else from a rate.

Imports no torch.
"""

from collections.abc import Sequence
from statistics import median

from engine.diffusion.request import NO_GUIDANCE, TextToImage
from engine.lora.runs.config import Config
from engine.rules import rough_duration
from engine.settings import OPENVINO, TORCH
from engine.training.lora_layers import ATTENTION
from engine.weights.models import ModelInfo

ABOUT = {
    "recommended": "Learns a style's brush and motifs. A good start for most.",
    "look": "Learns colours and light too, which the model has never drawn. Longer; files four to five times as large.",
    "thesis": "As study, with crops, mirroring and changes of colour; draws a long prompt after every epoch.",
    "study": "As in the study that the studio follows: small careful steps, for large models.",
}
# Processor seconds of `mini` at 256 x 256 on one CPU core; measured, see docs/measurements.md. Measuring on the way
# comes on top.
MODEL, SIDE = "mini", 256
STEP_ATTENTION, STEP_ALL = 0.083, 0.045  # one picture in a step, 4 and 16 of them together, where latents are kept
ENCODING = 0.097  # one picture that looks different each time
SAMPLE, SAMPLE_STEPS = 2.3, 25  # one that is drawn on the way, and in how many steps
DRAWN_BY = {TORCH: 1.0, OPENVINO: 0.53}  # of that time
MORE_EVALUATIONS = ("DPM++ SDE Karras", "Heun")  # of the network than steps


def in_words(
    config: Config, info: ModelInfo, rates: Sequence[float], accelerated: bool, slowness: float | None = None
) -> str:
    """A sentence such as "About 3 min here."

    Args:
        config: of the training that is planned, its intervals in steps; see `Config.in_steps`.
        info: the model.
        rates: seconds for a unit of `work_of`, of earlier trainings here.
        accelerated: whether a GPU trains; for one no rate was measured.
        slowness: seconds that this machine takes for what the core of the measured rates did in one; None where it has
            drawn nothing that tells.
    """
    work = work_of(config, info)
    if rates:
        return f"About {rough_duration(work * median(rates))} here."
    if accelerated or info.name != MODEL:
        return "The first training will show how long it takes here."
    seconds = _on_one_core(config, work)
    if slowness is None:
        return f"About {rough_duration(seconds)} on one CPU core, less on more."
    return f"About {rough_duration(slowness * seconds)}, by the time that its pictures take here."


def drawing_time(asked: TextToImage) -> float:
    """Seconds that drawing takes `MODEL` on the core of the measured rates; 0 where that is not known."""
    if asked.enlarged > 1 or asked.scheduler in MORE_EVALUATIONS or asked.guidance_scale <= NO_GUIDANCE:
        return 0.0
    pictures = asked.width * asked.height / SIDE**2
    return SAMPLE * DRAWN_BY[asked.backend] * pictures * asked.num_inference_steps / SAMPLE_STEPS


def _on_one_core(config: Config, work: float) -> float:
    """Seconds of `mini`, the samples included, of which each is as large as a picture of a step."""
    step = STEP_ATTENTION if set(config.target_modules) <= set(ATTENTION) else STEP_ALL
    pictures = config.steps * config.pictures_per_step
    samples = 1 + config.steps // config.validation_every if config.validation_every else 0
    return work * (step + (ENCODING if config.varies else 0.0)) + samples * SAMPLE * work / pictures


def work_of(config: Config, info: ModelInfo) -> float:
    """Pictures of `SIDE` by `SIDE` that are looked at."""
    side = config.resolution or info.native_size or SIDE
    return config.steps * config.pictures_per_step * (side / SIDE) ** 2
