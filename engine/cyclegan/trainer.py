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
from engine.training.loop import average_of, generator_of, train
from engine.training.optimizing import set_learning_rate, update
from engine.training.parallel import Ranks
from engine.training.unpaired import Data, draw

LOOKS, FEWEST_STEPS = 20, 50  # at held-out pictures, of a run; between two of them


def run(
    ranks: Ranks,
    config: Config,
    folder: Path,
    data: Data,
    pictures: str,
    following: Following | None = None,
) -> None:
    """Train, or go on.

    Args:
        pictures: a fingerprint of all of them; a run goes on with the same ones alone.
        following: None writes to the terminal, and SIGTERM and Ctrl+C stop the run.

    Raises:
        InvalidRequest: the folder holds a run with other settings or pictures.
        StudioError: a loss is no number any more; the last checkpoint stays.
    """
    torch.manual_seed(config.seed)
    translators, discriminators = (
        part.to(ranks.device, memory_format=torch.channels_last)
        for part in (Translators(config), Discriminators(config))
    )
    average = average_of(translators, config.average)
    optimizer, optimizer_discriminators = (
        torch.optim.Adam(part.parameters(), config.learning_rate, betas=(0.5, 0.999))
        for part in (translators, discriminators)
    )
    pools = Pool(config.pool), Pool(config.pool)
    epoch_steps = data.steps_per_epoch(config, ranks.size)
    steps = config.epochs * epoch_steps
    log = CurveLog(folder, ranks, prints=following is None)

    untouched = [ranks.first]

    def step(number: int) -> dict[str, float]:
        if untouched.pop() if untouched else False:  # here, where no other run is in the folder
            begin(number)
        set_learning_rate(config.rate(number // epoch_steps), optimizer, optimizer_discriminators)
        rng = generator_of(config.seed, number, ranks)
        x, y = draw(config, data, number, ranks, rng, ranks.device)
        x, y = (pixels.contiguous(memory_format=torch.channels_last) for pixels in (x, y))

        # Both translators.
        discriminators.requires_grad_(False)
        seen = there_and_back(translators, x, y)
        losses = translator_losses(translators, discriminators, config, seen)
        update(optimizer, total(losses), ranks, max_norm=None)
        average.update_parameters(translators)

        # Both discriminators.
        discriminators.requires_grad_(True)
        shared = generator_of(config.seed + 1, number, Ranks())
        fakes = [
            _shown(pool, fake, ranks, shared) for pool, fake in zip(pools, (seen.fake_x, seen.fake_y), strict=True)
        ]
        losses_of_discriminators = discriminator_losses(discriminators, config, seen, *fakes)
        update(optimizer_discriminators, total(losses_of_discriminators), ranks, max_norm=None)
        numbers = finite(number, losses | losses_of_discriminators)
        if following:
            following.report(number + 1, steps, numbers)
        return numbers

    def begin(number: int) -> None:
        keep_until(folder, number)
        if number == 0:
            look(0)

    def look(number: int) -> None:
        model = average.module.eval()
        log.numbers(number, cycle_numbers(model, data, config.crop))
        for name, pixels in sheets(model, data, config.crop).items():
            log.picture(number, name, pixels)
        model.train()

    state = {"translators": translators, "discriminators": discriminators, "average": average}
    state |= {"optimizer": optimizer, "optimizer_discriminators": optimizer_discriminators}
    state |= {"pool_x": pools[0], "pool_y": pools[1]}
    settings = ranks.settings(config, pictures=pictures)
    every = max(FEWEST_STEPS, steps // LOOKS)
    train(
        folder,
        steps,
        state,
        settings,
        step,
        ranks=ranks,
        log=log,
        look=look,
        look_every=every,
        should_stop=following.should_stop if following else None,
    )


def _shown(pool: Pool, fake: Tensor, ranks: Ranks, shared: torch.Generator) -> Tensor:
    """This process's part of what the pool gives for the fakes of all."""
    own = slice(ranks.rank * len(fake), (ranks.rank + 1) * len(fake))
    return pool.exchange(ranks.gathered(fake), shared)[own]
