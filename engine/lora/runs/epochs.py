"""Steps in words, each with the epoch that it is in: an epoch is one pass over the training pictures."""

from collections.abc import Iterable

from engine.datasets.pictures import CaptionedPicture
from engine.lora.runs.config import Config
from engine.rules import counted


def looks_of(pictures: Iterable[CaptionedPicture]) -> int:
    """Looks in one pass: every picture as often as its repeats."""
    return sum(picture.repeats for picture in pictures)


def epoch_at(config: Config, step: int, looks: int) -> float:
    """Passes over the pictures that so many steps of one process are; 0 without pictures."""
    return step * config.pictures_per_step / looks if looks else 0.0


def step_in_words(config: Config, step: int, looks: int) -> str:
    """Such as "step 100 (epoch 10)"."""
    return f"step {step} (epoch {short(epoch_at(config, step, looks))})"


def run_in_words(config: Config, looks: int) -> str:
    """Such as "400 steps of 4 pictures, 40 epochs"."""
    epochs = short(epoch_at(config, config.steps, looks))
    pictures = counted(config.pictures_per_step, "picture")
    return f"{counted(config.steps, 'step')} of {pictures}, {epochs} {'epoch' if epochs == '1' else 'epochs'}"


def short(epochs: float) -> str:
    """With one digit where it is no whole number, more where it is near 0."""
    return f"{epochs:.2g}" if 0 < epochs < 1 else f"{round(epochs, 1):g}"
