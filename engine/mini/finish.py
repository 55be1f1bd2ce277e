"""Decoder fine-tuning once more: texture also for the latents that the model draws.

A decoder that learned from encoded pictures paints smoothly, and more so what the denoiser made. Here it gets more
channels where pixels are finest, and learns two things at once. Encoded crops must come back with the original's VGG19
features (Johnson et al. 2016). Drawn latents have no original, so their pictures are compared with renders as a set,
see `transport`. Pooled features do not tell where a texture lies; a patch discriminator does. The encoder computes what
it did, up to rounding to float16, and the denoiser stays as it is.
"""

import copy
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn

from engine.metrics.vgg19 import Vgg19Features, load_vgg19
from engine.mini import autoencoder
from engine.mini.autoencoder import crops, loss_reconstruction, mean_latents, with_decoder
from engine.mini.discriminator import SpectralPatchDiscriminator
from engine.mini.features import Beginning, areas, decoded, pooled, windows
from engine.mini.networks import FACTOR
from engine.mini.transport import Transport
from engine.mini.widening import widened_autoencoder
from engine.scenes.shards import SceneData
from engine.training.adversarial_losses import loss_discriminator_hinge, loss_gan_hinge
from engine.training.config import at_least, average_decay, learning_rate, multiple, require
from engine.training.image_losses import loss_vgg19
from engine.training.loop import Log, average_of, check_settings, generator_of, train, trapezoid
from engine.training.optimizing import apply_gradients, ramp, set_learning_rate, update
from engine.training.parallel import Ranks

WIDTHS = (16, 32, 48, 96, 128)  # of the blocks; twice as wide as before at 256 and 128 px, where it costs little
PAIRED_LAYERS = ("relu2_2", "relu3_4", "relu4_4")


@dataclass(frozen=True)
class Config:
    """Settings of the second decoder fine-tuning.

    Attributes:
        steps: optimizer steps in all, 1 or more.
        batch_size: encoded crops per process and step.
        crop: pixels of a crop's side, a multiple of 16.
        drawn_batch_size: drawn pictures per process and step.
        window: pixels of the side of the window of each drawn picture or render whose features count, 16 or more.
        real: renders whose features are the aim; at most four times as many as there are drawings, 2 or more.
        aim_every: steps after which the targets of the drawn pictures' features are worked out anew.
        learning_rate: of Adam after the first steps, for decoder and discriminator; between 0 and
            1, it falls to a fiftieth.
        perceptual_weight: of the distance between VGG19 features of encoded crops and their originals.
        areas_weight: of the L1 distance between 8 px means of a drawn picture, now and before the run.
        transport_weight: of the distance to those targets, in units of the renders' variance.
        gan_weight: of the adversarial loss of windows of drawn pictures.
        alone: steps in which the discriminator learns and the decoder does without it; `gan_weight` then rises over
            as many steps.
        average: decay of the decoder's average, 0 to below 1.
        seed: of everything random.

    Raises:
        InvalidRequest: values out of range; all are reported together.
    """

    steps: int = 2000
    batch_size: int = 1
    crop: int = 128
    drawn_batch_size: int = 3
    window: int = 192
    real: int = 2048
    aim_every: int = 32
    learning_rate: float = 2e-4
    perceptual_weight: float = 0.2
    areas_weight: float = 1.0
    transport_weight: float = 0.3
    gan_weight: float = 0.05
    alone: int = 100
    average: float = 0.99
    seed: int = 4

    def __post_init__(self) -> None:
        rules = {
            "steps": at_least(self.steps, 1),
            "batch_size": at_least(self.batch_size, 1),
            "crop": multiple(self.crop, FACTOR, FACTOR),
            "drawn_batch_size": at_least(self.drawn_batch_size, 1),
            "window": at_least(self.window, 16),
            "real": at_least(self.real, 2),
            "aim_every": at_least(self.aim_every, 1),
            "learning_rate": learning_rate(self.learning_rate),
            "perceptual_weight": at_least(self.perceptual_weight, 0),
            "areas_weight": at_least(self.areas_weight, 0),
            "transport_weight": at_least(self.transport_weight, 0),
            "gan_weight": at_least(self.gan_weight, 0),
            "alone": at_least(self.alone, 0),
            "average": average_decay(self.average),
        }
        require(self, rules)


CUDA = Config(batch_size=16, crop=256, drawn_batch_size=16)


@dataclass(frozen=True)
class Objective:
    """The losses of a run, by name.

    Attributes:
        discriminator: tells drawn windows from rendered crops.
        drawings: (N, C, h, w) float16 latents that the model drew.
        transport: where the features of their pictures must go.
        areas: (N, 3, H / 8, W / 8) of their pictures as they were before the run.
    """

    config: Config
    ranks: Ranks
    vgg: Vgg19Features
    discriminator: SpectralPatchDiscriminator
    drawings: Tensor
    transport: Transport
    areas: Tensor

    def learn_encoded(self, model: AutoencoderKL, decoder: nn.ModuleList, pixels: Tensor) -> dict[str, Tensor]:
        """Encoded crops: the same picture again. Adds to the decoder's gradients.

        Args:
            pixels: (n, 3, H, W) in [-1, 1].
        """
        with self.ranks.autocast(cpu=True):
            with torch.no_grad():
                latents = mean_latents(model, pixels)
            preds = decoded(decoder, latents)
            perceptual = loss_vgg19(self.vgg, PAIRED_LAYERS, preds, pixels)
        reconstruction = loss_reconstruction(preds, pixels, autoencoder.Config())
        (reconstruction + self.config.perceptual_weight * perceptual).backward()
        return {"loss_reconstruction": reconstruction, "loss_perceptual": perceptual}

    def learn_drawn(
        self, decoder: nn.ModuleList, generator: torch.Generator, gan_weight: float
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Drawn latents: the same areas as before, as a set like renders, and no patch that gives it away.

        Adds to the decoder's gradients, and remembers the features.

        Returns:
            The losses, and the windows of the pictures without gradient.
        """
        config = self.config
        indices = torch.randint(len(self.drawings), (config.drawn_batch_size,), generator=generator)
        latents = self.drawings[indices].float().to(self.ranks.device)
        with self.ranks.autocast(cpu=True):
            preds = decoded(decoder, latents)
            fake = windows(preds, indices, config.window, config.seed)
            features = pooled(self.vgg, fake)
        loss_areas = (areas(preds) - self.areas[indices]).abs().mean()
        loss_transport, gan = self.transport.loss(features, indices), loss_gan_hinge(self.discriminator(fake)[-1])
        loss = config.areas_weight * loss_areas + config.transport_weight * loss_transport + gan_weight * gan
        loss.backward()
        self.transport.keep([self.ranks.gathered(layer) for layer in features], self.ranks.gathered(indices))
        return {"loss_areas": loss_areas, "loss_transport": loss_transport, "loss_gan": gan}, fake.detach()

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """Tell drawn windows from rendered crops."""
        return loss_discriminator_hinge(self.discriminator(real)[-1], self.discriminator(fake)[-1])


def widened(model: AutoencoderKL, config: Config) -> AutoencoderKL:
    """What the run begins with: the same function in more channels."""
    return widened_autoencoder(model, WIDTHS, torch.Generator().manual_seed(config.seed))


def _digest(settings: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]


def _sheet(decoders: list[nn.ModuleList], latents: Tensor) -> Tensor:
    """(3, rows H, N W) in [-1, 1]: a row for each decoder."""
    rows = [torch.cat(list(decoded(decoder, latents).clamp(-1, 1)), dim=-1) for decoder in decoders]
    return torch.cat(rows, dim=-2)


def run(
    ranks: Ranks,
    config: Config,
    folder: Path,
    model: AutoencoderKL,
    data: SceneData,
    held_out: SceneData,
    drawings: Tensor,
    digest: str,
) -> None:
    """Train the decoder, or go on; see `autoencoder.with_trained_decoder`.

    Args:
        model: as `widened` made it.
        drawings: (N, C, h, w) float16 latents that the model drew.
        digest: of that model; with another one the run does not go on.
    """
    torch.manual_seed(config.seed)
    model = copy.deepcopy(model).to(ranks.device, memory_format=torch.channels_last).requires_grad_(False)
    original = nn.ModuleList([model.post_quant_conv, model.decoder])
    decoder = copy.deepcopy(original).requires_grad_(True)
    discriminator = SpectralPatchDiscriminator().to(ranks.device, memory_format=torch.channels_last)
    settings = ranks.settings(config, pictures=len(data), drawings=len(drawings), model=digest)
    check_settings(folder, settings)  # before minutes of work on features
    drawings = torch.cat([drawings, drawings.flip(-1)])  # the more there are, the less the decoder learns by heart
    beginning = Beginning(
        ranks, config.real, config.window, config.seed, load_vgg19().to(ranks.device), original, data, drawings
    )
    transport, areas_before = beginning.read(folder / f"features-{_digest(settings)}.npz")
    objective = Objective(config, ranks, beginning.vgg, discriminator, drawings, transport, areas_before)
    average = average_of(decoder, config.average)
    optimizer = torch.optim.Adam(decoder.parameters(), config.learning_rate, betas=(0.9, 0.95))
    optimizer_discriminator = torch.optim.Adam(discriminator.parameters(), config.learning_rate, betas=(0.5, 0.95))
    log = Log(folder, quiet=not ranks.first)

    def step(number: int) -> dict[str, float]:
        rate = config.learning_rate * trapezoid(number, config.steps, warm_up=20, decay=1.0)
        set_learning_rate(rate, optimizer, optimizer_discriminator)
        generator = generator_of(config.seed, number, ranks)
        if number % config.aim_every == 0:
            transport.aim()
        real = crops(data, config.batch_size, config.crop, generator, ranks.device)

        # Decoder: two losses one after the other, for one graph at a time fits memory.
        discriminator.requires_grad_(False)
        optimizer.zero_grad(set_to_none=True)
        losses = objective.learn_encoded(model, decoder, real)
        more, fake = objective.learn_drawn(decoder, generator, config.gan_weight * ramp(number, config.alone))
        apply_gradients(optimizer, ranks)
        average.update_parameters(decoder)

        # Discriminator.
        discriminator.requires_grad_(True)
        verdicts = objective.discriminator_loss(real, fake)
        update(optimizer_discriminator, verdicts, ranks)
        losses |= more | {"loss_discriminator": verdicts, "frechet": transport.distance}
        return {name: loss.item() for name, loss in losses.items()}

    @torch.no_grad()
    def look(number: int) -> None:
        log.picture(number, "drawings", _sheet([original, average.module], drawings[:6].float().to(ranks.device)))
        autoencoder.report(with_decoder(model, average.module), held_out, log, number)

    state = {"decoder": decoder, "average": average, "transport": transport, "optimizer": optimizer}
    state |= {"discriminator": discriminator, "optimizer_discriminator": optimizer_discriminator}
    train(folder, config.steps, state, settings, step, ranks=ranks, log=log, look=look, look_every=100)
