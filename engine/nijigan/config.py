"""The settings of NijiGAN's training."""

from dataclasses import dataclass, field

from engine.metrics.vgg19 import BLOCKS
from engine.training.config import at_least, average_decay, learning_rate, multiple, require, share
from engine.translation.networks.generator import SIZE_MULTIPLE, Architecture
from engine.translation.networks.ode import Solver

VGG19_LAYERS = tuple(f"relu{block}_{place}" for block, count in enumerate(BLOCKS, 1) for place in range(1, count + 1))


@dataclass(frozen=True)
class Weights:
    """How much each loss counts; 0 leaves it out.

    Attributes:
        gan, paired_gan: least squares against the two discriminators.
        hdce: contrastive, photo against translation.
        relation: semantic relation consistency.
        style_nce: contrastive, translation against the pseudo ground truth.
        perceptual: VGG19 features, photo against translation; the published ablations are 0.15 and 0.
        pixels: mean absolute difference to the pseudo ground truth. Not published: it makes short trainings
            converge.
        edges: mean absolute difference of neighbouring pixels' differences to those of the pseudo ground truth. Not
            published: crisp edges and clean areas sooner.
        colours: difference of colour, brightness aside, to the pseudo ground truth. Not published: without it, colours
            that differ little in brightness come last.
        paired_perceptual: VGG19 features of three depths, translation against pseudo ground truth. Not published: lines
            and texture, where differences of pixels alone ask for a blur.
        bend: straightness of the ODEs, see `ODEBlock.bend`. Not published: it makes one evaluation enough.
    """

    gan: float = 1.0
    paired_gan: float = 1.0
    hdce: float = 0.1
    relation: float = 0.05
    style_nce: float = 0.1
    perceptual: float = 0.1
    pixels: float = 0.0
    edges: float = 0.0
    colours: float = 0.0
    paired_perceptual: float = 0.0
    bend: float = 0.0


@dataclass(frozen=True)
class Config:
    """Settings of a training; the defaults are the published ones, for a GPU.

    Attributes:
        epochs, steps_per_epoch: length, 1 or more each.
        warm_up_epochs: without the supervised branch, whose weight then grows in equal steps to 1; 0 gives it its
            full weight from the first step.
        unpaired_every: the unsupervised branch, and with it the contrastive losses of the pairs, is trained in
            every n-th step; they cost more than all the rest.
        batch_size: pictures of each kind per process and step.
        side: pixels of a picture's short side, 0 for pictures as they are.
        crop: pixels of the side of the square cut from it, a multiple of 4 from 64 on.
        learning_rate: of Adam with betas 0.5 and 0.999, between 0 and 1.
        decay: share of the steps, the last ones, over which the learning rate falls to 0.
        patches: per layer, for the contrastive losses, 2 or more.
        temperature: of the contrastive losses, above 0.
        gamma, gamma_end: temperature of the hard negatives at the start and at the end, above 0.
        perceptual_layer: of VGG19, relu1_1 to relu5_4.
        solvers: each step is solved by one of them, in turn.
        average: decay of the weights' average, which is what is kept in the end; 0 to below 1.
        discriminator_width: channels of the first layer.
        seed: of everything random.

    Raises:
        InvalidRequest: values out of range; all are reported together.
    """

    epochs: int = 25
    steps_per_epoch: int = 24_000
    warm_up_epochs: int = 10
    unpaired_every: int = 1
    batch_size: int = 1
    side: int = 286
    crop: int = 256
    learning_rate: float = 2e-4
    decay: float = 0.0
    patches: int = 256
    temperature: float = 0.07
    gamma: float = 50.0
    gamma_end: float = 10.0
    perceptual_layer: str = "relu4_4"
    weights: Weights = field(default_factory=Weights)
    architecture: Architecture = field(default_factory=Architecture)
    solvers: tuple[Solver, ...] = (Solver("dopri5"),)
    average: float = 0.999
    discriminator_width: int = 64
    seed: int = 5

    def __post_init__(self) -> None:
        rules = {
            "crop": multiple(self.crop, SIZE_MULTIPLE, 64),
            "side": (self.side == 0 or self.side >= self.crop, f"0 or at least the crop's {self.crop}"),
            "epochs": at_least(self.epochs, 1),
            "steps_per_epoch": at_least(self.steps_per_epoch, 1),
            "warm_up_epochs": at_least(self.warm_up_epochs, 0),
            "unpaired_every": at_least(self.unpaired_every, 1),
            "batch_size": at_least(self.batch_size, 1),
            "patches": at_least(self.patches, 2),
            "learning_rate": learning_rate(self.learning_rate),
            "decay": share(self.decay),
            "temperature": (self.temperature > 0, "above 0"),
            "gamma": (self.gamma > 0, "above 0"),
            "gamma_end": (self.gamma_end > 0, "above 0"),
            "perceptual_layer": (self.perceptual_layer in VGG19_LAYERS, f"one of {', '.join(VGG19_LAYERS)}"),
            "average": average_decay(self.average),
            "discriminator_width": at_least(self.discriminator_width, 1),
            "solvers": (len(self.solvers) > 0, "at least one"),
        }
        require(self, rules)

    @property
    def steps(self) -> int:
        """Optimizer steps in all."""
        return self.epochs * self.steps_per_epoch

    def supervised(self, step: int) -> float:
        """The weight of the supervised branch, 0 to 1."""
        epoch = step // self.steps_per_epoch
        if self.warm_up_epochs == 0:
            return 1.0
        return min(1.0, max(0.0, (epoch + 1 - self.warm_up_epochs) / max(1, self.epochs - self.warm_up_epochs)))


T4 = Config()
CPU = Config(
    epochs=6,
    steps_per_epoch=200,
    warm_up_epochs=0,
    unpaired_every=6,
    side=224,
    crop=144,
    learning_rate=4e-4,
    decay=0.4,
    perceptual_layer="relu3_1",
    weights=Weights(gan=0.5, pixels=10.0, perceptual=0.5, bend=1.0),
    solvers=(Solver("euler"),),
    discriminator_width=32,
    average=0.995,
)
PRESETS = {"t4": T4, "cpu": CPU}
