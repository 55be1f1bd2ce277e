"""The settings of VQ-I2I's training. Imports no torch.

The study gives networks and no training: all that is asked for here is the studio's own.
"""

import math
from dataclasses import dataclass
from typing import Any

from engine.training.config import Rule, at_least, average_decay, learning_rate, multiple, require, seed
from engine.translation.vqi2i.sizes import SMALL

SIZE_MULTIPLE, SMALLEST_CROP = 16, 32  # pixels: the published networks halve four times
PUBLISHED = 569_531_910  # parameters


@dataclass(frozen=True)
class Config:
    """Settings of a training; the networks are the published ones by default, for a GPU.

    Attributes:
        steps: optimizer steps in all, 1 or more.
        decay: share of the steps, the last ones, over which the learning rate falls to 0.
        batch_size: pictures of each kind per process and step.
        side: pixels of a picture's short side, 0 for pictures as they are.
        crop: pixels of the side of the square cut from it, a multiple of 16 from 32 on.
        learning_rate: of Adam with betas 0.5 and 0.999, between 0 and 1.
        reconstruction: weight of the mean absolute difference to the picture, drawn again by its own kind's decoder.
        perceptual: weight of VGG19's features, picture against the same drawn again; 0 leaves them out.
        codebook: weight of the codebook's loss with its commitment.
        gan: weight of least squares against a discriminator for each kind, of pictures drawn as the other kind.
        style, content: weights of the mean absolute differences to the style that a crossed picture was drawn in, and
            to the content that it was drawn from, both encoded again from it.
        small: the networks for a CPU, 2.4 million parameters, in the place of the published 570 million.
        discriminator_width: channels of the first layer.
        average: decay of the weights' average, which is what is kept in the end; 0 to below 1.
        seed: of everything random.

    Raises:
        InvalidRequest: values out of range; all are reported together.
    """

    steps: int = 200_000
    decay: float = 0.5
    batch_size: int = 1
    side: int = 286
    crop: int = 256
    learning_rate: float = 1e-4
    reconstruction: float = 10.0
    perceptual: float = 0.1
    codebook: float = 1.0
    gan: float = 1.0
    style: float = 1.0
    content: float = 1.0
    small: int = 0
    discriminator_width: int = 64
    average: float = 0.999
    seed: int = 5

    def __post_init__(self) -> None:
        weights = ("reconstruction", "perceptual", "codebook", "gan", "style", "content")
        rules: dict[str, Rule] = {name: _weight(getattr(self, name)) for name in weights}
        rules |= {
            "steps": at_least(self.steps, 1),
            "decay": (0 <= self.decay <= 1, "from 0 to 1"),
            "batch_size": at_least(self.batch_size, 1),
            "crop": multiple(self.crop, SIZE_MULTIPLE, SMALLEST_CROP),
            "side": (self.side == 0 or self.side >= self.crop, f"0 or at least the crop's {self.crop}"),
            "learning_rate": learning_rate(self.learning_rate),
            "small": (self.small in (0, 1), "0 or 1"),
            "discriminator_width": at_least(self.discriminator_width, 1),
            "average": average_decay(self.average),
            "seed": seed(self.seed),
        }
        require(self, rules)

    @property
    def steps_per_epoch(self) -> int:
        """Passes over the pictures do not matter here."""
        return 1

    def device_problem(self, accelerated: bool) -> str:
        """Why a device cannot train networks of this size; empty where it can.

        Args:
            accelerated: whether it is a GPU.
        """
        if self.small or accelerated:
            return ""
        return (
            f"The published networks have {PUBLISHED:,} parameters and need a GPU; this studio has none. "
            "Take the preset small, which a CPU can train."
        )

    @property
    def sizes(self) -> dict[str, Any]:
        """What the networks are built with."""
        return dict(SMALL) if self.small else {}

    def rate(self, step: int) -> float:
        """The learning rate of a step."""
        return self.learning_rate * min(1.0, (self.steps - step) / max(1.0, self.decay * self.steps))


def _weight(value: float) -> Rule:
    return value >= 0 and math.isfinite(value), "0 or more"


DEFAULT = Config()
SMALL_TRAINING = Config(
    steps=2000,
    batch_size=2,
    side=72,
    crop=64,
    learning_rate=4e-4,
    perceptual=0.0,
    small=1,
    discriminator_width=16,
    average=0.99,
)
PRESETS = {"default": DEFAULT, "small": SMALL_TRAINING}
