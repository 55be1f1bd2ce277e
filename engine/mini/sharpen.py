"""Decoder fine-tuning for texture: what mean errors blur, a patch discriminator asks back.

The encoder stays as it is, so latents made before stay valid. The losses are those of VQGAN (Esser et al. 2021):
hinge losses and VGG19 features, the latter on a GPU only because they cost more than all the rest on a CPU, and the
distance between the discriminator's own features (Wang et al. 2018, pix2pixHD, equation 4).
"""

import copy
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn

from engine.metrics.vgg19 import Vgg19Features, load_vgg19
from engine.mini import autoencoder
from engine.mini.autoencoder import crops, loss_reconstruction, mean_latents, with_decoder
from engine.mini.discriminator import SpectralPatchDiscriminator, loss_features
from engine.mini.networks import FACTOR
from engine.scenes.shards import SceneData
from engine.training.adversarial_losses import loss_discriminator_hinge, loss_gan_hinge
from engine.training.config import at_least, average_decay, learning_rate, multiple, require
from engine.training.image_losses import loss_vgg19
from engine.training.loop import Log, average_of, generator_of, train
from engine.training.optimizing import ramp, update
from engine.training.parallel import Ranks

VGG19_LAYERS = ("relu2_2", "relu3_4")


@dataclass(frozen=True)
class Config:
    """Settings of the first decoder fine-tuning.

    Attributes:
        steps: optimizer steps in all, 1 or more.
        batch_size: crops per process and step.
        crop: pixels of a crop's side, a multiple of 16.
        learning_rate: of both optimizers, between 0 and 1.
        gan_weight: of the adversarial loss, 0 or more.
        features_weight: of the distance between the discriminator's features, 0 or more.
        perceptual_weight: of the distance between VGG19 features; 0 leaves the network out.
        alone: steps in which the discriminator learns and the decoder only reconstructs; both weights then
            rise over as many steps.
        average: decay of the decoder's average, 0 to below 1.
        seed: of everything random.

    Raises:
        InvalidRequest: values out of range; all are reported together.
    """

    steps: int = 2500
    batch_size: int = 4
    crop: int = 128
    learning_rate: float = 4e-4
    gan_weight: float = 0.05
    features_weight: float = 0.5
    perceptual_weight: float = 0.0
    alone: int = 150
    average: float = 0.998
    seed: int = 3

    def __post_init__(self) -> None:
        rules = {
            "steps": at_least(self.steps, 1),
            "batch_size": at_least(self.batch_size, 1),
            "crop": multiple(self.crop, FACTOR, FACTOR),
            "learning_rate": learning_rate(self.learning_rate),
            "gan_weight": at_least(self.gan_weight, 0),
            "features_weight": at_least(self.features_weight, 0),
            "perceptual_weight": at_least(self.perceptual_weight, 0),
            "alone": at_least(self.alone, 0),
            "average": average_decay(self.average),
        }
        require(self, rules)


CUDA = Config(batch_size=16, crop=256, perceptual_weight=0.1)


@dataclass(frozen=True)
class Objective:
    """The losses of a run, by name.

    Attributes:
        vgg: None where its loss has no weight.
    """

    config: Config
    ranks: Ranks
    discriminator: SpectralPatchDiscriminator
    vgg: Vgg19Features | None

    def decoder_losses(self, preds: Tensor, pixels: Tensor) -> dict[str, Tensor]:
        """Faithful, and hard to tell from real; without weights.

        Args:
            preds, pixels: (N, 3, H, W) float32, decoded and original; the latter in [-1, 1].
        """
        with self.ranks.autocast():
            *real_features, _ = self.discriminator(pixels)
            *fake_features, fake = self.discriminator(preds)
            perceptual = loss_vgg19(self.vgg, VGG19_LAYERS, preds, pixels) if self.vgg else preds.new_zeros(())
        return {
            "loss_reconstruction": loss_reconstruction(preds, pixels, autoencoder.Config()),
            "loss_features": loss_features(real_features, fake_features),
            "loss_gan": loss_gan_hinge(fake),
            "loss_perceptual": perceptual,
        }

    def weighted(self, losses: dict[str, Tensor], number: int) -> Tensor:
        """What the decoder's step number `number` goes down: the sum of `decoder_losses`, as the settings weigh it."""
        config = self.config
        adversarial = config.features_weight * losses["loss_features"] + config.gan_weight * losses["loss_gan"]
        loss = losses["loss_reconstruction"] + ramp(number, config.alone) * adversarial
        return loss + config.perceptual_weight * losses["loss_perceptual"]

    def discriminator_loss(self, preds: Tensor, pixels: Tensor) -> Tensor:
        """Tell them apart."""
        with self.ranks.autocast():
            real, fake = self.discriminator(pixels)[-1], self.discriminator(preds.detach())[-1]
        return loss_discriminator_hinge(real.float(), fake.float())


def run(ranks: Ranks, config: Config, folder: Path, model: AutoencoderKL, data: SceneData, held_out: SceneData) -> None:
    """Train the decoder, or go on; see `autoencoder.with_trained_decoder`."""
    torch.manual_seed(config.seed)
    model = copy.deepcopy(model).to(ranks.device, memory_format=torch.channels_last).requires_grad_(False)
    discriminator = SpectralPatchDiscriminator().to(ranks.device, memory_format=torch.channels_last)
    vgg = load_vgg19().to(ranks.device) if config.perceptual_weight else None
    objective = Objective(config, ranks, discriminator, vgg)
    decoder = nn.ModuleList([model.post_quant_conv, model.decoder]).requires_grad_(True)
    average = average_of(decoder, config.average)
    optimizer, optimizer_discriminator = (
        torch.optim.Adam(part.parameters(), config.learning_rate, betas=(0.5, 0.95))
        for part in (decoder, discriminator)
    )
    log = Log(folder, quiet=not ranks.first)

    def step(number: int) -> dict[str, float]:
        generator = generator_of(config.seed, number, ranks)
        pixels = crops(data, config.batch_size, config.crop, generator, ranks.device)
        with ranks.autocast():
            with torch.no_grad():
                latents = mean_latents(model, pixels)
            preds = model.decoder(model.post_quant_conv(latents)).float()

        # Decoder.
        discriminator.requires_grad_(False)
        losses = objective.decoder_losses(preds, pixels)
        update(optimizer, objective.weighted(losses, number), ranks)
        average.update_parameters(decoder)

        # Discriminator.
        discriminator.requires_grad_(True)
        losses["loss_discriminator"] = objective.discriminator_loss(preds, pixels)
        update(optimizer_discriminator, losses["loss_discriminator"], ranks)
        return {name: loss.item() for name, loss in losses.items()}

    def look(number: int) -> None:
        autoencoder.report(with_decoder(model, average.module), held_out, log, number)

    state = {"decoder": decoder, "average": average, "discriminator": discriminator}
    state |= {"optimizer": optimizer, "optimizer_discriminator": optimizer_discriminator}
    settings = ranks.settings(config, pictures=len(data))
    train(folder, config.steps, state, settings, step, ranks=ranks, log=log, look=look, look_every=500)
