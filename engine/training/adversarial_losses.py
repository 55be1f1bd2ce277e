"""Losses of a generator and its discriminator, from verdicts of any shape: tensors in, scalars out."""

from torch import Tensor
from torch.nn import functional as F


def loss_gan_least_squares(fake: Tensor) -> Tensor:
    """Least squares (Mao et al. 2017): the generator wants its verdicts at 1."""
    return (fake - 1).square().mean()


def loss_discriminator_least_squares(real: Tensor, fake: Tensor) -> Tensor:
    """Least squares: verdicts on real pictures at 1, on fake ones at 0; half of the sum."""
    return 0.5 * ((real - 1).square().mean() + fake.square().mean())


def loss_gan_log(fake: Tensor) -> Tensor:
    """Log loss (Goodfellow et al. 2014, section 3): the generator maximizes log D instead of minimizing log(1 - D).

    Args:
        fake: verdicts before the sigmoid.
    """
    return F.softplus(-fake).mean()


def loss_discriminator_log(real: Tensor, fake: Tensor) -> Tensor:
    """Log loss: real pictures told as real, fake ones as fake; half of the sum, verdicts before the sigmoid."""
    return 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())


def loss_gan_hinge(fake: Tensor) -> Tensor:
    """The generator's side of the hinge loss (Lim and Ye 2017): verdicts as high as they get."""
    return -fake.mean()


def loss_discriminator_hinge(real: Tensor, fake: Tensor) -> Tensor:
    """Hinge loss: verdicts on real pictures above 1, on fake ones below -1."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()
