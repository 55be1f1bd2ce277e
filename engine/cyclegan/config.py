"""The settings of CycleGAN's training. Imports no torch."""

import math
from dataclasses import dataclass, replace
from typing import Literal

from engine.training.config import Rule, at_least, average_decay, learning_rate, multiple, require, seed

SIZE_MULTIPLE, SMALLEST_CROP = 4, 32  # pixels; below 32 the discriminator has no patch left
LOSSES = ("least_squares", "log")
ENLARGING = ("transposed", "nearest")
MOST_WIDTH, MOST_BLOCKS = 128, 16  # as the translators that can be read


@dataclass(frozen=True)
class Config:
    """Settings of a training; the defaults are the published ones, for a GPU.

    Attributes:
        epochs: length, 1 or more; one sees as many pictures as the larger folder has.
        decay_epochs: the last ones, over which the learning rate falls in equal steps towards 0.
        steps_per_epoch: optimizer steps; 0 takes as many as the larger folder has batches.
        batch_size: pictures of each kind per process and step.
        side: pixels of a picture's short side, 0 for pictures as they are.
        crop: pixels of the side of the square cut from it, a multiple of 4 from 32 on.
        learning_rate: of Adam with betas 0.5 and 0.999, between 0 and 1.
        cycle: weight of the way there and back, mean absolute difference; 10 is published.
        identity: how much a picture that is of the other kind already should stay, as a share of `cycle`; 0 leaves it
            out, 0.5 keeps colours (Zhu et al. 2017, section 5.2).
        pool: earlier fakes that the discriminators see half of the time (Shrivastava et al. 2017); 0 is none.
        loss: of the discriminators: "least_squares", or "log" as the study prints it.
        width, blocks, enlarging: of both generators, see `CycleGan`.
        discriminator_width: channels of the first layer.
        average: decay of the weights' average, which is what is kept in the end; 0, as published, keeps the last ones.
        seed: of everything random.

    Raises:
        InvalidRequest: values out of range; all are reported together.
    """

    epochs: int = 200
    decay_epochs: int = 100
    steps_per_epoch: int = 0
    batch_size: int = 1
    side: int = 286
    crop: int = 256
    learning_rate: float = 2e-4
    cycle: float = 10.0
    identity: float = 0.0
    pool: int = 50
    loss: Literal["least_squares", "log"] = "least_squares"
    width: int = 64
    blocks: int = 9
    enlarging: Literal["transposed", "nearest"] = "transposed"
    discriminator_width: int = 64
    average: float = 0.0
    seed: int = 5

    def __post_init__(self) -> None:
        rules = {
            "epochs": at_least(self.epochs, 1),
            "decay_epochs": (0 <= self.decay_epochs <= self.epochs, f"from 0 to the {self.epochs} epochs"),
            "steps_per_epoch": at_least(self.steps_per_epoch, 0),
            "batch_size": at_least(self.batch_size, 1),
            "crop": multiple(self.crop, SIZE_MULTIPLE, SMALLEST_CROP),
            "side": (self.side == 0 or self.side >= self.crop, f"0 or at least the crop's {self.crop}"),
            "learning_rate": learning_rate(self.learning_rate),
            "cycle": _weight(self.cycle),
            "identity": _weight(self.identity),
            "pool": at_least(self.pool, 0),
            "loss": (self.loss in LOSSES, f"one of {', '.join(LOSSES)}"),
            "width": (1 <= self.width <= MOST_WIDTH, f"from 1 to {MOST_WIDTH}"),
            "blocks": (1 <= self.blocks <= MOST_BLOCKS, f"from 1 to {MOST_BLOCKS}"),
            "enlarging": (self.enlarging in ENLARGING, f"one of {', '.join(ENLARGING)}"),
            "discriminator_width": at_least(self.discriminator_width, 1),
            "average": average_decay(self.average),
            "seed": seed(self.seed),
        }
        require(self, rules)

    def rate(self, epoch: int) -> float:
        """The learning rate of an epoch, 0, 1, ...: constant, then falling linearly; 0 would be the next one's."""
        left = (self.epochs - epoch) / max(1, self.decay_epochs)
        return self.learning_rate * min(1.0, left)


def _weight(value: float) -> Rule:
    return value >= 0 and math.isfinite(value), "0 or more"


PAPER = Config()
PRESETS: dict[str, Config] = {
    "paper": PAPER,
    "short": replace(PAPER, epochs=40, decay_epochs=20),
    "cpu": Config(
        epochs=30,
        decay_epochs=15,
        steps_per_epoch=100,
        side=72,
        crop=64,
        learning_rate=4e-4,
        identity=0.1,
        width=16,
        blocks=4,
        enlarging="nearest",
        discriminator_width=16,
        average=0.995,
    ),
}
