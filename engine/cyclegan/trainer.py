"""CycleGAN's training: two translators that undo one another, without pairs; what is asked for is in `objective`."""

from pathlib import Path

import torch
from torch import Tensor

from engine.cyclegan.config import Config
from engine.cyclegan.evaluation import cycle_numbers, sheets
from engine.cyclegan.objective import discriminator_losses, there_and_back, translator_losses
from engine.cyclegan.players import Discriminators, Translators
from engine.cyclegan.pool import Pool
from engine.training.curves import keep_until
from engine.training.following import CurveLog, Following, finite, total
from engine.training.loop import SAVE_SECONDS, Stateful, average_of, generator_of, train
from engine.training.optimizing import set_learning_rate, update
from engine.training.parallel import Ranks
from engine.training.unpaired import Data, draw

LOOKS, FEWEST_STEPS = 20, 50  # at held-out pictures, of a run; between two of them


class Learners:
    """All that a run changes: networks, their average, optimizers and pools of earlier fakes."""

    def __init__(self, config: Config, ranks: Ranks) -> None:
        torch.manual_seed(config.seed)
        self.config, self.ranks = config, ranks
        self.translators, self.discriminators = Translators(config), Discriminators(config)
        for part in (self.translators, self.discriminators):
            part.to(ranks.device, memory_format=ranks.memory_format)
        self.average = average_of(self.translators, config.average)
        self.optimizer, self.optimizer_discriminators = (
            torch.optim.Adam(part.parameters(), config.learning_rate, betas=(0.5, 0.999))
            for part in (self.translators, self.discriminators)
        )
        self.pool_x, self.pool_y = Pool(config.pool), Pool(config.pool)

    def state(self) -> dict[str, Stateful]:
        """For a checkpoint."""
        names = ("translators", "discriminators", "average", "optimizer", "optimizer_discriminators")
        return {name: getattr(self, name) for name in (*names, "pool_x", "pool_y")}

    def step(self, x: Tensor, y: Tensor, rate: float, shared: torch.Generator) -> dict[str, Tensor]:
        """One step on pictures of both kinds, (N, 3, H, W) in [-1, 1]; returns its weighted losses.

        Args:
            rate: the learning rate.
            shared: what the pools draw from, the same in all processes.
        """
        set_learning_rate(rate, self.optimizer, self.optimizer_discriminators)

        # Both translators.
        self.discriminators.requires_grad_(False)
        seen = there_and_back(self.translators, x, y)
        losses = translator_losses(self.translators, self.discriminators, self.config, seen)
        update(self.optimizer, total(losses), self.ranks, max_norm=None)
        self.average.update_parameters(self.translators)

        # Both discriminators.
        self.discriminators.requires_grad_(True)
        fake_x, fake_y = (
            self._shown(pool, fake, shared) for pool, fake in ((self.pool_x, seen.fake_x), (self.pool_y, seen.fake_y))
        )
        of_discriminators = discriminator_losses(self.discriminators, self.config, seen, fake_x, fake_y)
        update(self.optimizer_discriminators, total(of_discriminators), self.ranks, max_norm=None)
        return losses | of_discriminators

    def _shown(self, pool: Pool, fake: Tensor, shared: torch.Generator) -> Tensor:
        """This process's part of what the pool gives for the fakes of all."""
        own = slice(self.ranks.rank * len(fake), (self.ranks.rank + 1) * len(fake))
        return pool.exchange(self.ranks.gathered(fake), shared)[own]


def run(
    ranks: Ranks,
    config: Config,
    folder: Path,
    data: Data,
    pictures: str,
    following: Following | None = None,
    save_seconds: float = SAVE_SECONDS,
) -> None:
    """Train, or go on.

    Args:
        pictures: a fingerprint of all of them; a run goes on with the same ones alone.
        following: None writes to the terminal, and SIGTERM and Ctrl+C stop the run.
        save_seconds: see `engine.training.loop.train`.

    Raises:
        InvalidRequest: the folder holds a run with other settings or pictures.
        StudioError: a loss is no number any more; the last checkpoint stays.
    """
    learners, log = Learners(config, ranks), CurveLog(folder, ranks, prints=following is None)
    epoch_steps = data.steps_per_epoch(config, ranks.size)
    steps, untouched = config.epochs * epoch_steps, [ranks.first]

    def step(number: int) -> dict[str, float]:
        if untouched.pop() if untouched else False:  # here, where no other run is in the folder
            begin(number)
        x, y = draw(config, data, number, ranks, generator_of(config.seed, number, ranks), ranks.device)
        x, y = (pixels.contiguous(memory_format=ranks.memory_format) for pixels in (x, y))
        shared = generator_of(config.seed + 1, number, Ranks())
        numbers = finite(number, learners.step(x, y, config.rate(number // epoch_steps), shared))
        if following:
            following.report(number + 1, steps, numbers)
        return numbers

    def begin(number: int) -> None:
        keep_until(folder, number)
        if number == 0:
            look(0)

    def look(number: int) -> None:
        model = learners.average.module.eval()
        log.numbers(number, cycle_numbers(model, data, config.crop))
        for name, pixels in sheets(model, data, config.crop).items():
            log.picture(number, name, pixels)
        model.train()

    train(
        folder,
        steps,
        learners.state(),
        ranks.settings(config, pictures=pictures),
        step,
        ranks=ranks,
        log=log,
        look=look,
        look_every=max(FEWEST_STEPS, steps // LOOKS),
        save_seconds=save_seconds,
        should_stop=following.should_stop if following else None,
    )
