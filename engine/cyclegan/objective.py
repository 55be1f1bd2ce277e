"""What CycleGAN's training asks for (Zhu et al. 2017): tensors in, weighted losses by name out."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F

from engine.cyclegan.config import Config
from engine.cyclegan.players import Discriminators, Translators
from engine.training.adversarial_losses import (
    loss_discriminator_least_squares,
    loss_discriminator_log,
    loss_gan_least_squares,
    loss_gan_log,
)

GENERATOR: dict[str, Callable[[Tensor], Tensor]] = {"least_squares": loss_gan_least_squares, "log": loss_gan_log}
DISCRIMINATOR: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "least_squares": loss_discriminator_least_squares,
    "log": loss_discriminator_log,
}


@dataclass(frozen=True)
class Round:
    """Pictures of both kinds, there and back, (N, 3, H, W) in [-1, 1], with gradient.

    Attributes:
        fake_y, fake_x: G(x) and F(y).
        again_x, again_y: F(G(x)) and G(F(y)).
    """

    x: Tensor
    y: Tensor
    fake_y: Tensor
    fake_x: Tensor
    again_x: Tensor
    again_y: Tensor


def there_and_back(translators: Translators, x: Tensor, y: Tensor) -> Round:
    """Translate both and back again."""
    fake_y, fake_x = translators.there(x), translators.back(y)
    return Round(x, y, fake_y, fake_x, translators.back(fake_y), translators.there(fake_x))


def translator_losses(
    translators: Translators, discriminators: Discriminators, config: Config, seen: Round
) -> dict[str, Tensor]:
    """Of both generators."""
    loss_gan = GENERATOR[config.loss]
    parts = {
        "gan_there": loss_gan(discriminators.of_y(seen.fake_y)),
        "gan_back": loss_gan(discriminators.of_x(seen.fake_x)),
        "cycle_x": config.cycle * F.l1_loss(seen.again_x, seen.x),
        "cycle_y": config.cycle * F.l1_loss(seen.again_y, seen.y),
    }
    if config.identity:
        weight = config.identity * config.cycle
        parts["identity_y"] = weight * F.l1_loss(translators.there(seen.y), seen.y)
        parts["identity_x"] = weight * F.l1_loss(translators.back(seen.x), seen.x)
    return parts


def discriminator_losses(
    discriminators: Discriminators, config: Config, seen: Round, fake_x: Tensor, fake_y: Tensor
) -> dict[str, Tensor]:
    """Of both discriminators.

    Args:
        fake_x, fake_y: what they are shown as fakes, from the pools, without gradient.
    """
    loss = DISCRIMINATOR[config.loss]
    return {
        "discriminator_x": loss(discriminators.of_x(seen.x), discriminators.of_x(fake_x)),
        "discriminator_y": loss(discriminators.of_y(seen.y), discriminators.of_y(fake_y)),
    }
