"""The beta-VAE's training."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.betavae.config import Config
from engine.betavae.networks import BetaVAE
from engine.latent.pictures import Pictures
from engine.latent.training import batch_of, pixels_in, sheet_of
from engine.training.curves import keep_until
from engine.training.following import CurveLog, finite
from engine.training.loop import SAVE_SECONDS, generator_of, step_of, train
from engine.training.optimizing import set_learning_rate, update
from engine.training.parallel import Ranks

SHOWN = 8  # pictures on the sheet
MEASURED = 512  # held-out pictures, the first ones
Done = Callable[[int, dict[str, float]], None]


def kld(mu: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mu, sigma^2) || N(0, 1)) of each latent, (N, latents) in nats."""
    return -0.5 * (1 + log_variance - mu.square() - log_variance.exp())


def losses(model: BetaVAE, pictures: Tensor, noise: Tensor) -> dict[str, Tensor]:
    """`reconstruction`, the mean squared error over all numbers in [-1, 1], and `kld`, in nats for a picture."""
    again, mu, log_variance = model(pictures, noise)
    return {"reconstruction": F.mse_loss(again, pictures), "kld": kld(mu, log_variance).sum(1).mean()}


def model_of(config: Config) -> BetaVAE:
    """With random weights of PyTorch's generator."""
    return BetaVAE(config.channels, config.side, config.blocks, config.latents, config.batch_norm)


def rate_of(config: Config, step: int) -> float:
    """The learning rate: level, then a linear fall to 0 over the last `decay` of the steps."""
    return config.learning_rate * min(1.0, (config.steps - step) / max(1.0, config.decay * config.steps))


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
    """Train, or go on.

    Args:
        done: called after each step with its losses.
        should_stop, save_seconds: see `engine.training.loop.train`.
        quiet: whether nothing is printed.

    Raises:
        InvalidRequest: the folder has a run of other settings.
        StudioError: a loss is no number any more.
    """
    torch.manual_seed(config.seed)
    model = model_of(config).to(ranks.device, memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), config.learning_rate)
    log = CurveLog(folder, ranks, prints=not quiet)
    keep_until(folder, step_of(folder))

    def step(number: int) -> dict[str, float]:
        set_learning_rate(rate_of(config, number), optimizer)
        rng = generator_of(config.seed, number, ranks)
        pictures = batch_of(data.train, config.batch_size, config.flip, rng, ranks.device)
        noise = torch.randn(config.batch_size, config.latents, generator=rng).to(ranks.device)
        parts = losses(model, pictures, noise)
        parts["loss"] = parts["reconstruction"] + config.beta * config.kld_weight * parts["kld"]
        numbers = finite(number, parts, "")
        update(optimizer, parts["loss"], ranks, max_norm=None)
        done(number + 1, numbers)
        return numbers

    @torch.no_grad()
    def look(number: int) -> None:
        model.eval()
        log.numbers(number, held_out_losses(model, config, data, ranks.device))
        log.picture(number, "samples", _found_again(model, pixels_in(data.held_out[:SHOWN], ranks.device)))
        model.train()

    state = {"model": model, "optimizer": optimizer}
    settings = ranks.settings(config, steps_in_all=config.steps, pictures=len(data.train))
    train(
        folder,
        config.steps,
        state,
        settings,
        step,
        ranks=ranks,
        log=log,
        look=look,
        look_every=look_every,
        save_seconds=save_seconds,
        should_stop=should_stop,
    )


def _found_again(model: BetaVAE, pictures: Tensor) -> Tensor:
    """Pictures above what the means of their latents give."""
    return sheet_of([pictures, model.decode(model.encode(pictures)[0])])


@torch.no_grad()
def held_out_losses(model: BetaVAE, config: Config, data: Pictures, device: torch.device) -> dict[str, float]:
    """The losses on held-out pictures, with the same noise each time; the model must be in evaluation mode."""
    pictures = pixels_in(data.held_out[:MEASURED], device)
    noise = torch.randn(len(pictures), config.latents, generator=torch.Generator().manual_seed(0)).to(device)
    parts = losses(model, pictures, noise)
    loss = parts["reconstruction"] + config.beta * config.kld_weight * parts["kld"]
    return {f"held_out/{name}": part.item() for name, part in (parts | {"loss": loss}).items()}
