"""What NijiGAN's training asks for: every loss with its weight, of the generator and of the discriminators.

Pairs (photo, pseudo ground truth) teach what a translation looks like; unpaired photos and style pictures teach
the style itself, while contrastive losses keep the photo's content (Scenimefy, Jiang et al. 2023, with the
bottleneck of neural ODEs of NijiGAN).
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.metrics.vgg19 import Vgg19Features
from engine.nijigan.config import Config
from engine.nijigan.data import Batch
from engine.nijigan.losses import curriculum, loss_hdce, loss_patch_nce, loss_relation, relation_weights
from engine.nijigan.networks import Projector, draw_places
from engine.nijigan.players import Players
from engine.training.adversarial_losses import loss_discriminator_least_squares, loss_gan_least_squares
from engine.training.image_losses import loss_colours, loss_edges, loss_vgg19
from engine.translation.networks.generator import Generator
from engine.translation.networks.ode import ODEBlock

PAIRED_LAYERS = ("relu1_2", "relu2_2", "relu3_4")


@dataclass(frozen=True)
class Fakes:
    """What the generator makes of a batch's photos, (N, 3, H, W) float32 in [-1, 1], with gradient.

    Attributes:
        paired: of the photos that have a pseudo ground truth.
        unpaired: of the others, where the batch has any.
    """

    paired: Tensor
    unpaired: Tensor | None = None


@dataclass(frozen=True)
class Step:
    """One step's pictures.

    Attributes:
        number: 0, 1, ...
        rng: what the losses draw places and moments from.
    """

    number: int
    batch: Batch
    fakes: Fakes
    rng: torch.Generator


@dataclass(frozen=True)
class Objective:
    """The losses of a run, weighted, by name.

    Attributes:
        vgg: None where no loss asks for it.
    """

    players: Players
    config: Config
    vgg: Vgg19Features | None = None

    def generator_losses(self, step: Step) -> dict[str, Tensor]:
        """Of the generator and the projectors."""
        parts = self._supervised(step) | self._unsupervised(step)
        weight = self.config.weights.bend
        if weight and self.config.architecture.bottleneck == "ode":
            parts["bend"] = weight * bend(self.players.generator, step.batch.paired_photo, step.rng)
        return parts

    def discriminator_losses(self, step: Step) -> dict[str, Tensor]:
        """Of both discriminators; only the one whose turn it is has one."""
        batch, fakes, parts = step.batch, step.fakes, dict[str, Tensor]()
        if self.config.weights.paired_gan and self.config.supervised(step.number) > 0:
            real = self._paired_verdicts(batch.paired_photo, batch.paired_style)
            fake = self._paired_verdicts(batch.paired_photo, fakes.paired.detach())
            parts["paired_discriminator"] = loss_discriminator_least_squares(real, fake)
        if self.config.weights.gan and batch.style is not None and fakes.unpaired is not None:
            discriminator = self.players.discriminator
            real, fake = discriminator(batch.style), discriminator(fakes.unpaired.detach())
            parts["discriminator"] = loss_discriminator_least_squares(real, fake)
        return parts

    def _supervised(self, step: Step) -> dict[str, Tensor]:
        """Of the pairs; empty during the warm-up."""
        share, weights, batch = self.config.supervised(step.number), self.config.weights, step.batch
        fake, real, parts = step.fakes.paired, batch.paired_style, dict[str, Tensor]()
        if share == 0:
            return parts
        if weights.paired_gan:
            verdicts = self._paired_verdicts(batch.paired_photo, fake)
            parts["paired_gan"] = share * weights.paired_gan * loss_gan_least_squares(verdicts)
        if weights.pixels:
            parts["pixels"] = share * weights.pixels * F.l1_loss(fake, real)
        if weights.edges:
            parts["edges"] = share * weights.edges * loss_edges(fake, real)
        if weights.colours:
            parts["colours"] = share * weights.colours * loss_colours(fake, real)
        if weights.paired_perceptual and self.vgg is not None:
            parts["paired_perceptual"] = share * weights.paired_perceptual * self._perceptual(PAIRED_LAYERS, fake, real)
        if weights.style_nce and batch.photo is not None:
            pairs = self._patch_pairs(self.players.style_projector, fake, real, step.rng)
            found = torch.stack([loss_patch_nce(q, k, self.config.temperature) for q, k in pairs]).mean()
            parts["style_nce"] = share * weights.style_nce * found
        return parts

    def _unsupervised(self, step: Step) -> dict[str, Tensor]:
        """Of the unpaired photos; empty in steps without them."""
        weights, fake, photo, parts = self.config.weights, step.fakes.unpaired, step.batch.photo, dict[str, Tensor]()
        if fake is None or photo is None:
            return parts
        if weights.gan:
            parts["gan"] = weights.gan * loss_gan_least_squares(self.players.discriminator(fake))
        if weights.hdce or weights.relation:
            pairs = self._patch_pairs(self.players.projector, fake, photo, step.rng)
            parts["hdce"] = weights.hdce * self._hdce(pairs, step.number)
            parts["relation"] = weights.relation * torch.stack([loss_relation(q, k) for q, k in pairs]).mean()
        if weights.perceptual and self.vgg is not None:
            parts["perceptual"] = weights.perceptual * self._perceptual((self.config.perceptual_layer,), fake, photo)
        return parts

    def _paired_verdicts(self, photo: Tensor, translation: Tensor) -> Tensor:
        return self.players.paired_discriminator(torch.cat([photo, translation], 1))

    def _perceptual(self, layers: tuple[str, ...], fake: Tensor, real: Tensor) -> Tensor:
        assert self.vgg is not None
        return loss_vgg19(self.vgg, layers, fake, real)

    def _hdce(self, pairs: list[tuple[Tensor, Tensor]], step: int) -> Tensor:
        config = self.config
        gamma = curriculum(config.gamma, config.gamma_end, step / config.steps)
        return torch.stack([loss_hdce(q, k, relation_weights(k, gamma), config.temperature) for q, k in pairs]).mean()

    def _patch_pairs(
        self, projector: Projector, fake: Tensor, real: Tensor, rng: torch.Generator
    ) -> list[tuple[Tensor, Tensor]]:
        """Projected patches of a translation and of what it is compared with, from the same places, per layer."""
        queries = self.players.generator.features(fake)
        with torch.no_grad():
            keys = self.players.generator.features(real)
        places = draw_places(queries, self.config.patches, rng)
        return list(zip(projector(queries, places), projector(keys, places), strict=True))


def translate(
    generator: Generator, batch: Batch, memory_format: torch.memory_format = torch.contiguous_format
) -> Fakes:
    """All of a batch's photos in one pass."""
    photos = [batch.paired_photo] if batch.photo is None else [batch.paired_photo, batch.photo]
    fakes = generator(torch.cat(photos).contiguous(memory_format=memory_format))
    return Fakes(*fakes.split(len(batch.paired_photo)))


def bend(model: Generator, photo: Tensor, rng: torch.Generator) -> Tensor:
    """How much the trajectories of one ODE block, drawn at random, bend up to a random moment."""
    index = int(torch.randint(len(model.bottleneck), (), generator=rng))
    moment = float(torch.rand((), generator=rng))
    with torch.no_grad():  # the block should be straight where it is; what comes before need not move
        h = model.encoder(photo)
        for block in model.bottleneck[:index]:
            h = block(h)
    block = model.bottleneck[index]
    assert isinstance(block, ODEBlock)
    return block.bend(h, moment)
