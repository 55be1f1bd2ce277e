"""Limits of big photos: a solver must leave tiles small, and be known before."""

from typing import Literal

import pytest
import torch

from engine.errors import InvalidRequest
from engine.translation.guided import Refinement
from engine.translation.networks.generator import SIZE_MULTIPLE, Architecture, Generator
from engine.translation.networks.ode import Solver
from engine.translation.running import _require_bounded_tiles, _require_one_piece, brought_to, reach_of
from engine.translation.tiles import Plan


@pytest.mark.parametrize("refinement", [None, Refinement(8)])
@pytest.mark.parametrize(("bottleneck", "solver"), [("ode", Solver("euler", 2)), ("resnet", None)])
def test_reach_covers_what_a_pixel_sees(
    bottleneck: Literal["ode", "resnet"], solver: Solver | None, refinement: Refinement | None
) -> None:
    torch.manual_seed(0)
    model = Generator(Architecture(bottleneck, 2, 2), solver or Solver(), refinement).eval()
    for module in model.modules():  # the gradient of one pixel shows what it sees, but for the norms
        if type(module).__name__ == "InstanceNorm":
            module.forward = lambda x: x
    photo = torch.rand(1, 3, 320, 320).requires_grad_()
    model(photo)[0, 0, 160, 160].backward()
    weight = photo.grad.abs().sum((0, 1))
    seen = (weight > 1e-6 * weight.max()).nonzero()  # running sums leave their rounding everywhere
    assert (seen - 160).abs().max() <= reach_of(model, solver) < 128
    assert reach_of(model, solver) % SIZE_MULTIPLE == 0


def test_solvers_that_would_fill_the_memory_are_refused() -> None:
    big, small, model = torch.zeros(1, 3, 1500, 1500), torch.zeros(1, 3, 1200, 1200), Generator(Architecture(width=2))

    def ask(solver: Solver, photo: torch.Tensor) -> None:
        _require_bounded_tiles(photo, solver, Plan(reach=reach_of(model, solver)))

    ask(Solver("euler", 4), big)
    for solver in (Solver("dopri5"), Solver("rk4", 64)):
        ask(solver, small)
    with pytest.raises(InvalidRequest, match=r"With dopri5, .* 1.5 million pixels; got 1500x1500"):
        ask(Solver("dopri5"), big)
    with pytest.raises(InvalidRequest, match=r"With 64 steps of rk4 a photo may have 1.5 million pixels"):
        ask(Solver("rk4", 64), big)
    just = torch.zeros(1, 3, 1223, 1225)  # padded to multiples of 4 it is too big for one piece
    with pytest.raises(InvalidRequest, match="got 1225x1223"):
        ask(Solver("dopri5"), just)


def test_aligned_corners_are_those_of_one_piece() -> None:
    _require_one_piece(torch.zeros(1, 3, 1200, 1200), Plan(32, 256))
    with pytest.raises(InvalidRequest, match=r"at most 1\.5 million pixels; got 1500x1200. Choose a smaller long side"):
        _require_one_piece(torch.zeros(1, 3, 1200, 1500), Plan(32, 256))


def test_photos_are_made_smaller_only() -> None:
    photo = torch.rand(1, 3, 40, 100) * 2 - 1
    assert brought_to(photo, 50).shape == (1, 3, 20, 50)
    assert brought_to(photo, 100) is photo
