"""How long a training takes: by the parts of earlier ones on this machine, else by rates that were measured.

A training is its steps, the measurements and samples between them, and the rest: reading the model, the first look at
every picture, the preview. How long each takes is told for one core of one machine; what an earlier training took for
its own parts says how much slower or quicker this machine is at each, whatever else was asked for. Imports no torch.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from statistics import median

from engine.datasets.pictures import CaptionedPicture
from engine.diffusion.defaults import suggested
from engine.diffusion.request import NO_GUIDANCE, TextToImage
from engine.lora.runs.computing import MOST_PICTURES
from engine.lora.runs.config import Config
from engine.lora.runs.epochs import looks_of
from engine.lora.runs.held_out import MAX_PICTURES
from engine.lora.runs.timing import Timing
from engine.rules import counted, rough_duration
from engine.settings import OPENVINO, TORCH
from engine.training.lora_layers import ATTENTION
from engine.weights.models import ModelInfo

ABOUT = {
    "recommended": "Learns a style's brush and motifs. A good start for most.",
    "look": "Learns colours and light too, which the model has never drawn. Longer; files four to five times as large.",
    "thesis": "As study, with crops, mirroring and changes of colour; draws a long prompt after every epoch.",
    "study": "As in the study that the studio follows: small careful steps, for large models.",
}
# Processor seconds of `mini` at 256 x 256 on one CPU core; measured, see docs/measurements.md.
MODEL, SIDE = "mini", 256
TOGETHER, PICTURE_ATTENTION, PICTURE_ALL = 0.13, 0.04, 0.047  # of a step: each time the model is asked; each picture
ENCODING = 0.07  # one picture that looks different each time
HELD_OUT = 0.15  # one picture, at its four timesteps
LOADING = 1.2
DRAWING, DRAWING_STEP = 0.3, 0.08  # a picture: its words and its decoding; each of its steps
DRAWN_BY = {TORCH: 1.0, OPENVINO: 0.53}  # of that time
MORE_EVALUATIONS = ("DPM++ SDE Karras", "Heun")  # of the network than steps


@dataclass(frozen=True, slots=True)
class Parts:
    """Something of each part of a training: seconds for one, how many, or how many times as slow."""

    steps: float
    held_out: float
    samples: float
    rest: float

    def times(self, other: "Parts") -> "Parts":
        """Part by part."""
        return Parts(*(one * two for one, two in zip(astuple(self), astuple(other), strict=True)))

    @property
    def total(self) -> float:
        """Of all."""
        return sum(astuple(self))


@dataclass(frozen=True, slots=True)
class Planned:
    """What decides how long a training takes.

    Attributes:
        config: its intervals in steps; see `Config.in_steps`.
        info: the model.
        pictures, held_out: how many there are.
    """

    config: Config
    info: ModelInfo
    pictures: int
    held_out: int

    def is_like(self, other: "Planned") -> bool:
        """Whether the same is computed in a step, but for its size."""
        return _kind(self.config) == _kind(other.config)


@dataclass(frozen=True, slots=True)
class Speed:
    """Of an earlier training of the same model here.

    Attributes:
        slowness: of each part, as a factor of the rates that were measured.
        alike: whether its steps computed the same, but for their size.
    """

    slowness: Parts
    alike: bool


def in_words(planned: Planned, speeds: Sequence[Speed], accelerated: bool, slowness: float | None = None) -> str:
    """A sentence such as "About 3 min, by 2 earlier trainings here."

    Args:
        speeds: of earlier trainings.
        accelerated: whether a GPU trains; for one no rate was measured.
        slowness: seconds that this machine takes for what the core of the measured rates did in one; None where it has
            drawn nothing that tells.
    """
    alike = [speed for speed in speeds if speed.alike]
    if speeds:
        seconds = seconds_of(planned, [speed.slowness for speed in alike or speeds])
        others = "" if alike else " with other settings"
        return f"About {rough_duration(seconds)}, by {counted(len(alike or speeds), 'earlier training')} here{others}."
    if accelerated or planned.info.name != MODEL:
        return "The first training will show how long it takes here."
    if slowness is None:
        return f"About {rough_duration(_rated(planned).total)} on one CPU core, less on more."
    seconds = seconds_of(planned, [_all_alike(slowness)])
    return f"About {rough_duration(seconds)}, by the time that its pictures take here."


def seconds_of(planned: Planned, slowness: Sequence[Parts]) -> float:
    """Of a training, by how slow earlier ones were at each part; the median counts."""
    middle = Parts(*(median(part) for part in zip(*map(astuple, slowness), strict=True)))
    return _rated(planned).times(middle).total


def speed_of(earlier: Planned, like: Planned, timing: Timing | None, whole: float | None) -> Speed | None:
    """What an earlier training says; None where it took no time that is known.

    Args:
        like: the one that is planned now.
        timing: what its parts took; None where a version of the studio trained that did not keep it.
        whole: seconds that all of it took; None where it was interrupted.
    """
    if timing is None:
        slowness = None if whole is None else _all_alike(whole / _rated(earlier).total)
    else:
        slowness = _slowness(earlier, timing, whole)
    return Speed(slowness, earlier.is_like(like)) if slowness else None


def _slowness(earlier: Planned, timing: Timing, whole: float | None) -> Parts:
    """Parts that were not measured are as slow as the steps."""
    rated = seconds_for_one(earlier)
    steps = timing.step / rated.steps
    held_out = timing.held_out / rated.held_out if timing.held_out and rated.held_out else steps
    samples = timing.sample / rated.samples if timing.sample else steps
    if whole is None:
        return Parts(steps, held_out, samples, steps)
    known = _rated(earlier).times(Parts(steps, held_out, samples, 0.0)).total
    return Parts(steps, held_out, samples, max(0.0, whole - known) / rated.rest)


def _all_alike(slowness: float) -> Parts:
    return Parts(slowness, slowness, slowness, slowness)


def planned_with(
    config: Config, info: ModelInfo, train: Sequence[CaptionedPicture], held_out: Sequence[CaptionedPicture]
) -> Planned:
    """A training with these pictures."""
    return Planned(config.in_steps(looks_of(train)), info, len(train), len(held_out))


def seconds_for_one(planned: Planned) -> Parts:
    """Of each part, for one core of the measured rates."""
    config = planned.config
    size = ((config.resolution or planned.info.native_size or SIDE) / SIDE) ** 2
    picture = PICTURE_ATTENTION if set(config.target_modules) <= set(ATTENTION) else PICTURE_ALL
    step = TOGETHER * _rounds(config) + config.pictures_per_step * (picture + (ENCODING if config.varies else 0.0))
    sample = picture_seconds(suggested(planned.info).num_inference_steps)
    first_looks = 0 if config.varies else min(planned.pictures, config.steps * config.pictures_per_step)
    return Parts(
        steps=size * step,
        held_out=size * HELD_OUT * min(planned.held_out, MAX_PICTURES),
        samples=size * sample,
        rest=LOADING + size * (ENCODING * first_looks + sample),
    )


def picture_seconds(steps: int) -> float:
    """Of one that `MODEL` draws at `SIDE`."""
    return DRAWING + DRAWING_STEP * steps


def drawing_time(asked: TextToImage) -> float:
    """Seconds that drawing takes `MODEL` on the core of the measured rates; 0 where that is not known."""
    if asked.enlarged > 1 or asked.scheduler in MORE_EVALUATIONS or asked.guidance_scale <= NO_GUIDANCE:
        return 0.0
    pictures = asked.width * asked.height / SIDE**2
    return picture_seconds(asked.num_inference_steps) * DRAWN_BY[asked.backend] * pictures


def _rated(planned: Planned) -> Parts:
    """Seconds of all of each part, for that core."""
    config = planned.config
    held_out = _times(config, config.held_out_every) if planned.held_out else 0
    return seconds_for_one(planned).times(Parts(config.steps, held_out, _times(config, config.validation_every), 1))


def _times(config: Config, every: int | None) -> int:
    """Before the first step, every so many steps, and after the last."""
    return 1 + -(-config.steps // every) if every else 0


def _rounds(config: Config) -> int:
    """How often the model is asked in a step where there is memory enough; see `choose_computing`."""
    return -(-config.pictures_per_step // max(config.batch_size, MOST_PICTURES))


def _kind(config: Config) -> tuple[object, ...]:
    return set(config.target_modules), config.text_encoder, config.varies
