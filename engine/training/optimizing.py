"""What every optimizer step of a trainer does with its loss."""

import torch
from torch import Tensor
from torch.optim import Optimizer

from engine.training.parallel import Ranks


def set_learning_rate(rate: float, *optimizers: Optimizer) -> None:
    """Give all weights of the optimizers this learning rate."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate


def update(optimizer: Optimizer, loss: Tensor, ranks: Ranks, max_norm: float | None = 1.0) -> None:
    """One step down a loss, after which the weights are the same in all processes.

    Args:
        max_norm: gradients with a larger norm are scaled down to it; None leaves them as they are.
    """
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    apply_gradients(optimizer, ranks, max_norm)


def apply_gradients(optimizer: Optimizer, ranks: Ranks, max_norm: float | None = 1.0) -> None:
    """The step alone, where gradients of several losses were added up before; see `update`."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    # Only what this step's losses reach: a zero gradient would move the rest by Adam's momentum.
    reached = [parameter for parameter in parameters if parameter.grad is not None]
    ranks.mean_gradients(reached)
    if max_norm is not None:
        torch.nn.utils.clip_grad_norm_(reached, max_norm)
    optimizer.step()


def ramp(number: int, begin: int) -> float:
    """A loss's weight that is 0 up to step `begin`, then rises to 1 over as many steps."""
    return min(1.0, max(0.0, (number - begin) / max(1, begin)))
