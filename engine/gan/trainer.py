"""The GAN's training: two phases a step, a discriminator that may rest, and an eye on collapse."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.gan.config import ALIKE, PROGRESSIVE, Config
from engine.gan.networks import Discriminator, Generator
from engine.gan.scales import scales_of, shown
from engine.latent.pictures import Pictures
from engine.latent.training import batch_of, pixels_in, sheet_of
from engine.metrics.features import mean_pairwise_distance, nearest
from engine.training.curves import keep_until
from engine.training.following import CurveLog, finite
from engine.training.loop import SAVE_SECONDS, average_of, generator_of, step_of, train
from engine.training.optimizing import update
from engine.training.parallel import Ranks

SAMPLES, ROW = 64, 8  # on the sheet, of the same noise each time
MEMORY = 0.95  # of the running mean of the discriminator's loss
COMPARED, COPY = 2000, 0.5  # pictures in which copies are looked for, and how near one lies: see `copies`
Done = Callable[[int, dict[str, float]], None]


@dataclass
class Balance:
    """How the two stand; a checkpoint holds it.

    Attributes:
        running: mean of the discriminator's last losses, None before the first.
        skipped: steps in which it rested.
    """

    running: float | None = None
    skipped: int = 0

    def rests(self, skip_below: float) -> bool:
        """Whether the discriminator wins so clearly that it rests in this step."""
        return self.running is not None and self.running < skip_below

    def add(self, loss: float, rested: bool) -> None:
        """A step is done."""
        self.running = loss if self.running is None else MEMORY * self.running + (1 - MEMORY) * loss
        self.skipped += rested

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"running": self.running, "skipped": self.skipped}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """From a checkpoint."""
        self.running, self.skipped = state["running"], state["skipped"]


def loss_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Mean of both cross entropies, real at 1 and fake at 0; logits (N,)."""
    return (F.softplus(-real).mean() + F.softplus(fake).mean()) / 2


def loss_generator(fake: Tensor) -> Tensor:
    """Cross entropy of fakes at 1, the loss that does not saturate (Goodfellow 2014); logits (N,)."""
    return F.softplus(-fake).mean()


def networks_of(config: Config) -> tuple[Generator, Discriminator]:
    """With random weights of PyTorch's generator."""
    generator = Generator(3, config.side, config.width, config.latents, config.start, config.scales)
    return generator, Discriminator(3, config.side, config.width, config.start, config.scales)


class Duel:
    """The two networks and what a step does with them."""

    def __init__(self, config: Config, ranks: Ranks) -> None:
        self._config, self._ranks, self._scales = config, ranks, scales_of(config.scales)
        self.generator, self.discriminator = (
            network.to(ranks.device, memory_format=torch.channels_last) for network in networks_of(config)
        )
        self.average, self.balance = average_of(self.generator, config.average), Balance()
        rates = config.learning_rate, config.discriminator_learning_rate
        self._optimizer, self._judging = (
            torch.optim.Adam(network.parameters(), rate, betas=(0.5, 0.999))
            for network, rate in zip((self.generator, self.discriminator), rates, strict=True)
        )

    @property
    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        networks = {"generator": self.generator, "discriminator": self.discriminator, "average": self.average}
        optimizers = {"optimizer": self._optimizer, "optimizer_discriminator": self._judging}
        return {**networks, "balance": self.balance, **optimizers}

    def step(self, number: int, real: Tensor, noise: Tensor) -> dict[str, float]:
        """Both phases on pictures (N, 3, H, W) and noise (N, latents); returns both losses."""
        growth, scales = self._config.growth(number), self._scales
        fake = scales.draw(self.generator, noise, growth)

        # The discriminator.
        self.discriminator.requires_grad_(True)
        judged = loss_discriminator(
            scales.judge(self.discriminator, scales.see(real, growth), growth),
            scales.judge(self.discriminator, [each.detach() for each in fake], growth),
        )
        rested = self.balance.rests(self._config.skip_below)
        numbers = finite(number, {"discriminator": judged}, "")
        if not rested:
            update(self._judging, judged, self._ranks, max_norm=None)
        self.balance.add(numbers["discriminator"], rested)

        # The generator.
        self.discriminator.requires_grad_(False)
        loss = loss_generator(scales.judge(self.discriminator, fake, growth))
        numbers |= finite(number, {"generator": loss}, "")
        update(self._optimizer, loss, self._ranks, max_norm=None)
        self.average.update_parameters(self.generator)
        return numbers


def run(
    ranks: Ranks,
    config: Config,
    folder: Path,
    data: Pictures,
    done: Done = lambda step, numbers: None,
    should_stop: Callable[[], bool] | None = None,
    quiet: bool = False,
    look_every: int = 200,
    save_seconds: float = SAVE_SECONDS,
) -> None:
    """Train, or go on; arguments and errors as of `engine.betavae.trainer.run`."""
    torch.manual_seed(config.seed)
    duel = Duel(config, ranks)
    log = CurveLog(folder, ranks, prints=not quiet)
    keep_until(folder, step_of(folder))
    seen = coarse(pixels_in(data.train[:COMPARED]))
    variety = _variety(seen[:SAMPLES])
    fixed = torch.randn(SAMPLES, config.latents, generator=torch.Generator().manual_seed(config.seed)).to(ranks.device)

    def step(number: int) -> dict[str, float]:
        rng = generator_of(config.seed, number, ranks)
        real = batch_of(data.train, config.batch_size, config.flip, rng, ranks.device)
        noise = torch.randn(config.batch_size, config.latents, generator=rng).to(ranks.device)
        numbers = duel.step(number, real, noise)
        done(number + 1, numbers)
        return numbers

    @torch.no_grad()
    def look(number: int) -> None:
        model = duel.average.module.eval()
        growth = config.growth(number - 1)  # of the step that was the last
        samples = shown(model, fixed, growth, config.side)
        model.train()
        drawn = coarse(samples.cpu())
        measured = {"variety": _variety(drawn) / variety, "copies": copies(drawn, seen)}
        if config.scales == PROGRESSIVE:
            measured |= {"grown_to": growth.side, "alpha": growth.alpha}
        log.numbers(number, {"skipped": duel.balance.skipped} | measured)
        if measured["variety"] < ALIKE:
            log.text("The samples are alike: the generator has collapsed, or has not begun to differ yet.")
        log.picture(number, "samples", sheet_of([*samples.split(ROW)]))

    settings = ranks.settings(config, steps_in_all=config.steps, pictures=len(data.train))
    train(
        folder,
        config.steps,
        duel.state,
        settings,
        step,
        ranks=ranks,
        log=log,
        look=look,
        look_every=look_every,
        save_seconds=save_seconds,
        should_stop=should_stop,
    )


def coarse(pixels: Tensor) -> Tensor:
    """(N, 192) float64 of pictures (N, 3, H, W): their means in 8x8 fields, so that noise is not taken for variety."""
    return F.adaptive_avg_pool2d(pixels, 8).flatten(1).double()


def copies(drawn: Tensor, seen: Tensor) -> int:
    """How many samples lie nearer to a picture that was trained on than half of how near those are to each other.

    Args:
        drawn, seen: see `coarse`.
    """
    among = torch.cdist(seen[:SAMPLES], seen)
    among.fill_diagonal_(float("inf"))
    near = among.min(1).values.median() * COPY
    return int((nearest(drawn, seen)[0] < near).sum())


def _variety(fields: Tensor) -> float:
    """Mean distance between pictures, see `coarse`."""
    return max(1e-9, mean_pairwise_distance(fields))
