"""Every seed of 64 bits has noise of its own."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.seeding import generator_of

TOP = 2**64 - 1
LONG = (2**32, 2**32 + 11, 2**50 + 7, 2**53 + 1, 2**63 - 1, 2**63, TOP)


def noise(seed: int) -> np.ndarray:
    return torch.randn(1000, generator=generator_of(seed)).numpy()


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_seeds_below_two_to_the_32_are_the_librarys_own(seed):
    own = torch.randn(1000, generator=torch.Generator().manual_seed(seed))
    assert np.array_equal(noise(seed), own.numpy())


def test_a_longer_seed_is_the_twisters_own_longer_key():
    """Any mt19937 gives these numbers from the key (lower half, upper half)."""
    for seed in LONG:
        numbers = torch.empty(2000, dtype=torch.int64).random_(0, 2**24, generator=generator_of(seed))
        twister = np.random.RandomState([seed % 2**32, seed // 2**32])
        expected = twister.randint(0, 2**32, 2000, np.uint32) % 2**24
        assert np.array_equal(numbers.numpy(), expected)


def test_noise_never_repeats():
    seeds = {low + high * 2**32 for low in (0, 1, 11, 2**32 - 1) for high in (0, 1, 2, 2**21, 2**31, 2**32 - 1)}
    assert len({noise(seed).tobytes() for seed in seeds}) == len(seeds)
    assert abs(float(noise(2**40).mean())) < 0.15
    assert float(noise(2**40).std()) == pytest.approx(1, abs=0.1)
