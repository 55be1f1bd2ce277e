"""The last stage of the decoder: what its memory of drawn pictures must do."""

import pytest
import torch
from torch import Tensor

from engine.metrics.frechet import frechet_distance, gaussian_of
from engine.training.finish import MemoryBank


def features(count: int, seed: int) -> Tensor:
    """Of two layers, (2, count, 6)."""
    return torch.randn(2, count, 6, generator=torch.Generator().manual_seed(seed))


REAL = features(60, 0)


def bank_of(fake_features: Tensor) -> MemoryBank:
    return MemoryBank([gaussian_of(layer) for layer in REAL], fake_features)


def test_the_loss_is_the_distance_of_all_kept_pictures_in_units_of_the_renders_variance():
    kept, new = 3 + 0.5 * features(20, 1), features(4, 2)
    known = torch.cat([kept[:, 4:], new], 1)
    expected = [
        frechet_distance(real, fake) / real.double().var(0).sum().item() for real, fake in zip(REAL, known, strict=True)
    ]
    assert bank_of(kept).loss(new).item() == pytest.approx(sum(expected) / 2, rel=1e-4)


def test_a_picture_is_pulled_just_as_far_whatever_the_number_that_is_kept():
    new, rest = features(2, 2), 3 + 0.5 * features(18, 1)

    def gradient(others: Tensor) -> Tensor:
        batch = new.clone().requires_grad_(True)
        bank_of(torch.cat([new, others], 1)).loss(batch).backward()  # the first two leave the bank
        return batch.grad

    once, twice = gradient(rest), gradient(torch.cat([rest, new, rest], 1))
    assert torch.allclose(once, twice, atol=0.05 * once.abs().max().item())


def test_going_down_the_gradient_makes_drawn_features_like_those_of_renders():
    kept = 3 + 0.5 * features(20, 1)
    bank, distances = bank_of(kept), []
    for _ in range(60):
        batch = kept[:, :4].clone().requires_grad_(True)
        loss = bank.loss(batch)
        loss.backward()
        kept = torch.cat([kept[:, 4:], (batch - 2 * batch.grad).detach()], 1)
        bank.keep(kept[:, -4:])
        distances.append(loss.item())
    assert torch.equal(bank.fake_features, kept)
    assert distances[-1] < 0.2 * distances[0]
