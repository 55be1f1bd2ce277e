"""NijiGAN's training: photos to anime scenes, semi-supervised.

Pairs (photo, pseudo ground truth) teach what a translation looks like; unpaired photos and style pictures teach
the style itself, while contrastive losses keep the photo's content (Scenimefy, Jiang et al. 2023, with the
bottleneck of neural ODEs of NijiGAN).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.errors import InvalidRequest, NotFound, Problem
from engine.images import from_bytes
from engine.metrics.vgg19 import Vgg19, load_vgg19
from engine.nijigan import losses as losses
from engine.nijigan.evaluation import held_out_numbers, sheet
from engine.nijigan.networks import PatchDiscriminator, Projector, draw_places
from engine.nijigan.widening import widened
from engine.training.image_losses import loss_colours, loss_edges, loss_vgg19
from engine.training.loop import CHECKPOINT, Log, average_of, averaged_weights, generator_of, train
from engine.training.parallel import Ranks
from engine.training.photo_folders import PairedFolders, PhotoFolder
from engine.translation.networks.generator import Architecture, Generator
from engine.translation.networks.ode import ODEBlock, Solver

PAIRED_LAYERS = ("relu1_2", "relu2_2", "relu3_4")


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
        epochs, steps_per_epoch: length.
        warm_up_epochs: without the supervised branch, whose weight then grows in equal steps to 1; 0 gives it its
            full weight from the first step.
        unpaired_every: the unsupervised branch, and with it the contrastive losses of the pairs, is trained in
            every n-th step; they cost more than all the rest.
        batch_size: pictures of each kind per process and step.
        side: pixels of a picture's short side, 0 for pictures as they are; crop: pixels of the square cut from it.
        learning_rate: of Adam with betas 0.5 and 0.999; falls to 0 over the last `decay` share of the steps.
        patches: per layer, for the contrastive losses.
        temperature: of the contrastive losses.
        gamma, gamma_end: temperature of the hard negatives at the start and at the end.
        perceptual_layer: of VGG19.
        solvers: each step is solved by one of them, in turn.
        average: decay of the weights' average, which is what is kept in the end.
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
            "crop": (self.crop >= 64 and self.crop % 4 == 0, "a multiple of 4 from 64 on"),
            "side": (self.side == 0 or self.side >= self.crop, f"0 or at least the crop's {self.crop}"),
            "epochs": (self.epochs >= 1, "1 or more"),
            "steps_per_epoch": (self.steps_per_epoch >= 1, "1 or more"),
            "unpaired_every": (self.unpaired_every >= 1, "1 or more"),
            "batch_size": (self.batch_size >= 1, "1 or more"),
            "patches": (self.patches >= 2, "2 or more"),
            "learning_rate": (0 < self.learning_rate < 1, "between 0 and 1"),
            "average": (0 <= self.average < 1, "from 0 to below 1"),
            "solvers": (len(self.solvers) > 0, "at least one"),
        }
        problems = [
            Problem(name, f"{name} must be {rule}; got {getattr(self, name)!r}.")
            for name, (kept, rule) in rules.items()
            if not kept
        ]
        if problems:
            raise InvalidRequest(problems)

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


@dataclass(frozen=True)
class Data:
    """X_p and Y_p, X, Y, and pairs that are never trained on."""

    pairs: PairedFolders
    photos: PhotoFolder
    styles: PhotoFolder
    held_out: PairedFolders


class Players(nn.Module):
    """All that learns."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.generator = Generator(config.architecture, config.solvers[0])
        self.projector = Projector(self.generator.feature_channels)
        self.style_projector = Projector(self.generator.feature_channels)
        self.discriminator = PatchDiscriminator(3, config.discriminator_width)
        self.paired_discriminator = PatchDiscriminator(6, config.discriminator_width)

    @property
    def translators(self) -> nn.ModuleList:
        """What the generator's step changes."""
        return nn.ModuleList([self.generator, self.projector, self.style_projector])

    @property
    def judges(self) -> nn.ModuleList:
        """What the discriminators' step changes."""
        return nn.ModuleList([self.discriminator, self.paired_discriminator])


@dataclass(frozen=True)
class Batch:
    """One step's pictures, (N, 3, H, W) float32 in [-1, 1]; the unpaired ones may be missing."""

    paired_photo: Tensor
    paired_style: Tensor
    photo: Tensor | None = None
    style: Tensor | None = None


def run(ranks: Ranks, config: Config, folder: Path, data: Data, begin_from: Path | None = None) -> None:
    """Train, or go on.

    Args:
        begin_from: folder of another run, whose averaged generator this one begins with, see `begun`; a run that has
            a checkpoint goes on from that.
    """
    device = ranks.device
    torch.manual_seed(config.seed)
    goes_on = (folder / CHECKPOINT).exists()
    players = Players(config) if begin_from is None or goes_on else begun(config, begin_from)
    players.to(device, memory_format=torch.channels_last)
    average = average_of(players.generator, config.average)
    optimizers = [
        torch.optim.Adam(part.parameters(), config.learning_rate, betas=(0.5, 0.999))
        for part in (players.translators, players.judges)
    ]
    weights = config.weights
    vgg = load_vgg19().to(device) if weights.perceptual or weights.paired_perceptual else None
    log = Log(folder, quiet=not ranks.first)

    def step(number: int) -> dict[str, float]:
        for group in (group for optimizer in optimizers for group in optimizer.param_groups):
            group["lr"] = config.learning_rate * falling(number, config.steps, config.decay)
        generator = generator_of(config.seed, number, ranks)
        batch = draw(config, data, number, generator, device)
        players.generator.set_solver(config.solvers[number % len(config.solvers)])
        fakes = translate(players.generator, batch)

        players.judges.requires_grad_(False)
        parts = translation_losses(players, config, batch, fakes, vgg, number, generator)
        loss = sum(parts.values(), start=torch.zeros((), device=device))
        _update(optimizers[0], players.translators, loss, ranks)
        average.update_parameters(players.generator)

        players.judges.requires_grad_(True)
        verdicts = judging_losses(players, config, batch, fakes, number)
        _update(optimizers[1], players.judges, sum(verdicts.values(), start=torch.zeros((), device=device)), ranks)
        return {f"loss_{name}": value.item() for name, value in (parts | verdicts).items()}

    @torch.no_grad()
    def look(number: int) -> None:
        model = average.module.eval()
        model.set_solver(config.solvers[0])
        log.numbers(number, held_out_numbers(model, data.held_out))
        log.picture(number, "samples", sheet(model, data.held_out))
        model.train()

    state = {"players": players, "average": average}
    state |= {"optimizer": optimizers[0], "optimizer_judges": optimizers[1]}
    settings = ranks.settings(config, steps_in_all=config.steps, pairs=len(data.pairs), photos=len(data.photos))
    train(folder, config.steps, state, settings, step, ranks=ranks, log=log, look=look, look_every=500)


def begun(config: Config, folder: Path) -> Players:
    """Players with the averaged generator of another run, widened if it is narrower, and with its discriminators if
    they are of the same size.

    Raises:
        NotFound: no run is in the folder.
        InvalidRequest: its generator is of another kind.
    """
    path = folder / CHECKPOINT
    if not path.exists():
        raise NotFound(f"A run to begin from must be in the folder; {path} is missing.")
    checkpoint = torch.load(path, weights_only=True, mmap=True, map_location="cpu")
    architecture = Architecture(**checkpoint["settings"]["architecture"])
    if replace(architecture, width=config.architecture.width) != config.architecture:
        text = f"A run can begin from one of the same kind; {folder} is {architecture}, this one {config.architecture}."
        raise InvalidRequest([Problem("begin_from", text)])
    narrow, players = Generator(architecture), Players(config)
    narrow.load_state_dict(averaged_weights(folder))
    wide = widened(narrow, config.architecture.width, torch.Generator().manual_seed(config.seed))
    players.generator.load_state_dict(wide.state_dict())
    if checkpoint["settings"]["discriminator_width"] == config.discriminator_width:
        known = {name: w for name, w in checkpoint["players"].items() if name.split(".")[0].endswith("discriminator")}
        players.load_state_dict(known, strict=False)
    return players


def draw(config: Config, data: Data, step: int, generator: torch.Generator, device: torch.device) -> Batch:
    """The pictures of one step."""

    def several(source: Any) -> list[Any]:
        indices = torch.randint(len(source), (config.batch_size,), generator=generator).tolist()
        return [source.crop(index, config.crop, generator) for index in indices]

    def pixels(crops: Sequence[np.ndarray]) -> Tensor:
        return from_bytes(torch.from_numpy(np.stack(crops)).to(device))

    photos, styles = zip(*several(data.pairs), strict=True)
    paired = Batch(pixels(photos), pixels(styles))
    if step % config.unpaired_every:
        return paired
    return replace(paired, photo=pixels(several(data.photos)), style=pixels(several(data.styles)))


def translate(generator: Generator, batch: Batch) -> Batch:
    """The translations of a batch's photos, in the places of its style pictures."""
    photos = [batch.paired_photo] if batch.photo is None else [batch.paired_photo, batch.photo]
    fakes = generator(torch.cat(photos).contiguous(memory_format=torch.channels_last)).split(len(batch.paired_photo))
    return replace(batch, paired_style=fakes[0], style=fakes[1] if len(fakes) > 1 else None)


def translation_losses(
    players: Players,
    config: Config,
    batch: Batch,
    fakes: Batch,
    vgg: Vgg19 | None,
    step: int,
    generator: torch.Generator,
) -> dict[str, Tensor]:
    """The generator's and the projectors' losses, weighted, by name."""
    parts = supervised_losses(players, config, batch, fakes, vgg, step, generator)
    if batch.photo is not None and fakes.style is not None:
        parts |= unsupervised_losses(players, config, batch.photo, fakes.style, vgg, step, generator)
    weight = config.weights.bend
    if weight and config.architecture.bottleneck == "ode":
        parts["bend"] = weight * bend(players.generator, batch.paired_photo, generator)
    return parts


def supervised_losses(
    players: Players,
    config: Config,
    batch: Batch,
    fakes: Batch,
    vgg: Vgg19 | None,
    step: int,
    generator: torch.Generator,
) -> dict[str, Tensor]:
    """Of the pairs; empty during the warm-up."""
    share, weights, parts = config.supervised(step), config.weights, dict[str, Tensor]()
    if share == 0:
        return parts
    if weights.paired_gan:
        verdict = players.paired_discriminator(torch.cat([batch.paired_photo, fakes.paired_style], 1))
        parts["paired_gan"] = share * weights.paired_gan * losses.loss_gan(verdict)
    if weights.pixels:
        parts["pixels"] = share * weights.pixels * F.l1_loss(fakes.paired_style, batch.paired_style)
    if weights.edges:
        parts["edges"] = share * weights.edges * loss_edges(fakes.paired_style, batch.paired_style)
    if weights.colours:
        parts["colours"] = share * weights.colours * loss_colours(fakes.paired_style, batch.paired_style)
    if weights.paired_perceptual and vgg is not None:
        found = loss_vgg19(vgg, PAIRED_LAYERS, fakes.paired_style, batch.paired_style)
        parts["paired_perceptual"] = share * weights.paired_perceptual * found
    if weights.style_nce and batch.photo is not None:
        pairs = patch_pairs(
            players.generator, players.style_projector, fakes.paired_style, batch.paired_style, config, generator
        )
        found = torch.stack([losses.loss_patch_nce(q, k, config.temperature) for q, k in pairs]).mean()
        parts["style_nce"] = share * weights.style_nce * found
    return parts


def unsupervised_losses(
    players: Players,
    config: Config,
    photo: Tensor,
    fake: Tensor,
    vgg: Vgg19 | None,
    step: int,
    generator: torch.Generator,
) -> dict[str, Tensor]:
    """Of the unpaired photos."""
    weights, parts = config.weights, dict[str, Tensor]()
    if weights.gan:
        parts["gan"] = weights.gan * losses.loss_gan(players.discriminator(fake))
    if weights.hdce or weights.relation:
        gamma = losses.curriculum(config.gamma, config.gamma_end, step / config.steps)
        pairs = patch_pairs(players.generator, players.projector, fake, photo, config, generator)
        hdce = [losses.loss_hdce(q, k, losses.relation_weights(k, gamma), config.temperature) for q, k in pairs]
        parts["hdce"] = weights.hdce * torch.stack(hdce).mean()
        parts["relation"] = weights.relation * torch.stack([losses.loss_relation(q, k) for q, k in pairs]).mean()
    if weights.perceptual and vgg is not None:
        parts["perceptual"] = weights.perceptual * loss_vgg19(vgg, (config.perceptual_layer,), fake, photo)
    return parts


def judging_losses(players: Players, config: Config, batch: Batch, fakes: Batch, step: int) -> dict[str, Tensor]:
    """The discriminators' losses, by name."""
    photo, parts = batch.paired_photo, dict[str, Tensor]()
    if config.weights.paired_gan and config.supervised(step) > 0:
        real = players.paired_discriminator(torch.cat([photo, batch.paired_style], 1))
        fake = players.paired_discriminator(torch.cat([photo, fakes.paired_style.detach()], 1))
        parts["paired_discriminator"] = losses.loss_discriminator(real, fake)
    if config.weights.gan and batch.style is not None and fakes.style is not None:
        real, fake = players.discriminator(batch.style), players.discriminator(fakes.style.detach())
        parts["discriminator"] = losses.loss_discriminator(real, fake)
    return parts


def patch_pairs(
    model: Generator, projector: Projector, fake: Tensor, real: Tensor, config: Config, generator: torch.Generator
) -> list[tuple[Tensor, Tensor]]:
    """Projected patches of a translation and of what it is compared with, from the same places, per layer."""
    queries = model.features(fake)
    with torch.no_grad():
        keys = model.features(real)
    places = draw_places(queries, config.patches, generator)
    return list(zip(projector(queries, places), projector(keys, places), strict=True))


def bend(model: Generator, photo: Tensor, generator: torch.Generator) -> Tensor:
    """How much the trajectories of one ODE block, drawn at random, bend up to a random moment."""
    index = int(torch.randint(len(model.bottleneck), (), generator=generator))
    moment = float(torch.rand((), generator=generator))
    with torch.no_grad():  # the block should be straight where it is; what comes before need not move
        h = model.encoder(photo)
        for block in model.bottleneck[:index]:
            h = block(h)
    block = model.bottleneck[index]
    assert isinstance(block, ODEBlock)
    return block.bend(h, moment)


def falling(step: int, steps: int, decay: float) -> float:
    """The learning rate's factor: 1, then a linear fall to 0 over the last `decay` of the steps (as in CUT)."""
    return min(1.0, (steps - step) / max(1.0, decay * steps))


def _update(optimizer: torch.optim.Optimizer, model: nn.Module, loss: Tensor, ranks: Ranks) -> None:
    if not loss.requires_grad:  # nothing to judge in this step
        return
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    # Only what this step's losses reach: a zero gradient would move the rest by Adam's momentum.
    ranks.mean_gradients(parameter for parameter in model.parameters() if parameter.grad is not None)
    optimizer.step()
