"""The settings of a GAN's training. No torch."""

from dataclasses import dataclass

from engine.latent.pictures import Wanted
from engine.training.config import average_decay, learning_rate, require, seed, share

CONVOLUTION, LINEAR = "convolution", "linear"
STARTS = (CONVOLUTION, LINEAR)
FEWEST = 16  # pictures
SIDES = (8, 16, 32, 64, 128, 256)


@dataclass(frozen=True)
class Config:
    """Settings; the defaults are DCGAN's, but for its length.

    Attributes:
        steps: of both networks [not published].
        batch_size: pictures a step, 2 or more.
        side: pixels of the pictures.
        width: channels of the generator before its last layer, and of the discriminator after its first.
        latents: numbers that stand for a picture.
        start: "convolution" as published, "linear" as in the lesson, of both networks.
        learning_rate, discriminator_learning_rate: of Adam with betas 0.5 and 0.999.
        skip_below: the discriminator rests while the running mean of its loss is below this; 0 lets it never rest.
        average: decay of the average of the generator's weights, which is what is kept in the end [not published]; 0
            keeps the last ones.
        flip: how often a picture is mirrored, 0 to 1.
        seed: of everything random.

    Raises:
        InvalidRequest: values out of range; all are reported together.
    """

    steps: int = 20_000
    batch_size: int = 128
    side: int = 64
    width: int = 64
    latents: int = 100
    start: str = CONVOLUTION
    learning_rate: float = 2e-4
    discriminator_learning_rate: float = 2e-4
    skip_below: float = 0.0
    average: float = 0.0
    flip: float = 0.5
    seed: int = 5

    def __post_init__(self) -> None:
        rules = {
            "steps": (1 <= self.steps <= 10_000_000, "from 1 to 10,000,000"),
            "batch_size": (2 <= self.batch_size <= 4096, "from 2 to 4096"),
            "side": (self.side in SIDES, f"one of {', '.join(map(str, SIDES))}"),
            "width": (1 <= self.width <= 256, "from 1 to 256"),
            "latents": (1 <= self.latents <= 1024, "from 1 to 1024"),
            "start": (self.start in STARTS, f"one of {', '.join(STARTS)}"),
            "learning_rate": learning_rate(self.learning_rate),
            "discriminator_learning_rate": learning_rate(self.discriminator_learning_rate),
            "skip_below": (0 <= self.skip_below <= 10, "from 0 to 10"),
            "average": average_decay(self.average),
            "flip": share(self.flip),
            "seed": seed(self.seed),
        }
        require(self, rules)

    @property
    def wanted(self) -> Wanted:
        """How its pictures are read; none are held out."""
        return Wanted(self.side, 3, 0.0, 1, FEWEST, self.seed)


PUBLISHED = Config()
LESSON = Config(start=LINEAR, skip_below=0.3)
EXPLORE = Config(steps=4000, batch_size=32, width=32, skip_below=0.3, average=0.995)
CPU = Config(steps=600, batch_size=16, side=32, width=16, latents=32, skip_below=0.3, average=0.98)
PRESETS = {"explore": EXPLORE, "published": PUBLISHED, "lesson": LESSON, "cpu": CPU}
ABOUT = {
    "explore": "Half as wide as published: an hour or two on a laptop.",
    "published": "DCGAN as published; needs a GPU.",
    "lesson": "With a fully connected start; needs a GPU.",
    "cpu": "Small, 32 pixels: minutes on a laptop.",
}
