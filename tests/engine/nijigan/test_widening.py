"""A widened generator computes the same, and its copies can part ways."""

import pytest
import torch

from engine.errors import InvalidRequest
from engine.nijigan.widening import widened
from engine.translation.networks.generator import Architecture, Generator
from engine.translation.networks.ode import Solver


def narrow(bottleneck: str = "ode") -> Generator:
    torch.manual_seed(0)
    model = Generator(Architecture(bottleneck, blocks=2, width=4), Solver("midpoint"))
    for parameter in model.parameters():  # biases begin at 0, which would hide them
        torch.nn.init.normal_(parameter, std=0.1)
    return model


@pytest.mark.parametrize("bottleneck", ["ode", "resnet"])
def test_a_widened_generator_computes_the_same(bottleneck: str) -> None:
    model = narrow(bottleneck)
    wide = widened(model, 12, torch.Generator().manual_seed(1))
    photo = torch.rand(1, 3, 32, 40, generator=torch.Generator().manual_seed(2)) * 2 - 1
    assert wide.architecture == Architecture(bottleneck, blocks=2, width=12)
    torch.testing.assert_close(wide(photo), model(photo), atol=1e-4, rtol=0)


def test_the_copies_of_a_channel_have_gradients_of_their_own() -> None:
    wide = widened(narrow(), 8, torch.Generator().manual_seed(1))
    wide(torch.rand(1, 3, 32, 32)).square().mean().backward()
    first = wide.encoder[0].weight.grad
    assert first is not None
    assert not torch.allclose(first[0], first[1])


def test_a_width_that_is_no_multiple_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="multiple of its width 4; got 6"):
        widened(narrow(), 6, torch.Generator())
