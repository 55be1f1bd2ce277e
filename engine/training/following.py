"""Who follows a training: its numbers as curves that pages read, its newest pictures, and losses that stay numbers."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from engine.errors import StudioError
from engine.files import replacing
from engine.images import to_pil
from engine.training.curves import write_numbers
from engine.training.loop import Log
from engine.training.parallel import Ranks


@dataclass(frozen=True)
class Following:
    """Who follows a run in this process, in the place of a terminal.

    Attributes:
        report: told step, steps and the step's losses.
        should_stop: asked before every step; the run then saves and ends.
    """

    report: Callable[[int, int, dict[str, float]], None]
    should_stop: Callable[[], bool]


class CurveLog(Log):
    """Numbers go into the run's curves, the newest pictures beside them.

    Args:
        ranks: the first of them writes.
        prints: whether lines go to the terminal too.
    """

    def __init__(self, folder: Path, ranks: Ranks, prints: bool) -> None:
        super().__init__(folder, quiet=True)
        self._writes, self._prints = ranks.first, ranks.first and prints

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """Write numbers by name."""
        if self._writes:
            write_numbers(self._folder, step, values)
            self.text(f"step {step:7d}  " + "  ".join(f"{name} {value:.4f}" for name, value in values.items()))

    def picture(self, step: int, name: str, pixels: Tensor) -> None:
        """The newest of that name, (3, H, W) in [-1, 1]."""
        if self._writes:
            with replacing(self._folder / f"{name}.png") as file:
                to_pil(pixels[None])[0].save(file, "PNG")

    def text(self, text: str) -> None:
        """Write a line."""
        if self._prints:
            print(text, flush=True)


def total(losses: dict[str, Tensor]) -> Tensor:
    """The sum of weighted losses."""
    return torch.stack(list(losses.values())).sum()


def finite(number: int, losses: Mapping[str, Tensor], prefix: str = "loss_") -> dict[str, float]:
    """The losses of a step as numbers, asked before the weights follow them.

    Args:
        number: of the step, from 0.
        prefix: before each name.

    Raises:
        StudioError: one is no finite number any more.
    """
    values = {f"{prefix}{name}": value.item() for name, value in losses.items()}
    wrong = [name for name, value in values.items() if not math.isfinite(value)]
    if wrong:
        raise StudioError(
            f"Losses must be finite numbers; in step {number + 1} {', '.join(wrong)} became another. "
            "Begin anew in another folder with a lower learning rate; the last checkpoint is as it was."
        )
    return values
