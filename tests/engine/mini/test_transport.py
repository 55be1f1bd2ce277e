"""Where the features of drawn pictures must go so that all are like renders."""

import pytest
import torch
from torch import Tensor

from engine.metrics.frechet import frechet_distance, gaussian_of
from engine.mini.transport import Transport


def features(count: int, seed: int) -> list[Tensor]:
    """Of two layers, (count, 6) and (count, 4), correlated."""
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randn(count, width, generator=generator) @ torch.randn(width, width, generator=generator)
        for width in (6, 4)
    ]


REAL = features(60, 0)
DRAWN = [3 + 0.5 * layer for layer in features(40, 1)]


def distance(drawn: list[Tensor]) -> float:
    """Mean over layers of the Frechet distance to REAL, in units of its variance."""
    parts = [
        frechet_distance(real, fake) / real.double().var(0).sum().item() for real, fake in zip(REAL, drawn, strict=True)
    ]
    return sum(parts) / len(parts)


@pytest.fixture
def transport() -> Transport:
    return Transport([gaussian_of(layer) for layer in REAL], [layer.clone() for layer in DRAWN])


def targets(transport: Transport) -> list[Tensor]:
    return [transport.get_buffer(f"targets_{place}") for place in range(2)]


def test_aiming_tells_the_distance_of_all_drawn_pictures(transport):
    transport.aim()
    assert transport.distance.item() == pytest.approx(distance(DRAWN), rel=1e-4)


def test_the_targets_are_distributed_like_renders(transport):
    assert distance(DRAWN) > 1
    # Not 0: deviations overshoot by 1 / 39, for the distance has the unbiased covariance.
    assert distance(targets(transport)) == pytest.approx(0, abs=1e-3)


def test_pictures_that_reached_their_targets_have_no_loss_and_are_like_renders(transport):
    reached, everything = [layer.clone() for layer in targets(transport)], torch.arange(40)
    assert transport.loss(reached, everything).item() == 0
    transport.keep(reached, everything)
    transport.aim()
    assert transport.distance.item() == pytest.approx(0, abs=1e-3)


def test_the_loss_is_the_squared_distance_to_the_targets_in_units_of_the_renders_variance(transport):
    indices = torch.tensor([7, 3])
    new = [layer[indices] + 1 for layer in targets(transport)]
    expected = [layer.shape[1] / layer.var(0).sum().item() for layer in REAL]
    assert transport.loss(new, indices).item() == pytest.approx(sum(expected) / 2, rel=1e-4)


def test_only_what_was_drawn_anew_is_replaced(transport):
    indices = torch.tensor([7, 3])
    transport.keep([torch.zeros(2, 6), torch.zeros(2, 4)], indices)
    for place, layer in enumerate(DRAWN):
        kept = transport.get_buffer(f"features_{place}")
        assert not kept[indices].any()
        others = torch.ones(40, dtype=torch.bool)
        others[indices] = False
        assert torch.equal(kept[others], layer[others])


def test_what_was_drawn_and_aimed_at_survives_a_checkpoint(transport):
    transport.keep([torch.zeros(2, 6), torch.zeros(2, 4)], torch.tensor([7, 3]))
    transport.aim()
    other = Transport([gaussian_of(layer) for layer in REAL], [layer.clone() for layer in DRAWN])
    other.load_state_dict(transport.state_dict())
    assert other.distance == transport.distance
    for one, aimed in zip(targets(transport), targets(other), strict=True):
        assert torch.equal(one, aimed)
    other.aim()
    assert other.distance == transport.distance  # the features are there too


def test_the_gradient_at_the_kept_features_is_that_of_the_distance(transport):
    """Going on from where the pictures were, the loss descends the Frechet distance itself."""
    drawn = [layer.clone().requires_grad_(True) for layer in DRAWN]
    transport.loss(drawn, torch.arange(40)).backward()
    for real, layer in zip(REAL, drawn, strict=True):
        one = layer.detach().double().requires_grad_(True)
        step = 1e-3 * layer.grad.double() / layer.grad.norm()
        with torch.no_grad():
            fall = frechet_distance(real, one) - frechet_distance(real, one - step)
        expected = 2 * real.double().var(0).sum().item() * layer.grad.norm().item() * 1e-3
        assert fall == pytest.approx(expected, rel=0.02)
