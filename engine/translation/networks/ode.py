"""Neural ODE blocks: a residual block whose depth is continuous (Chen et al. 2018, Neural Ordinary Differential
Equations), as in NijiGAN's bottleneck.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torchdiffeq import odeint, odeint_adjoint

from engine.errors import InvalidRequest, Problem
from engine.translation.networks.norms import InstanceNorm
from engine.translation.solver_names import ADAPTIVE, SOLVERS, Method


@dataclass(frozen=True, slots=True)
class Solver:
    """How the ODE blocks are solved.

    Attributes:
        method: dopri5 chooses its own steps; the others take `steps` equal ones.
        steps: of a fixed-step method, 1 to 64.
        rtol, atol: of dopri5, above 0.
        adjoint: keep no intermediate states for the backward pass but solve a second ODE (Chen et al. 2018,
            section 2): less memory, more time.

    Raises:
        InvalidRequest: a value breaks its rule.
    """

    method: Method = "dopri5"
    steps: int = 1
    rtol: float = 1e-3
    atol: float = 1e-3
    adjoint: bool = False

    def __post_init__(self) -> None:
        problems = []
        if self.method not in SOLVERS:
            problems.append(Problem("method", f"Solver must be one of {', '.join(SOLVERS)}; got {self.method!r}."))
        if isinstance(self.steps, bool) or not isinstance(self.steps, int) or not 1 <= self.steps <= 64:
            problems.append(Problem("steps", f"Solver steps must be a whole number from 1 to 64; got {self.steps!r}."))
        for name in ("rtol", "atol"):
            if not 0 < getattr(self, name) < 1:
                problems.append(Problem(name, f"{name} must lie between 0 and 1; got {getattr(self, name)!r}."))
        if problems:
            raise InvalidRequest(problems)

    @property
    def adaptive(self) -> bool:
        """Whether the number of evaluations depends on the input."""
        return self.method in ADAPTIVE


class ODEBlock(nn.Module):
    """h(1) of dh/dt = f(t, h), h(0) = x, with f = pad, conv, norm, ReLU, pad, conv, norm.

    f does not look at t. One Euler step makes this a residual block.

    Attributes:
        nfe: number of times that f was evaluated in the last forward pass.
    """

    def __init__(self, channels: int, solver: Solver) -> None:
        super().__init__()
        self.solver = solver
        self.vector_field = nn.Sequential(*residual_layers(channels))
        self.nfe = 0

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) at t = 1 of (N, C, H, W) at t = 0."""
        self.nfe = 0

        def f(_t: Tensor, h: Tensor) -> Tensor:
            self.nfe += 1
            return self.vector_field(h)

        return self._solve(f, x)

    def bend(self, x: Tensor, t: float) -> Tensor:
        """Mean squared change of the slope after a step of size t along it, with gradient: 0 where trajectories
        are straight, so that one Euler step is exact.

        The usual regularizer, the kinetic energy (Finlay et al. 2020, How to train your neural ODE), says nothing
        here: the norm at the end of f makes every slope's mean square 1.
        """
        slope = self.vector_field(x)
        return (self.vector_field(x + t * slope) - slope).square().mean()

    def _solve(self, f, x: Tensor) -> Tensor:
        solver = self.solver
        if solver.method == "euler" and solver.steps == 1:
            return x + f(x.new_zeros(()), x)  # what odeint computes, without its copies
        times = torch.linspace(0, 1, 2, dtype=x.dtype, device=x.device)
        options = None if solver.adaptive else {"step_size": 1 / solver.steps}
        tolerances = {"rtol": solver.rtol, "atol": solver.atol, "method": solver.method, "options": options}
        if solver.adjoint:
            parameters = tuple(self.vector_field.parameters())
            return odeint_adjoint(f, x, times, adjoint_params=parameters, **tolerances)[-1]
        return odeint(f, x, times, **tolerances)[-1]


class ResidualBlock(nn.Module):
    """x + f(x) with the same f (He et al. 2016, as in CycleGAN and CUT)."""

    def __init__(self, channels: int, norm: Callable[[int], nn.Module] | None = None) -> None:
        super().__init__()
        self.layers = nn.Sequential(*residual_layers(channels, norm))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        return x + self.layers(x)


def residual_layers(channels: int, norm: Callable[[int], nn.Module] | None = None) -> list[nn.Module]:
    """Two 3x3 convolutions with reflected borders, each normalized, a ReLU between.

    Args:
        channels: of all layers.
        norm: makes a norm for so many channels; None takes instance norm without parameters.
    """
    return [
        nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect"),
        norm(channels) if norm else InstanceNorm(),
        nn.ReLU(inplace=True),
        nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect"),
        norm(channels) if norm else InstanceNorm(),
    ]
