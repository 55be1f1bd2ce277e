"""The settings of a beta-VAE's training. No torch."""

from dataclasses import dataclass

from engine.latent.catalogue import SIDES
from engine.latent.pictures import MOST, Wanted
from engine.training.config import learning_rate, require, seed, share

RGB_BLOCKS = (32, 64, 128, 256, 512)
GREY_BLOCKS = (32, 64, 128)
FEWEST = 8  # pictures


@dataclass(frozen=True)
class Config:
    """Settings; the defaults are the study's, but for what it leaves open.

    Attributes:
        steps: optimizer steps [not in the study].
        batch_size: pictures a step, 2 or more [not in the study].
        grey: whether pictures have one channel.
        side: pixels of the pictures.
        blocks: channels of the encoder's blocks, each of which halves the side.
        latents: numbers that stand for a picture.
        batch_norm: whether blocks normalise over the batch.
        beta, kld_weight: the loss is MSE + beta * kld_weight * KLD, see `effective_beta`.
        learning_rate: of Adam.
        decay: share of the steps, the last ones, over which the learning rate falls to 0 [not in the study].
        flip: how often a picture is mirrored, 0 to 1.
        held_out: share of the pictures to validate with, 0 to below 1.
        crops: squares of each picture, see `Wanted`.
        seed: of everything random.

    Raises:
        InvalidRequest: values out of range; all are reported together.
    """

    steps: int = 4000
    batch_size: int = 64
    grey: bool = False
    side: int = 64
    blocks: tuple[int, ...] = RGB_BLOCKS
    latents: int = 128
    batch_norm: bool = True
    beta: float = 10.0
    kld_weight: float = 0.0025
    learning_rate: float = 0.005
    decay: float = 0.0
    flip: float = 0.5
    held_out: float = 0.25
    crops: int = 1
    seed: int = 5

    def __post_init__(self) -> None:
        step, (least, most) = 2 ** len(self.blocks), SIDES
        sound = len(self.blocks) > 0 and all(1 <= block <= 1024 for block in self.blocks)
        rules = {
            "steps": (1 <= self.steps <= 10_000_000, "from 1 to 10,000,000"),
            "batch_size": (2 <= self.batch_size <= 4096, "from 2 to 4096"),
            "side": (
                least <= self.side <= most and self.side % step == 0,
                f"a multiple of {step} from {least} to {most}",
            ),
            "blocks": (sound, "one or more numbers from 1 to 1024"),
            "latents": (1 <= self.latents <= 1024, "from 1 to 1024"),
            "beta": (0 <= self.beta <= 1e6, "from 0 to 1,000,000"),
            "kld_weight": (0 <= self.kld_weight <= 1, "from 0 to 1"),
            "learning_rate": learning_rate(self.learning_rate),
            "decay": share(self.decay),
            "flip": share(self.flip),
            "held_out": (0 < self.held_out < 1, "between 0 and 1"),
            "crops": (1 <= self.crops <= MOST, f"from 1 to {MOST:,}"),
            "seed": seed(self.seed),
        }
        require(self, rules)

    @property
    def channels(self) -> int:
        """Of the pictures."""
        return 1 if self.grey else 3

    @property
    def numbers(self) -> int:
        """In one picture."""
        return self.channels * self.side**2

    @property
    def effective_beta(self) -> float:
        """Beta of the usual bound, a sum over all numbers with unit variance: numbers / 2 * beta * kld_weight.

        1 is the plain VAE. The study's 10 and 100 are 153.6 and 1536 for RGB at 64 px.
        """
        return self.numbers / 2 * self.beta * self.kld_weight

    @property
    def wanted(self) -> Wanted:
        """How its pictures are read."""
        return Wanted(self.side, self.channels, self.held_out, self.crops, FEWEST, self.seed)


STUDY = Config()
STUDY_100 = Config(beta=100.0)
BATIK = Config(grey=True, blocks=GREY_BLOCKS, crops=50)
EXPLORE = Config(steps=3000, batch_size=32, beta=0.004, learning_rate=0.002, decay=0.4)
CPU = Config(
    steps=400, batch_size=16, side=32, blocks=(16, 32, 64), latents=16, beta=0.2, learning_rate=0.003, decay=0.4
)
PRESETS = {"explore": EXPLORE, "study": STUDY, "study-100": STUDY_100, "batik": BATIK, "cpu": CPU}
ABOUT = {
    "explore": "Light and coarse shapes come back, all sliders live: effective beta 0.06, half an hour on a laptop.",
    "study": "As the study: beta 10, effective 154. Very soft pictures, few living sliders.",
    "study-100": "As the study: beta 100, effective 1536.",
    "batik": "As the study for batik: grey, 50 crops of each picture.",
    "cpu": "Small, 32 pixels: minutes on a laptop.",
}
