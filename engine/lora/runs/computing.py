"""How the steps of a run are computed: chosen once, by the memory there is, so that what is learnt is the same.

A run keeps it in computing.json. One that was begun before there was such a file goes on as it began. No torch.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from engine.files import read_json, write_json
from engine.lora.runs.checkpoints import CHECKPOINTS
from engine.lora.runs.config import Config
from engine.lora.runs.memory import estimate_memory
from engine.training.lora_layers import ATTENTION
from engine.weights.facts import ModelInfo

FILE = "computing.json"
MOST_PICTURES = 16  # that go through the model together; more were not quicker
# Free memory for each byte of the estimate: a training of Stable Diffusion 2.1 took 5.9 GB where 5.0 were estimated,
# and LoRAs on more than the attention keep more than is estimated.
ROOM, ROOM_OF_ALL_LAYERS = 1.25, 2.0


@dataclass(frozen=True, slots=True)
class Computing:
    """What changes time and memory of a step, and nothing of its data.

    Attributes:
        batches: of the settings' size that go through the model together; the gradients are those of one after the
            other up to rounding.
        gradient_checkpointing: see `Config`; on a CPU the gradients are the same bit for bit.
        keep_texts: whether each caption is encoded once, by itself, and kept, where the text encoder is not trained.
    """

    batches: int = 1
    gradient_checkpointing: bool = True
    keep_texts: bool = False

    def pictures(self, config: Config) -> int:
        """That go through the model together."""
        return self.batches * config.batch_size


def as_begun(config: Config) -> Computing:
    """How runs were computed before there was a choice."""
    return Computing(1, config.gradient_checkpointing)


def choose_computing(info: ModelInfo, config: Config, free_bytes: int, on_gpu: bool) -> Computing:
    """The quickest that fits into the memory that is free before the model is loaded; else what takes least."""
    choices = list(_quickest_first(config))
    return next((each for each in choices if fits(info, config, each, free_bytes, on_gpu)), choices[-1])


def fits(info: ModelInfo, config: Config, computing: Computing, free_bytes: int, on_gpu: bool) -> bool:
    """Whether a training computed so has room in the memory that is free before the model is loaded."""
    needed = estimate_memory(
        info,
        replace(config, gradient_checkpointing=computing.gradient_checkpointing),
        on_gpu,
        pictures=computing.pictures(config),
    )
    room = ROOM if set(config.target_modules) <= set(ATTENTION) else ROOM_OF_ALL_LAYERS
    return needed.total * room <= free_bytes


def _quickest_first(config: Config) -> Iterator[Computing]:
    """Without checkpointing first; where the settings do without it, so does every choice."""
    least_rounds = 1 if config.dropout else config.gradient_accumulation  # its masks would be others
    batches = [
        number
        for number in range(least_rounds, 0, -1)
        if config.gradient_accumulation % number == 0 and (number == 1 or number * config.batch_size <= MOST_PICTURES)
    ]
    for checkpointing in (False, True)[: 1 + config.gradient_checkpointing]:
        for number in batches:
            yield Computing(number, checkpointing, keep_texts=True)


def computing_of(folder: Path, info: ModelInfo, config: Config, free_bytes: int, on_gpu: bool) -> Computing:
    """Of the run in a folder: what it began with, as long as that fits; a new run's is chosen and not yet kept."""
    kept = read_computing(folder)
    if kept is not None and fits(info, config, kept, free_bytes, on_gpu):
        return kept
    if kept is None and (folder / CHECKPOINTS).exists():
        return as_begun(config)
    return choose_computing(info, config, free_bytes, on_gpu)


def read_computing(folder: Path) -> Computing | None:
    """None where nothing that can be read is kept."""
    try:
        return Computing(**read_json(folder / FILE))
    except (OSError, ValueError, TypeError):
        return None


def keep_computing(folder: Path, computing: Computing) -> None:
    """Write it beside the run's record."""
    write_json(folder / FILE, asdict(computing))
