"""CycleGAN's training: two translators that undo one another, without pairs; what is asked for is in `objective`."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from engine.cyclegan.config import Config
from engine.cyclegan.data import Data, draw
from engine.cyclegan.evaluation import cycle_numbers, sheets
from engine.cyclegan.objective import discriminator_losses, there_and_back, translator_losses
from engine.cyclegan.players import Discriminators, Translators
from engine.cyclegan.pool import Pool
from engine.errors import StudioError
from engine.files import replacing
from engine.images import to_pil
from engine.training.curves import keep_until, write_numbers
from engine.training.loop import Log, average_of, generator_of, train
from engine.training.optimizing import set_learning_rate, update
from engine.training.parallel import Ranks

LOOKS, FEWEST_STEPS = 20, 50  # at held-out pictures, of a run; between two of them


@dataclass(frozen=True)
class Following:
    """Who follows a run in this process, in the place of a terminal.

    Attributes:
        report: told step, steps and the step's losses.
        should_stop: asked before every step; the run then saves and ends.
    """

    report: Callable[[int, int, dict[str, float]], None]
    should_stop: Callable[[], bool]


class CurveLog(Log):
    """Numbers go into the run's curves, the newest pictures beside them.

    Args:
        ranks: the first of them writes.
        prints: whether lines go to the terminal too.
    """

    def __init__(self, folder: Path, ranks: Ranks, prints: bool) -> None:
        super().__init__(folder, quiet=True)
        self._writes, self._prints = ranks.first, ranks.first and prints

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """Write numbers by name."""
        if self._writes:
            write_numbers(self._folder, step, values)
            self.text(f"step {step:7d}  " + "  ".join(f"{name} {value:.4f}" for name, value in values.items()))

    def picture(self, step: int, name: str, pixels: Tensor) -> None:
        """The newest of that name, (3, H, W) in [-1, 1]."""
        if self._writes:
            with replacing(self._folder / f"{name}.png") as file:
                to_pil(pixels[None])[0].save(file, "PNG")

    def text(self, text: str) -> None:
        """Write a line."""
        if self._prints:
            print(text, flush=True)


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
        update(optimizer, _sum(losses), ranks, max_norm=None)
        average.update_parameters(translators)

        # Both discriminators.
        discriminators.requires_grad_(True)
        shared = generator_of(config.seed + 1, number, Ranks())
        fakes = [
            _shown(pool, fake, ranks, shared) for pool, fake in zip(pools, (seen.fake_x, seen.fake_y), strict=True)
        ]
        losses_of_discriminators = discriminator_losses(discriminators, config, seen, *fakes)
        update(optimizer_discriminators, _sum(losses_of_discriminators), ranks, max_norm=None)
        numbers = _finite(number, losses | losses_of_discriminators)
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


def _sum(losses: dict[str, Tensor]) -> Tensor:
    return torch.stack(list(losses.values())).sum()


def _finite(number: int, losses: dict[str, Tensor]) -> dict[str, float]:
    values = {f"loss_{name}": value.item() for name, value in losses.items()}
    wrong = [name for name, value in values.items() if not math.isfinite(value)]
    if wrong:
        raise StudioError(
            f"Losses must be finite numbers; in step {number + 1} {', '.join(wrong)} became another. "
            "Begin anew in another folder with a lower learning rate; the last checkpoint is as it was."
        )
    return values
