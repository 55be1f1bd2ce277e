"""Texture for the autoencoder's decoder: what mean errors blur, a patch discriminator asks back.

The encoder stays as it is, so latents made before stay valid. The losses are those of VQGAN (Esser et al. 2021):
hinge losses and VGG19 features, the latter on a GPU only because they cost more than all the rest on a CPU, and the
distance between the discriminator's own features (Wang et al. 2018, pix2pixHD, equation 4).
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from engine.metrics.vgg19 import load_vgg19
from engine.mini import autoencoder
from engine.mini.autoencoder import crops, loss_reconstruction, with_decoder
from engine.scenes.shards import SceneData
from engine.training.image_losses import loss_vgg19
from engine.training.loop import Log, average_of, generator_of, train
from engine.training.parallel import Ranks

VGG19_LAYERS = ("relu2_2", "relu3_4")


@dataclass(frozen=True)
class Config:
    """Settings of the second stage.

    Attributes:
        steps: optimizer steps in all.
        batch_size: crops per process and step.
        crop: pixels of a crop's side.
        learning_rate: of both optimizers.
        gan_weight: of the adversarial loss.
        features_weight: of the distance between the discriminator's features.
        perceptual_weight: of the distance between VGG19 features; 0 leaves the network out.
        alone: steps in which the discriminator learns and the decoder only reconstructs; both weights then
            rise over as many steps.
        average: decay of the decoder's average.
        seed: of everything random.
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


CUDA = Config(batch_size=16, crop=256, perceptual_weight=0.1)


class PatchDiscriminator(nn.Module):
    """One verdict for every patch of 38 pixels (Isola et al. 2017), spectrally normalized."""

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        layers = [(3, width, 2), (width, 2 * width, 2), (2 * width, 4 * width, 2)]
        self.blocks = nn.ModuleList(
            nn.Sequential(spectral_norm(nn.Conv2d(i, o, 4, stride, 1)), nn.LeakyReLU(0.2)) for i, o, stride in layers
        )
        self.verdict = spectral_norm(nn.Conv2d(4 * width, 1, 3, 1, 1))

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """Features of every layer, then the verdicts (N, 1, H/8, W/8), of (N, 3, H, W) in [-1, 1]."""
        features = []
        for block in self.blocks:
            pixels = block(pixels)
            features.append(pixels)
        return [*features, self.verdict(pixels)]


def loss_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Hinge loss of verdicts: real ones should be above 1, fake ones below -1."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def loss_features(real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    """Mean absolute distance between the discriminator's features, mean over layers."""
    return torch.stack([F.l1_loss(f, r.detach()) for r, f in zip(real, fake, strict=True)]).mean()


def run(ranks: Ranks, config: Config, folder: Path, model: AutoencoderKL, data: SceneData, held_out: SceneData) -> None:
    """Train the decoder, or go on; see `autoencoder.with_trained_decoder`."""
    torch.manual_seed(config.seed)
    model = copy.deepcopy(model).to(ranks.device, memory_format=torch.channels_last).requires_grad_(False)
    discriminator = PatchDiscriminator().to(ranks.device, memory_format=torch.channels_last)
    vgg = load_vgg19().to(ranks.device) if config.perceptual_weight else None
    decoder = nn.ModuleList([model.post_quant_conv, model.decoder]).requires_grad_(True)
    average = average_of(decoder, config.average)
    optimizers = [
        torch.optim.Adam(part.parameters(), config.learning_rate, betas=(0.5, 0.95))
        for part in (decoder, discriminator)
    ]
    log = Log(folder, quiet=not ranks.first)
    losses_of_pixels = autoencoder.Config()

    def step(number: int) -> dict[str, float]:
        generator = generator_of(config.seed, number, ranks)
        pixels = crops(data, config.batch_size, config.crop, generator, ranks.device)
        with ranks.autocast():
            with torch.no_grad():
                latents = model.quant_conv(model.encoder(pixels)).chunk(2, dim=1)[0]
            preds = model.decoder(model.post_quant_conv(latents)).float()

        # Decoder: faithful, and hard to tell from real.
        discriminator.requires_grad_(False)
        with ranks.autocast():
            *real_features, _ = discriminator(pixels)
            *fake_features, fake = discriminator(preds)
            perceptual = loss_vgg19(vgg, VGG19_LAYERS, preds, pixels) if vgg else torch.zeros((), device=ranks.device)
        ramp = min(1.0, max(0.0, (number - config.alone) / config.alone))
        reconstruction = loss_reconstruction(preds, pixels, losses_of_pixels)
        features, gan = loss_features(real_features, fake_features), -fake.mean()
        loss = reconstruction + ramp * (config.features_weight * features + config.gan_weight * gan)
        loss += config.perceptual_weight * perceptual
        _update(optimizers[0], decoder, loss, ranks)
        average.update_parameters(decoder)

        # Discriminator: tell them apart.
        discriminator.requires_grad_(True)
        with ranks.autocast():
            real, fake = discriminator(pixels)[-1], discriminator(preds.detach())[-1]
        loss_verdicts = loss_discriminator(real.float(), fake.float())
        _update(optimizers[1], discriminator, loss_verdicts, ranks)
        return {
            "loss_reconstruction": reconstruction.item(),
            "loss_features": features.item(),
            "loss_gan": gan.item(),
            "loss_perceptual": perceptual.item(),
            "loss_discriminator": loss_verdicts.item(),
        }

    def look(number: int) -> None:
        autoencoder.report(with_decoder(model, average.module), held_out, log, number)

    state = {"decoder": decoder, "average": average, "discriminator": discriminator}
    state |= {"optimizer": optimizers[0], "optimizer_discriminator": optimizers[1]}
    settings = ranks.settings(config, pictures=len(data))
    train(folder, config.steps, state, settings, step, ranks=ranks, log=log, look=look, look_every=500)


def _update(optimizer: torch.optim.Optimizer, model: nn.Module, loss: Tensor, ranks: Ranks) -> None:
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    ranks.mean_gradients(model.parameters())
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
