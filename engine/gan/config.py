"""The settings of a GAN's training. No torch."""

from dataclasses import dataclass, field

from engine.latent.pictures import Wanted
from engine.training.config import LATER, Rule, average_decay, learning_rate, require, seed, share

CONVOLUTION, LINEAR = "convolution", "linear"
STARTS = (CONVOLUTION, LINEAR)
SINGLE, PROGRESSIVE, MULTI = "single", "progressive", "multi"
SCALES = (SINGLE, PROGRESSIVE, MULTI)
FEWEST = 16  # pictures
ALIKE = 0.5  # variety of the samples, as a share of the pictures', below which they are called alike
SIDES = (8, 16, 32, 64, 128, 256)


@dataclass(frozen=True, slots=True)
class Growth:
    """How far both networks have grown.

    Attributes:
        side: pixels of the pictures.
        alpha: how much of the newest block counts, 0 to 1.
    """

    side: int
    alpha: float = 1.0


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
        scales: at which sizes pictures are drawn and judged: "single" at `side` alone, "progressive" from `first_side`
            on in doublings (Karras et al. 2018), "multi" at all sizes from 8 pixels on at once, so that gradients reach
            every size (Karnewar and Wang 2020).
        first_side: pixels where progressive growing begins, below `side`.
        fade_pictures: over which each new block is faded in; before it, as many are seen at the size that is there. 0
            gives every stretch the same share of the training.

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
    scales: str = field(default=SINGLE, metadata=LATER)
    first_side: int = field(default=SIDES[0], metadata=LATER)
    fade_pictures: int = field(default=0, metadata=LATER)

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
            "scales": (self.scales in SCALES, f"one of {', '.join(SCALES)}"),
        }
        require(self, rules | self._rules_of_scales())

    def _rules_of_scales(self) -> dict[str, Rule]:
        rules: dict[str, Rule] = {}
        if self.scales == MULTI and self.side == SIDES[0]:
            rules["side"] = False, f"{SIDES[1]} or more where all sizes from {SIDES[0]} on are drawn"
        if self.scales != PROGRESSIVE:
            return rules
        grows = self.first_side in SIDES and self.first_side < self.side
        rules["first_side"] = grows, f"one of {', '.join(map(str, SIDES))} and below the side of {self.side}"
        if grows and self.side in SIDES:
            most = f"from 0 to {self._most:,}, so that all has grown before the training ends"
            rules["fade_pictures"] = 0 <= self.stretch <= self._most, most
        return rules

    @property
    def doublings(self) -> int:
        """How often a progressive training doubles its pictures' side."""
        return (self.side // self.first_side).bit_length() - 1

    @property
    def stretch(self) -> int:
        """Pictures that each stage of a progressive training sees before the next block, and while that fades in."""
        even = self.steps * self.batch_size // (2 * self.doublings + 1)
        return self.fade_pictures or max(1, min(even, self._most))

    @property
    def _most(self) -> int:
        """The longest stretch after which the last step still has all blocks."""
        return max(0, self.steps - 1) * self.batch_size // (2 * self.doublings)

    def growth(self, step: int) -> Growth:
        """How far both networks have grown in step `step`, from 0."""
        if self.scales != PROGRESSIVE:
            return Growth(self.side)
        stage, into = divmod(step * self.batch_size, self.stretch)
        doubled = min(self.doublings, (stage + 1) // 2)
        fading = stage % 2 == 1 and stage < 2 * self.doublings
        return Growth(self.first_side << doubled, into / self.stretch if fading else 1.0)

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
