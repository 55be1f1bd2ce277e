"""NijiGAN's training: photos to anime scenes, semi-supervised; what is asked for is in `objective`."""

from pathlib import Path

import torch
from torch import Tensor

from engine.metrics.vgg19 import Vgg19Features, load_vgg19
from engine.nijigan.config import Config
from engine.nijigan.data import Data, draw
from engine.nijigan.evaluation import held_out_numbers, sheet
from engine.nijigan.objective import Objective, Step, translate
from engine.nijigan.players import Players, begun
from engine.training.loop import CHECKPOINT, Log, average_of, generator_of, train
from engine.training.optimizing import set_learning_rate, update
from engine.training.parallel import Ranks


def falling(step: int, steps: int, decay: float) -> float:
    """The learning rate's factor: 1, then a linear fall to 0 over the last `decay` of the steps (as in CUT)."""
    return min(1.0, (steps - step) / max(1.0, decay * steps))


def _vgg(config: Config, device: torch.device) -> Vgg19Features | None:
    weights = config.weights
    return load_vgg19().to(device) if weights.perceptual or weights.paired_perceptual else None


def _update(optimizer: torch.optim.Optimizer, losses: dict[str, Tensor], ranks: Ranks) -> None:
    """Not clipped, as published; a step may have nothing for one of the two sides."""
    if losses:
        loss = sum(losses.values(), start=torch.zeros((), device=ranks.device))
        update(optimizer, loss, ranks, max_norm=None)


def run(ranks: Ranks, config: Config, folder: Path, data: Data, begin_from: Path | None = None) -> None:
    """Train, or go on.

    Args:
        begin_from: folder of another run or a translator's file, whose generator this one begins with, see `begun`; a
            run that has a checkpoint goes on from that.
    """
    torch.manual_seed(config.seed)
    goes_on = (folder / CHECKPOINT).exists()
    players = Players(config) if begin_from is None or goes_on else begun(config, begin_from)
    players.to(ranks.device, memory_format=ranks.memory_format)
    average = average_of(players.generator, config.average)
    optimizer, optimizer_discriminators = (
        torch.optim.Adam(part.parameters(), config.learning_rate, betas=(0.5, 0.999))
        for part in (players.generators, players.discriminators)
    )
    objective = Objective(players, config, _vgg(config, ranks.device))
    log = Log(folder, quiet=not ranks.first)

    def step(number: int) -> dict[str, float]:
        rate = config.learning_rate * falling(number, config.steps, config.decay)
        set_learning_rate(rate, optimizer, optimizer_discriminators)
        rng = generator_of(config.seed, number, ranks)
        batch = draw(config, data, number, rng, ranks.device)
        players.generator.set_solver(config.solvers[number % len(config.solvers)])
        now = Step(number, batch, translate(players.generator, batch, ranks.memory_format), rng)

        # Generator and projectors.
        players.discriminators.requires_grad_(False)
        losses = objective.generator_losses(now)
        _update(optimizer, losses, ranks)
        average.update_parameters(players.generator)

        # Discriminators.
        players.discriminators.requires_grad_(True)
        losses_of_discriminators = objective.discriminator_losses(now)
        _update(optimizer_discriminators, losses_of_discriminators, ranks)
        return {f"loss_{name}": value.item() for name, value in (losses | losses_of_discriminators).items()}

    @torch.no_grad()
    def look(number: int) -> None:
        model = average.module.eval()
        model.set_solver(config.solvers[0])
        log.numbers(number, held_out_numbers(model, data.held_out))
        log.picture(number, "samples", sheet(model, data.held_out))
        model.train()

    state = {"players": players, "average": average, "optimizer": optimizer}
    state |= {"optimizer_judges": optimizer_discriminators}  # as runs call it that began with earlier versions
    settings = ranks.settings(config, steps_in_all=config.steps, pairs=len(data.pairs), photos=len(data.photos))
    train(folder, config.steps, state, settings, step, ranks=ranks, log=log, look=look, look_every=500)
