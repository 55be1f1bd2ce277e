"""The decoder's last lesson: texture, also for the latents that the model draws.

A decoder that learned from encoded pictures paints smoothly, and more so what the denoiser made. Here it gets more
channels where pixels are finest, and learns two things at once. Encoded crops must come back with the original's VGG19
features (Johnson et al. 2016). Drawn latents have no original, so their pictures are compared with renders as a set, by
the Frechet distance between features pooled over windows (as a loss: Mathiasen and Hvilshøj 2020). It needs many
pictures at a time, so what all of them had when they were last drawn is remembered, and each gets a target of its own.
Pooled features do not tell where a texture lies; a patch discriminator does. The encoder computes what it did,
up to rounding to float16, and the denoiser stays as it is.
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

from engine.files import replacing
from engine.images import from_array
from engine.metrics.frechet import Gaussian, gaussian_of, squared_distance
from engine.metrics.vgg19 import Vgg19, load_vgg19
from engine.mini import autoencoder
from engine.mini.autoencoder import crops, loss_reconstruction, with_decoder
from engine.mini.sharpen import PatchDiscriminator, loss_discriminator
from engine.mini.widening import widened_autoencoder
from engine.scenes.shards import SceneData
from engine.training.image_losses import loss_vgg19
from engine.training.loop import Log, average_of, check_settings, generator_of, train, trapezoid
from engine.training.parallel import Ranks

WIDTHS = (16, 32, 48, 96, 128)  # of the blocks; twice as wide as before at 256 and 128 px, where it costs little
PAIRED_LAYERS = ("relu2_2", "relu3_4", "relu4_4")
POOLED_LAYERS = ("relu2_2", "relu3_4", "relu4_4", "relu5_4")  # 128, 256, 512 and 512 numbers
AREA = 8  # pixels of the side of areas that must stay as they were


@dataclass(frozen=True)
class Config:
    """Settings of the last stage of the decoder.

    Attributes:
        steps: optimizer steps in all.
        batch_size: encoded crops per process and step.
        crop: pixels of a crop's side.
        drawn_batch_size: drawn pictures per process and step.
        window: pixels of the side of the window of each drawn picture or render whose features count.
        real: renders whose features are the aim; at most four times as many as there are drawings.
        aim_every: steps after which the targets of the drawn pictures' features are worked out anew.
        learning_rate: of Adam after the first steps, for decoder and discriminator; it falls to a fiftieth.
        perceptual_weight: of the distance between VGG19 features of encoded crops and their originals.
        areas_weight: of the L1 distance between 8 px means of a drawn picture, now and before this stage.
        transport_weight: of the distance to those targets, in units of the renders' variance.
        gan_weight: of the adversarial loss of windows of drawn pictures.
        alone: steps in which the discriminator learns and the decoder does without it; `gan_weight` then rises over
            as many steps.
        average: decay of the decoder's average.
        seed: of everything random.
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


CUDA = Config(batch_size=16, crop=256, drawn_batch_size=16)


class Transport(nn.Module):
    """Where the features of each drawn picture must go, so that all together become like those of renders.

    The gradient of the Frechet distance moves every picture towards its image under the optimal transport map between
    the two Gaussians. That image, worked out from the features that the pictures had when they were last drawn, is
    the target. A target stays while the decoder moves; descending the distance itself does not, and overshoots, for
    most of the pictures that the distance is made of were drawn many steps ago.

    Args:
        aims: of the renders' features, for each of L layers.
        features: (N, D) of each layer, of all drawn pictures to begin with; D may differ.
    """

    distance: Tensor

    def __init__(self, aims: Sequence[Gaussian], features: Sequence[Tensor]) -> None:
        super().__init__()
        self._aims = [aim.compact() for aim in aims]
        self._variances = [aim.root.square().sum() for aim in aims]
        for place, layer in enumerate(features):
            self.register_buffer(f"features_{place}", layer)
            self.register_buffer(f"targets_{place}", layer.clone())
        self.register_buffer("distance", torch.zeros((), dtype=torch.float64))
        self.aim()

    def aim(self) -> None:
        """Work out all targets anew, and `distance`: Frechet, in units of the renders' variance, mean over layers.

        With fewer pictures than dimensions the distance is too high, also between equal sets.
        """
        distances = []
        for place, (aim, variance) in enumerate(zip(self._aims, self._variances, strict=True)):
            features = self._kept("features", place).clone().requires_grad_(True)
            with torch.enable_grad():
                distance = squared_distance(aim, gaussian_of(features))
                (gradient,) = torch.autograd.grad(distance, features)
            self._kept("targets", place).copy_(features.detach() - len(features) / 2 * gradient)
            distances.append(distance.item() / variance.item())
        self.distance.fill_(sum(distances) / len(distances))

    def loss(self, features: Sequence[Tensor], indices: Tensor) -> Tensor:
        """Squared distance to the targets in units of the renders' variance, mean over pictures and layers.

        Args:
            features: (n, D) of each layer.
            indices: (n,) which pictures they are of.
        """
        parts = [
            (new - self._kept("targets", place)[indices]).square().sum(1).mean() / self._variances[place]
            for place, new in enumerate(features)
        ]
        return torch.stack(parts).mean()

    def keep(self, features: Sequence[Tensor], indices: Tensor) -> None:
        """Take (n, D) features of each layer in place of what these pictures had."""
        for place, new in enumerate(features):
            self._kept("features", place)[indices] = new

    def _kept(self, name: str, place: int) -> Tensor:
        return self.get_buffer(f"{name}_{place}")


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
    discriminator = PatchDiscriminator().to(ranks.device, memory_format=torch.channels_last)
    vgg = load_vgg19().to(ranks.device)
    settings = ranks.settings(config, pictures=len(data), drawings=len(drawings), model=digest)
    check_settings(folder, settings)  # before minutes of work on features
    drawings = torch.cat([drawings, drawings.flip(-1)])  # the more there are, the less the decoder learns by heart
    begin = _Beginning(ranks, config, vgg, original, data, drawings)
    transport, areas = begin.read(folder / f"features-{_digest(settings)}.npz")
    average = average_of(decoder, config.average)
    optimizer, optimizer_discriminator = (
        torch.optim.Adam(part.parameters(), config.learning_rate, betas=betas)
        for part, betas in ((decoder, (0.9, 0.95)), (discriminator, (0.5, 0.95)))
    )
    log = Log(folder, quiet=not ranks.first)
    losses_of_pixels = autoencoder.Config()

    def learn_encoded(generator: torch.Generator) -> tuple[dict[str, Tensor], Tensor]:
        """Encoded crops: the same picture again."""
        pixels = crops(data, config.batch_size, config.crop, generator, ranks.device)
        with ranks.autocast(cpu=True):
            with torch.no_grad():
                latents = model.quant_conv(model.encoder(pixels)).chunk(2, dim=1)[0]
            preds = _decoded(decoder, latents)
            perceptual = loss_vgg19(vgg, PAIRED_LAYERS, preds, pixels)
        reconstruction = loss_reconstruction(preds, pixels, losses_of_pixels)
        (reconstruction + config.perceptual_weight * perceptual).backward()
        return {"loss_reconstruction": reconstruction, "loss_perceptual": perceptual}, pixels

    def learn_drawn(generator: torch.Generator, gan_weight: float) -> tuple[dict[str, Tensor], Tensor]:
        """Drawn latents: the same areas as before, as a set like renders, and no patch that gives it away."""
        indices = torch.randint(len(drawings), (config.drawn_batch_size,), generator=generator)
        latents = drawings[indices].float().to(ranks.device)
        with ranks.autocast(cpu=True):
            preds = _decoded(decoder, latents)
            windows = _windows(preds, indices, config)
            features = _pooled(vgg, windows)
        loss_areas = (F.avg_pool2d(preds, AREA) - areas[indices]).abs().mean()
        loss_transport, gan = transport.loss(features, indices), -discriminator(windows)[-1].mean()
        loss = config.areas_weight * loss_areas + config.transport_weight * loss_transport + gan_weight * gan
        loss.backward()
        transport.keep([ranks.gathered(layer) for layer in features], ranks.gathered(indices))
        return {"loss_areas": loss_areas, "loss_transport": loss_transport, "loss_gan": gan}, windows.detach()

    def step(number: int) -> dict[str, float]:
        rate = config.learning_rate * trapezoid(number, config.steps, warm_up=20, decay=1.0)
        for group in [*optimizer.param_groups, *optimizer_discriminator.param_groups]:
            group["lr"] = rate
        generator = generator_of(config.seed, number, ranks)
        if number % config.aim_every == 0:
            transport.aim()
        ramp = min(1.0, max(0.0, (number - config.alone) / max(1, config.alone)))

        # Decoder.
        discriminator.requires_grad_(False)
        optimizer.zero_grad(set_to_none=True)
        losses, real = learn_encoded(generator)
        losses_of_drawn, fake = learn_drawn(generator, config.gan_weight * ramp)
        _update(ranks, optimizer, decoder)
        average.update_parameters(decoder)

        # Discriminator: tell drawn windows from rendered crops.
        discriminator.requires_grad_(True)
        optimizer_discriminator.zero_grad(set_to_none=True)
        loss_verdicts = loss_discriminator(discriminator(real)[-1], discriminator(fake)[-1])
        loss_verdicts.backward()
        _update(ranks, optimizer_discriminator, discriminator)
        losses |= losses_of_drawn | {"loss_discriminator": loss_verdicts, "frechet": transport.distance}
        return {name: loss.item() for name, loss in losses.items()}

    @torch.no_grad()
    def look(number: int) -> None:
        log.picture(number, "drawings", _sheet([original, average.module], drawings[:6].float().to(ranks.device)))
        autoencoder.report(with_decoder(model, average.module), held_out, log, number)

    state = {"decoder": decoder, "average": average, "transport": transport, "optimizer": optimizer}
    state |= {"discriminator": discriminator, "optimizer_discriminator": optimizer_discriminator}
    train(folder, config.steps, state, settings, step, ranks=ranks, log=log, look=look, look_every=100)


def widened(model: AutoencoderKL, config: Config) -> AutoencoderKL:
    """What the stage begins with: the same function in more channels."""
    return widened_autoencoder(model, WIDTHS, torch.Generator().manual_seed(config.seed))


def _update(ranks: Ranks, optimizer: torch.optim.Optimizer, model: nn.Module) -> None:
    ranks.mean_gradients(model.parameters())
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()


def _decoded(decoder: nn.ModuleList, latents: Tensor) -> Tensor:
    post_quant_conv, layers = decoder
    return layers(post_quant_conv(latents)).float().contiguous(memory_format=torch.channels_last)


def _pooled(vgg: Vgg19, pixels: Tensor) -> list[Tensor]:
    """(N, D) float32 of every pooled layer: the mean over the picture."""
    maps = vgg(pixels, POOLED_LAYERS)
    return [maps[layer].float().mean((2, 3)) for layer in POOLED_LAYERS]


def _windows(pixels: Tensor, indices: Tensor | Sequence[int], config: Config) -> Tensor:
    """A square of each picture, at a place that is always the same for the picture of that number."""
    found = []
    for picture, index in zip(pixels, indices, strict=True):
        generator = torch.Generator().manual_seed(config.seed * 1_000_003 + int(index))
        room = picture.shape[-1] - config.window + 1
        top, left = torch.randint(room, (2,), generator=generator).tolist()
        found.append(picture[:, top : top + config.window, left : left + config.window])
    return torch.stack(found).contiguous(memory_format=torch.channels_last)


@dataclass(frozen=True)
class _Beginning:
    """What a run begins with; minutes of work, kept in a file so that going on has it at once."""

    ranks: Ranks
    config: Config
    vgg: Vgg19
    decoder: nn.ModuleList
    data: SceneData
    drawings: Tensor

    @torch.no_grad()
    def read(self, file: Path) -> tuple[Transport, Tensor]:
        """The transport, and the 8 px means of all drawings as they were: (N, 3, H / 8, W / 8) float32."""
        layers = range(len(POOLED_LAYERS))
        if not self.ranks.agree(file.exists()):
            real = self._in_turns(self._of_render, min(self.config.real, 2 * len(self.drawings), len(self.data)))
            fake = self._in_turns(self._of_drawing, len(self.drawings))
            parts = {f"real_{k}": real[k] for k in layers} | {f"fake_{k}": fake[k] for k in layers}
            parts["areas"] = fake[-1]
            if self.ranks.first:
                file.parent.mkdir(parents=True, exist_ok=True)
                with replacing(file) as scratch:
                    np.savez(scratch, **{name: part.cpu().numpy() for name, part in parts.items()})
            self.ranks.agree(True)  # the others wait for the file
        with np.load(file) as stored:
            parts = {name: torch.from_numpy(stored[name]).to(self.ranks.device) for name in stored}
        aims = [gaussian_of(parts[f"real_{k}"]) for k in layers]
        return Transport(aims, [parts[f"fake_{k}"] for k in layers]), parts["areas"]

    def _of_render(self, place: int) -> list[Tensor]:
        pixels = from_array(self.data.pictures([place])).to(self.ranks.device)
        return _pooled(self.vgg, _windows(pixels, [place], self.config))

    def _of_drawing(self, place: int) -> list[Tensor]:
        pixels = _decoded(self.decoder, self.drawings[[place]].float().to(self.ranks.device))
        return [*_pooled(self.vgg, _windows(pixels, [place], self.config)), F.avg_pool2d(pixels, AREA)]

    def _in_turns(self, make: Callable[[int], list[Tensor]], count: int) -> list[Tensor]:
        """What `make` gives for every place, (1, ...) each, as (count, ...); the processes share the work."""
        turns = -(-count // self.ranks.size)
        places = (min(turn * self.ranks.size + self.ranks.rank, count - 1) for turn in range(turns))
        with self.ranks.autocast(cpu=True):
            made = [make(place) for place in places]
        found = [self.ranks.gathered(torch.cat(parts)) for parts in zip(*made, strict=True)]
        return [part.unflatten(0, (-1, turns)).transpose(0, 1).flatten(0, 1)[:count] for part in found]


def _digest(settings: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]


def _sheet(decoders: list[nn.ModuleList], latents: Tensor) -> Tensor:
    """(3, rows H, N W) in [-1, 1]: a row for each decoder."""
    rows = [torch.cat(list(_decoded(decoder, latents).clamp(-1, 1)), dim=-1) for decoder in decoders]
    return torch.cat(rows, dim=-2)
