"""The studio's own training of VQ-I2I: what is asked for is in `objective`."""

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.images import from_pil
from engine.metrics.vgg19 import load_vgg19
from engine.training.curves import keep_until
from engine.training.following import CurveLog, Following, finite, total
from engine.training.loop import SAVE_SECONDS, Stateful, average_of, generator_of, train
from engine.training.optimizing import set_learning_rate, update
from engine.training.parallel import Ranks
from engine.training.photo_folders import PhotoFolder
from engine.training.unpaired import Data, draw
from engine.translation.vqi2i.networks import VQI2I_AdaIN, build
from engine.vqi2i.config import SIZE_MULTIPLE, Config
from engine.vqi2i.objective import A, B, Discriminators, discriminator_losses, draw_both, model_losses

LOOKS, FEWEST_STEPS = 20, 50
SHEET_ROWS = 6
SAMPLES = "samples"


class Learners:
    """All that a run changes: networks, their average, discriminators and optimizers."""

    def __init__(self, config: Config, ranks: Ranks) -> None:
        torch.manual_seed(config.seed)
        self.config, self.ranks = config, ranks
        self.model = build(ranks.device, **config.sizes)
        self.discriminators = Discriminators(config).to(ranks.device)
        self.average = average_of(self.model, config.average)
        self.optimizer, self.optimizer_discriminators = (
            torch.optim.Adam(part.parameters(), config.learning_rate, betas=(0.5, 0.999))
            for part in (self.model, self.discriminators)
        )
        self.vgg = load_vgg19().to(ranks.device) if config.perceptual else None

    def state(self) -> dict[str, Stateful]:
        """For a checkpoint."""
        names = ("model", "discriminators", "average", "optimizer", "optimizer_discriminators")
        return {name: getattr(self, name) for name in names}

    def step(self, number: int, both: tuple[Tensor, Tensor]) -> dict[str, float]:
        """One step on pictures of both kinds, (N, 3, H, W) in [-1, 1]; returns its weighted losses and the perplexity.

        Raises:
            StudioError: a loss is no number any more.
        """
        set_learning_rate(self.config.rate(number), self.optimizer, self.optimizer_discriminators)

        # Encoders, codebook, decoders.
        self.discriminators.requires_grad_(False)
        drawn = draw_both(self.model, *both)
        losses = model_losses(self.model, self.discriminators, self.config, both, drawn, self.vgg)
        numbers = finite(number, losses)
        update(self.optimizer, total(losses), self.ranks)
        self.average.update_parameters(self.model)

        # Both discriminators.
        self.discriminators.requires_grad_(True)
        of_discriminators = discriminator_losses(self.discriminators, both, drawn)
        numbers |= finite(number, of_discriminators)
        update(self.optimizer_discriminators, total(of_discriminators), self.ranks)
        return numbers | {"perplexity": drawn.perplexity.item()}


def run(
    ranks: Ranks,
    config: Config,
    folder: Path,
    data: Data,
    pictures: str,
    following: Following | None = None,
    save_seconds: float = SAVE_SECONDS,
) -> None:
    """Train, or go on; `data.x` is domain A, `data.y` domain B.

    Args:
        pictures: a fingerprint of all of them; a run goes on with the same ones alone.
        following: None writes to the terminal, and SIGTERM and Ctrl+C stop the run.
        save_seconds: see `engine.training.loop.train`.

    Raises:
        ModelUnavailable: the networks are too large for a CPU.
        InvalidRequest: the folder holds a run with other settings or pictures.
        StudioError: a loss is no number any more; the last checkpoint stays.
    """
    learners, log, untouched = Learners(config, ranks), CurveLog(folder, ranks, prints=following is None), [ranks.first]

    def step(number: int) -> dict[str, float]:
        if untouched.pop() if untouched else False:  # here, where no other run is in the folder
            keep_until(folder, number)
        rng = generator_of(config.seed, number, ranks)
        both = draw(config, data, number, ranks, rng, ranks.device)
        torch.manual_seed(int(torch.randint(2**31, (), generator=rng)))  # dropout draws from the global generator
        numbers = learners.step(number, both)
        if following:
            following.report(number + 1, config.steps, numbers)
        return numbers

    def look(number: int) -> None:
        kept = learners.average.module.eval()
        log.numbers(number, held_out_numbers(kept, data, config))
        log.picture(number, SAMPLES, sheet(kept, data, config))
        kept.train()

    train(
        folder,
        config.steps,
        learners.state(),
        ranks.settings(config, pictures=pictures, steps_in_all=config.steps),
        step,
        ranks=ranks,
        log=log,
        look=look,
        look_every=max(FEWEST_STEPS, config.steps // LOOKS),
        save_seconds=save_seconds,
        should_stop=following.should_stop if following else None,
    )


@torch.no_grad()
def held_out_numbers(model: VQI2I_AdaIN, data: Data, config: Config) -> dict[str, float]:
    """Mean absolute difference of held-out pictures to themselves drawn again, pixels in [-1, 1]."""
    found = {}
    for name, label, folder in (("a", A, data.held_out_x), ("b", B, data.held_out_y)):
        pictures = [_square(folder, index, config, model) for index in range(len(folder))]
        errors = [F.l1_loss(VQI2I_AdaIN.forward(model, x, label)[0], x).item() for x in pictures]
        found[f"held_out/again_{name}"] = sum(errors) / len(errors)
    return found


@torch.no_grad()
def sheet(model: VQI2I_AdaIN, data: Data, config: Config) -> Tensor:
    """(3, H, W) in [-1, 1]: photo, style picture, and the photo in that style, one row for each of some photos."""
    rows = []
    for index in range(min(SHEET_ROWS, len(data.held_out_x))):
        photo = _square(data.held_out_x, index, config, model)
        style = _square(data.held_out_y, index % len(data.held_out_y), config, model)
        rows.append(torch.cat([photo, style, in_style_of(model, photo, style)], dim=3)[0].cpu())
    width = min(row.shape[-1] for row in rows)
    return torch.cat([row[..., :width] for row in rows], dim=1).clamp(-1, 1)


def in_style_of(model: VQI2I_AdaIN, photo: Tensor, style: Tensor) -> Tensor:
    """A photo of domain A drawn as domain B in a picture's style: (1, 3, H, W) in about [-1, 1]."""
    return model.decode_b(model.encode_content(photo)[1], model.encode_style(style, B))


def _square(folder: PhotoFolder, index: int, config: Config, model: VQI2I_AdaIN) -> Tensor:
    """The middle of a picture, (1, 3, crop, crop) in [-1, 1], or less where it is smaller."""
    pixels = from_pil(folder.picture(index))
    side = min(config.crop, *pixels.shape[-2:])
    side -= side % SIZE_MULTIPLE
    top, left = ((size - side) // 2 for size in pixels.shape[-2:])
    return pixels[..., top : top + side, left : left + side].to(next(model.parameters()).device)
