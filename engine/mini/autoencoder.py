"""The autoencoder of the small model: both halves learn to reconstruct.

Decoder fine-tuning follows, which keeps the encoder, so that latents stay valid: `sharpen` against a small patch
discriminator, `finish` also on latents that were drawn.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn
from torch.nn import functional as F

from engine.images import from_array, from_bytes
from engine.mini import networks
from engine.mini.networks import FACTOR
from engine.scenes.shards import SceneData
from engine.training.config import at_least, average_decay, learning_rate, multiple, require, share
from engine.training.image_losses import loss_edges
from engine.training.loop import Log, average_of, averaged_weights, generator_of, train, trapezoid
from engine.training.optimizing import set_learning_rate, update
from engine.training.parallel import Ranks

REPORTED = 32  # held-out pictures


@dataclass(frozen=True)
class Config:
    """Settings of the autoencoder's training.

    Attributes:
        steps: optimizer steps in all, 1 or more.
        batch_size: crops per process and step.
        crop: pixels of a crop's side, a multiple of 32.
        learning_rate: of AdamW at its plateau, between 0 and 1.
        kl_weight: of the mean KL divergence per latent number, in nats; 0 or more.
        edge_weight, area_weight: of the L1 distance between gradients, and between 8 px means; 0 or more.
        equivariance: share of the steps that halve the latents and ask for the halved picture (Kouzelis et
            al. 2025, EQ-VAE): latents that keep their meaning are easier to learn for a diffusion model.
        average: decay of the weights' average, 0 to below 1.
        seed: of everything random.

    Raises:
        InvalidRequest: values out of range; all are reported together.
    """

    steps: int = 6000
    batch_size: int = 4
    crop: int = 128
    learning_rate: float = 1.2e-3
    kl_weight: float = 1e-4
    edge_weight: float = 0.5
    area_weight: float = 0.5
    equivariance: float = 0.25
    average: float = 0.998
    seed: int = 0

    def __post_init__(self) -> None:
        rules = {
            "steps": at_least(self.steps, 1),
            "batch_size": at_least(self.batch_size, 1),
            "crop": multiple(self.crop, 2 * FACTOR, 2 * FACTOR),  # latents are halved
            "learning_rate": learning_rate(self.learning_rate),
            "kl_weight": at_least(self.kl_weight, 0),
            "edge_weight": at_least(self.edge_weight, 0),
            "area_weight": at_least(self.area_weight, 0),
            "equivariance": share(self.equivariance),
            "average": average_decay(self.average),
        }
        require(self, rules)


CUDA = Config(steps=3600, batch_size=16, crop=256)


def loss_reconstruction(preds: Tensor, target: Tensor, config: Config) -> Tensor:
    """Mean absolute distance of pixels, of their gradients and of their 8 px means.

    Args:
        preds, target: (N, 3, H, W) in [-1, 1].
    """
    error = preds - target
    areas = F.avg_pool2d(error, 8).abs().mean()
    return error.abs().mean() + config.edge_weight * loss_edges(preds, target) + config.area_weight * areas


def loss_kl(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL divergence from N(mu, exp(logvar)) to N(0, 1), mean per number, in nats."""
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar).mean()


def _losses(model: AutoencoderKL, pixels: Tensor, config: Config, generator: torch.Generator) -> dict[str, Tensor]:
    mu, logvar = model.quant_conv(model.encoder(pixels)).float().chunk(2, dim=1)
    logvar = logvar.clamp(-20, 10)
    latents = mu + torch.randn(mu.shape, generator=generator).to(mu.device) * (0.5 * logvar).exp()
    if torch.rand((), generator=generator) < config.equivariance:
        latents, pixels = F.avg_pool2d(latents, 2), F.avg_pool2d(pixels, 2)
    elif torch.rand((), generator=generator) < 0.5:
        latents, pixels = latents.flip(-1), pixels.flip(-1)  # so that flipped latents are latents of flipped pictures
    preds = model.decoder(model.post_quant_conv(latents)).float()
    reconstruction, kl = loss_reconstruction(preds, pixels, config), loss_kl(mu, logvar)
    return {"loss": reconstruction + config.kl_weight * kl, "loss_reconstruction": reconstruction, "kl": kl}


def crops(data: SceneData, count: int, size: int, generator: torch.Generator, device: torch.device) -> Tensor:
    """Random crops, half of them flipped: (N, 3, size, size) float32 in [-1, 1], channels last."""
    indices = torch.randint(len(data), (count,), generator=generator).tolist()
    places = torch.randint(data.size - size + 1, (count, 2), generator=generator).tolist()
    pictures = data.pictures(indices)
    cut = [picture[y : y + size, x : x + size] for picture, (y, x) in zip(pictures, places, strict=True)]
    pixels = from_bytes(torch.from_numpy(np.stack(cut)).to(device))
    flipped = torch.rand((count, 1, 1, 1), generator=generator).to(device) < 0.5
    return torch.where(flipped, pixels.flip(-1), pixels).contiguous(memory_format=torch.channels_last)


def mean_latents(model: AutoencoderKL, pixels: Tensor) -> Tensor:
    """(N, C, H / 16, W / 16): the middle of what the encoder says of pictures (N, 3, H, W) in [-1, 1]."""
    return model.quant_conv(model.encoder(pixels)).chunk(2, dim=1)[0]


@torch.no_grad()
def report(model: AutoencoderKL, held_out: SceneData, log: Log, step: int) -> None:
    """Write the mean PSNR in dB on held-out pictures, and a sheet of originals above reconstructions."""
    pixels = from_array(held_out.pictures(range(REPORTED))).contiguous(memory_format=torch.channels_last)
    pixels = pixels.to(next(model.parameters()).device)
    mu = mean_latents(model, pixels)
    preds = model.decoder(model.post_quant_conv(mu)).clamp(-1, 1)
    psnr = (10 * torch.log10(4 / (preds - pixels).square().mean((1, 2, 3)))).mean().item()
    log.numbers(step, {"held_out/psnr": psnr, "held_out/latent_std": mu.std().item()})
    rows = [torch.cat(list(part[:6]), dim=-1) for part in (pixels, preds)]
    log.picture(step, "reconstructions", torch.cat(rows, dim=-2))


def with_decoder(model: AutoencoderKL, decoder: nn.ModuleList) -> AutoencoderKL:
    """A view of the model whose latents go through another decoder; nothing is copied.

    Args:
        decoder: `post_quant_conv` and `decoder`.
    """
    view = AutoencoderKL.__new__(AutoencoderKL)
    nn.Module.__init__(view)
    view.encoder, view.quant_conv = model.encoder, model.quant_conv
    view.post_quant_conv, view.decoder = decoder
    return view


def with_trained_decoder(model: AutoencoderKL, folder: Path) -> AutoencoderKL:
    """The autoencoder with the averaged decoder of a run that trained only that."""
    nn.ModuleList([model.post_quant_conv, model.decoder]).load_state_dict(averaged_weights(folder))
    return model


def run(ranks: Ranks, config: Config, folder: Path, data: SceneData, held_out: SceneData) -> None:
    """Train, or go on; see `loop.averaged_weights`."""
    torch.manual_seed(config.seed)
    model = networks.autoencoder().to(ranks.device, memory_format=torch.channels_last)
    average = average_of(model, config.average)
    optimizer = torch.optim.AdamW(model.parameters(), config.learning_rate, betas=(0.9, 0.99), weight_decay=1e-3)
    log = Log(folder, quiet=not ranks.first)

    def step(number: int) -> dict[str, float]:
        set_learning_rate(config.learning_rate * trapezoid(number, config.steps, warm_up=100), optimizer)
        generator = generator_of(config.seed, number, ranks)
        pixels = crops(data, config.batch_size, config.crop, generator, ranks.device)
        with ranks.autocast():
            losses = _losses(model, pixels, config, generator)
        update(optimizer, losses["loss"], ranks)
        average.update_parameters(model)
        return {name: value.item() for name, value in losses.items()}

    def look(number: int) -> None:
        report(average.module, held_out, log, number)

    state = {"model": model, "average": average, "optimizer": optimizer}
    settings = ranks.settings(config, pictures=len(data))
    train(folder, config.steps, state, settings, step, ranks=ranks, log=log, look=look, look_every=500)
