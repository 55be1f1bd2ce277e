"""The generator: published sizes, exact solvers, anti-aliasing equal to the published filters."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from engine.errors import ImageShapeError, InvalidRequest
from engine.translation.networks.generator import Architecture, BlurDownsample, BlurUpsample, Generator
from engine.translation.networks.norms import InstanceNorm, gathering, using
from engine.translation.networks.ode import ODEBlock, Solver

SMALL = Architecture(width=4, blocks=2)


@pytest.fixture
def photo() -> torch.Tensor:
    return torch.rand(1, 3, 32, 24, generator=torch.Generator().manual_seed(0)) * 2 - 1


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def lively(model: Generator) -> Generator:
    """Weights of a usual size: the initial ones are so small that every solver agrees."""
    torch.manual_seed(1)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, 0.3)
    return model.eval()


def test_has_the_published_numbers_of_parameters() -> None:
    assert parameters(Generator()) == 5_477_379
    assert parameters(Generator(Architecture("resnet", 9))) == 11_378_179


@pytest.mark.parametrize("bottleneck", ["ode", "resnet"])
def test_keeps_shape_and_range(bottleneck: str, photo: torch.Tensor) -> None:
    fake = lively(Generator(Architecture(bottleneck, 2, 4)))(photo)
    assert fake.shape == photo.shape
    assert fake.abs().max() <= 1


def test_refuses_sizes_that_it_cannot_return() -> None:
    with pytest.raises(ImageShapeError, match="multiples of 4, 16 or more; got 30x32"):
        Generator(SMALL)(torch.zeros(1, 3, 30, 32))
    with pytest.raises(ImageShapeError, match="got 32x12"):
        Generator(SMALL).features(torch.zeros(1, 3, 32, 12))


def test_blurs_are_the_published_filters() -> None:
    x = torch.randn(2, 5, 12, 8, generator=torch.Generator().manual_seed(0))
    down = torch.tensor([1.0, 2.0, 1.0]).outer(torch.tensor([1.0, 2.0, 1.0])) / 16
    expected = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), down.repeat(5, 1, 1, 1), stride=2, groups=5)
    torch.testing.assert_close(BlurDownsample()(x), expected)
    up = torch.tensor([1.0, 3.0, 3.0, 1.0]).outer(torch.tensor([1.0, 3.0, 3.0, 1.0])) / 16
    padded = F.pad(x, (1, 1, 1, 1), mode="replicate")
    expected = F.conv_transpose2d(padded, up.repeat(5, 1, 1, 1), stride=2, padding=2, groups=5)[..., 1:-1, 1:-1]
    torch.testing.assert_close(BlurUpsample()(x), expected)


def test_instance_norm_is_the_usual_one() -> None:
    x = torch.randn(2, 5, 6, 7, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(InstanceNorm()(x), F.instance_norm(x))
    torch.testing.assert_close(InstanceNorm("picture")(x), F.layer_norm(x, x.shape[1:]))


def test_gathered_statistics_give_the_same_picture(photo: torch.Tensor) -> None:
    model = lively(Generator(SMALL, Solver("rk4")))
    with torch.no_grad():
        expected = model(photo)
        with gathering(model) as statistics:
            torch.testing.assert_close(model(photo), expected, atol=1e-5, rtol=1e-5)
        for _ in range(2):
            with using(model, statistics):
                torch.testing.assert_close(model(photo), expected, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(model(photo), expected)


def test_one_euler_step_is_a_residual_block() -> None:
    block = ODEBlock(8, Solver("euler"))
    x = torch.randn(1, 8, 8, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(block(x), x + block.vector_field(x))
    assert block.nfe == 1


class Linear(nn.Module):
    def __init__(self, matrix: torch.Tensor) -> None:
        super().__init__()
        self.matrix = matrix

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        return torch.einsum("ij,njhw->nihw", self.matrix, h)


def solved(method: str, steps: int, matrix: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    block = ODEBlock(4, Solver(method, steps, rtol=1e-7, atol=1e-7))
    block.vector_field = Linear(matrix)
    return block.double()(x)


def test_a_linear_field_gives_the_matrix_exponential() -> None:
    generator = torch.Generator().manual_seed(0)
    matrix = 0.5 * torch.randn(4, 4, generator=generator, dtype=torch.double)
    x = torch.randn(2, 4, 3, 3, generator=generator, dtype=torch.double)
    exact = torch.einsum("ij,njhw->nihw", torch.matrix_exp(matrix), x)
    torch.testing.assert_close(solved("dopri5", 1, matrix, x), exact, atol=1e-5, rtol=1e-5)
    for method, order in {"euler": 1, "midpoint": 2, "heun3": 3, "rk4": 4}.items():
        errors = [(solved(method, steps, matrix, x) - exact).abs().max().item() for steps in (8, 16)]
        assert errors[0] / errors[1] == pytest.approx(2**order, rel=0.25), method


@pytest.mark.parametrize(("method", "per_step"), [("euler", 1), ("midpoint", 2), ("heun3", 3), ("rk4", 4)])
def test_counts_evaluations(method: str, per_step: int, photo: torch.Tensor) -> None:
    model = Generator(SMALL, Solver(method, 3))
    model(photo)
    assert model.nfe == 2 * 3 * per_step


def test_tighter_tolerances_cost_evaluations(photo: torch.Tensor) -> None:
    model = lively(Generator(SMALL, Solver("dopri5", rtol=1e-2, atol=1e-2)))
    model(photo)
    coarse = model.nfe
    model.set_solver(Solver("dopri5", rtol=1e-6, atol=1e-6))
    model(photo)
    assert model.nfe > coarse


def test_adjoint_gradients_are_those_of_backpropagation() -> None:
    x = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.double)
    gradients = []
    for adjoint in (False, True):
        torch.manual_seed(2)
        block = ODEBlock(4, Solver("rk4", 16, adjoint=adjoint))
        block.vector_field = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.Tanh())  # smooth, unlike ReLU
        block.double()(x).square().sum().backward()
        gradients.append(block.vector_field[0].weight.grad)
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-4, atol=1e-5)


def test_only_straight_trajectories_have_no_bend() -> None:
    torch.manual_seed(0)
    x, block = torch.randn(1, 4, 8, 8), ODEBlock(4, Solver())
    assert block.bend(x, 0.5) > 0
    block.vector_field = nn.Conv2d(4, 4, 1)
    nn.init.zeros_(block.vector_field.weight)  # constant: straight
    assert block.bend(x, 0.5) == 0
    block.vector_field = Linear(2 * torch.eye(4))  # dh/dt = 2 h: the slope 2 h grows by 4 t h
    torch.testing.assert_close(block.bend(x, 0.5), (4 * 0.5 * x).square().mean())


def test_slopes_have_kinetic_energy_one() -> None:
    torch.manual_seed(0)
    slope = ODEBlock(8, Solver()).vector_field(torch.randn(1, 8, 16, 16) * 50)
    assert slope.square().mean().item() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(("architecture", "layers"), [(SMALL, 4), (Architecture("resnet", 9, 4), 5)])
def test_features_have_the_channels_that_they_promise(
    architecture: Architecture, layers: int, photo: torch.Tensor
) -> None:
    model = Generator(architecture, Solver("euler"))
    features = model.features(photo)
    assert [f.shape[1] for f in features] == model.feature_channels
    assert len(features) == layers
    assert features[-1].shape[-2:] == (8, 6)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"method": "rk5"}, "Solver must be one of euler, midpoint, heun3, rk4, dopri5; got 'rk5'"),
        ({"steps": 0}, "Solver steps must be a whole number from 1 to 64; got 0"),
        ({"rtol": 0.0}, "rtol must lie between 0 and 1; got 0.0"),
    ],
)
def test_refuses_solvers_that_do_not_exist(wrong: dict, text: str) -> None:
    with pytest.raises(InvalidRequest, match=text):
        Solver(**wrong)
