"""The decoder's last lesson: texture, also for the latents that the model draws.

A decoder that learned from encoded pictures paints smoothly, and more so what the denoiser made. Here it learns two
things at once. Encoded crops must come back with the original's VGG19 features (Johnson et al. 2016). Drawn latents
have no original, so their pictures are compared with renders as a set: the Frechet distance between features pooled
over windows is the loss (Mathiasen and Hvilshøj 2020). It needs many pictures at a time, so the features of earlier
steps are remembered, as moving averages are by Santos et al. 2019. Encoder and denoiser stay as they are.
"""

import copy
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn
from torch.nn import functional as F

from engine.atomic import replacing
from engine.images import from_array
from engine.metrics.frechet import Gaussian, gaussian_of, squared_distance
from engine.metrics.vgg19 import Vgg19, load_vgg19
from engine.scenes.shards import SceneData
from engine.training import autoencoder
from engine.training.autoencoder import crops, loss_reconstruction, with_decoder
from engine.training.image_losses import loss_vgg19
from engine.training.loop import Log, average_of, generator_of, train, trapezoid
from engine.training.parallel import Ranks

PAIRED_LAYERS = ("relu2_2", "relu3_4", "relu4_4")
POOLED_LAYERS = ("relu4_4", "relu5_4")  # 512 numbers each


@dataclass(frozen=True)
class Config:
    """Settings of the last stage of the decoder.

    Attributes:
        steps: optimizer steps in all.
        batch_size: encoded crops per process and step.
        crop: pixels of a crop's side.
        drawn_batch_size: drawn pictures per process and step.
        window: pixels of the side of a random window of a drawn picture or a render, whose features count.
        real: renders whose features are the aim; at most twice as many as there are drawings.
        bank: features of the pictures drawn last that are kept; at most as many as there are drawings.
        learning_rate: of Adam at its plateau.
        perceptual_weight: of the distance between VGG19 features of encoded crops and their originals.
        areas_weight: of the L1 distance between 8 px means of a drawn picture, now and before this stage.
        frechet_weight: of the Frechet distance, in units of the renders' variance.
        average: decay of the decoder's average.
        seed: of everything random.
    """

    steps: int = 640
    batch_size: int = 2
    crop: int = 128
    drawn_batch_size: int = 2
    window: int = 192
    real: int = 640
    bank: int = 320
    learning_rate: float = 4e-4
    perceptual_weight: float = 0.2
    areas_weight: float = 1.0
    frechet_weight: float = 0.3
    average: float = 0.98
    seed: int = 4


CUDA = Config(batch_size=16, crop=256, drawn_batch_size=16)


class MemoryBank(nn.Module):
    """Features of the pictures that were drawn last, as if all had been drawn now.

    Args:
        aims: of the renders' features, for each of L layers.
        fake_features: (L, K, D) to begin with.
    """

    fake_features: Tensor

    def __init__(self, aims: Sequence[Gaussian], fake_features: Tensor) -> None:
        super().__init__()
        self._aims = [aim.compact() for aim in aims]
        self.register_buffer("fake_features", fake_features)

    def loss(self, features: Tensor) -> Tensor:
        """Frechet distance in units of the renders' variance, mean over layers.

        Its gradient is that of the mean over `features`, as if every kept picture were drawn anew. With fewer
        pictures than dimensions the distance is too high, also between equal sets.

        Args:
            features: (L, n, D) of pictures just drawn, n < K; they take the place of the oldest.
        """
        known = torch.cat([self.fake_features[:, features.shape[1] :], features], 1)
        parts = [
            squared_distance(aim, gaussian_of(layer)) / aim.root.square().sum()
            for aim, layer in zip(self._aims, known, strict=True)
        ]
        loss = torch.stack(parts).mean()
        share = known.shape[1] / features.shape[1]
        return loss * share - (loss * (share - 1)).detach()  # the value of one, the gradient of `share`

    def keep(self, features: Tensor) -> None:
        """Take (L, n, D) features in place of the oldest."""
        self.fake_features = torch.cat([self.fake_features, features], 1)[:, -self.fake_features.shape[1] :]


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
        drawings: (N, C, h, w) float16 latents that the model drew.
        digest: of that model; with another one the run does not go on.
    """
    torch.manual_seed(config.seed)
    model = copy.deepcopy(model).to(ranks.device, memory_format=torch.channels_last).requires_grad_(False)
    original = nn.ModuleList([model.post_quant_conv, model.decoder])
    decoder = copy.deepcopy(original).requires_grad_(True)
    vgg = load_vgg19().to(ranks.device)
    settings = ranks.settings(config, pictures=len(data), drawings=len(drawings), model=digest)
    bank = _bank(ranks, config, folder / f"features-{_digest(settings)}.npz", vgg, original, data, drawings)
    average = average_of(decoder, config.average)
    optimizer = torch.optim.Adam(decoder.parameters(), config.learning_rate, betas=(0.9, 0.95))
    log = Log(folder, quiet=not ranks.first)
    losses_of_pixels = autoencoder.Config()

    def learn_encoded(generator: torch.Generator) -> dict[str, Tensor]:
        """Encoded crops: the same picture again."""
        pixels = crops(data, config.batch_size, config.crop, generator, ranks.device)
        with ranks.autocast():
            with torch.no_grad():
                latents = model.quant_conv(model.encoder(pixels)).chunk(2, dim=1)[0]
            preds = _decoded(decoder, latents)
            perceptual = loss_vgg19(vgg, PAIRED_LAYERS, preds, pixels)
        reconstruction = loss_reconstruction(preds, pixels, losses_of_pixels)
        (reconstruction + config.perceptual_weight * perceptual).backward()
        return {"loss_reconstruction": reconstruction, "loss_perceptual": perceptual}

    def learn_drawn(generator: torch.Generator) -> dict[str, Tensor]:
        """Drawn latents: the same areas as before, and as a set like renders."""
        indices = torch.randint(len(drawings), (config.drawn_batch_size,), generator=generator)
        latents = drawings[indices].float().to(ranks.device)
        if torch.rand((), generator=generator) < 0.5:
            latents = latents.flip(-1)
        with ranks.autocast():
            with torch.no_grad():
                wanted = F.avg_pool2d(_decoded(original, latents), 8)
            preds = _decoded(decoder, latents)
            features = _pooled(vgg, _window(preds, config.window, generator))
        areas = (F.avg_pool2d(preds, 8) - wanted).abs().mean()
        frechet = bank.loss(features)
        (config.areas_weight * areas + config.frechet_weight * frechet).backward()
        bank.keep(_gathered(ranks, features))
        return {"loss_areas": areas, "loss_frechet": frechet}

    def step(number: int) -> dict[str, float]:
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * trapezoid(number, config.steps, warm_up=20)
        generator = generator_of(config.seed, number, ranks)
        optimizer.zero_grad(set_to_none=True)
        losses = learn_encoded(generator) | learn_drawn(generator)
        ranks.mean_gradients(decoder.parameters())
        torch.nn.utils.clip_grad_norm_(decoder.parameters(), 1.0)
        optimizer.step()
        average.update_parameters(decoder)
        return {name: loss.item() for name, loss in losses.items()}

    @torch.no_grad()
    def look(number: int) -> None:
        log.picture(number, "drawings", _sheet([original, average.module], drawings[:6].float().to(ranks.device)))
        autoencoder.report(with_decoder(model, average.module), held_out, log, number)

    state = {"decoder": decoder, "average": average, "bank": bank, "optimizer": optimizer}
    train(folder, config.steps, state, settings, step, ranks=ranks, log=log, look=look, look_every=100)


def _decoded(decoder: nn.ModuleList, latents: Tensor) -> Tensor:
    post_quant_conv, layers = decoder
    return layers(post_quant_conv(latents)).float().contiguous(memory_format=torch.channels_last)


def _pooled(vgg: Vgg19, pixels: Tensor) -> Tensor:
    """(L, N, 512) float32: the mean over the picture in every pooled layer."""
    maps = vgg(pixels, POOLED_LAYERS)
    return torch.stack([maps[layer].float().mean((2, 3)) for layer in POOLED_LAYERS])


def _window(pixels: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """A random square, the same of all pictures."""
    height, width = pixels.shape[-2:]
    top = int(torch.randint(height - size + 1, (), generator=generator))
    left = int(torch.randint(width - size + 1, (), generator=generator))
    return pixels[..., top : top + size, left : left + size].contiguous(memory_format=torch.channels_last)


def _gathered(ranks: Ranks, features: Tensor) -> Tensor:
    """(L, N, D) of all processes from the (L, n, D) of each; without gradient."""
    return ranks.gathered(features.transpose(0, 1)).transpose(0, 1)


@torch.no_grad()
def _bank(
    ranks: Ranks, config: Config, file: Path, vgg: Vgg19, decoder: nn.ModuleList, data: SceneData, drawings: Tensor
) -> MemoryBank:
    """What the run begins with; minutes of work, kept in a file so that going on has it at once."""

    def render(places: list[int]) -> Tensor:
        return from_array(data.pictures(places)).to(ranks.device)

    def drawing(places: list[int]) -> Tensor:
        return _decoded(decoder, drawings[places].float().to(ranks.device))

    def features(make: Callable[[list[int]], Tensor], count: int) -> Tensor:
        """(L, N, 512), worked out by all processes in turns of two pictures; N is `count`, or a little less."""
        parts = []
        for place in range(0, count - 2 * ranks.size + 1, 2 * ranks.size):
            generator = generator_of(config.seed, place, ranks)
            pixels = make([place + 2 * ranks.rank, place + 2 * ranks.rank + 1])
            with ranks.autocast():
                parts.append(_pooled(vgg, _window(pixels, config.window, generator)))
        return _gathered(ranks, torch.cat(parts, 1))

    if not ranks.agree(file.exists()):
        real = features(render, min(config.real, 2 * len(drawings)))
        fake = features(drawing, min(config.bank, len(drawings)))
        if ranks.first:
            file.parent.mkdir(parents=True, exist_ok=True)
            with replacing(file) as scratch:
                np.savez(scratch, real=real.cpu().numpy(), fake=fake.cpu().numpy())
        ranks.agree(True)  # the others wait for the file
    with np.load(file) as stored:
        real, fake = (torch.from_numpy(stored[name]).to(ranks.device) for name in ("real", "fake"))
    return MemoryBank([gaussian_of(layer) for layer in real], fake)


def _digest(settings: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]


def _sheet(decoders: list[nn.ModuleList], latents: Tensor) -> Tensor:
    """(3, rows H, N W) in [-1, 1]: a row for each decoder."""
    rows = [torch.cat(list(_decoded(decoder, latents).clamp(-1, 1)), dim=-1) for decoder in decoders]
    return torch.cat(rows, dim=-2)
