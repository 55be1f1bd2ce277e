"""Tiles that cannot be seen, in bounded memory."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import Cancelled
from engine.upscaling.networks import Network
from engine.upscaling.tiles import Plan, plan_for, upscaled
from tests.tiny_upscaler import tiny_compact

CPU = torch.device("cpu")


def network(scale=4, ask=None, reach="own"):
    model = tiny_compact(scale)
    return Network(ask or model, scale, model.reach if reach == "own" else reach, CPU, torch.float32)


def picture(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@settings(max_examples=25, deadline=None)
@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    tile=st.integers(5, 40),
    factor=st.sampled_from([2, 3, 4]),
    seed=st.integers(0, 9),
)
def test_in_tiles_is_as_whole(height, width, tile, factor, seed):
    small, net = picture(height, width, seed), network()
    whole = upscaled(net, small, factor, plan_for(net, tile=1000))
    tiled = upscaled(net, small, factor, plan_for(net, tile=tile))
    assert whole.shape == (factor * height, factor * width, 3)
    # Kernels add in another order for another size: where a value lies between two levels it may round to either.
    assert np.abs(tiled.astype(int) - whole).max() <= 1
    assert (tiled != whole).mean() < 0.002


def test_a_margin_that_is_narrower_than_the_network_sees_shows_its_tiles():
    """So the test above can fail."""
    net, small = network(), picture(40, 40)
    narrow = replace(plan_for(net, tile=20), margin=1)
    assert not np.array_equal(upscaled(net, small, 4, narrow), upscaled(net, small, 4))


@pytest.mark.parametrize("factor", [2, 4])
def test_one_colour_stays_itself_where_tiles_fade(factor):
    """Repeating pixels is a network too; what overlaps adds up to the whole, at all edges and corners."""

    def repeated(x):
        return x.repeat_interleave(4, -1).repeat_interleave(4, -2)

    net, small = network(ask=repeated, reach=None), picture(50, 61)
    faded = upscaled(net, small, factor, Plan(tile=13, margin=2, fade=5))
    assert np.array_equal(faded, small.repeat(factor, 0).repeat(factor, 1))


def test_tiles_that_do_not_agree_fade_into_each_other():
    """A network that gives every tile its own grey: no step between neighbours is larger than the fade allows."""
    greys = iter(np.linspace(0, 1, 9))

    def own_grey(x):
        return torch.full((1, 3, 4 * x.shape[-2], 4 * x.shape[-1]), float(next(greys)))

    large = upscaled(network(ask=own_grey, reach=None), picture(60, 60), 4, Plan(tile=20, margin=0, fade=10))
    steps = [np.abs(np.diff(large.astype(int), axis=axis)).max() for axis in (0, 1)]
    assert max(steps) <= 255 / (10 * 4) + 2


def test_memory_that_ends_makes_tiles_smaller():
    largest = []

    def with_little_memory(x):
        if x.shape[-1] > 80:
            raise MemoryError
        largest.append(x.shape[-1])
        return tiny_compact()(x)

    small = picture(150, 150)
    net = network(ask=with_little_memory)
    assert np.abs(upscaled(net, small, 4).astype(int) - upscaled(network(), small, 4)).max() <= 1
    assert max(largest) <= 80

    def with_none(x):
        raise MemoryError

    with pytest.raises(MemoryError):
        upscaled(network(ask=with_none), small, 4)


def test_it_can_be_stopped_between_tiles_and_says_where_it_is():
    said = []
    with pytest.raises(Cancelled):
        upscaled(
            network(),
            picture(30, 30),
            2,
            Plan(tile=10, margin=4, fade=0),
            report=lambda done, tiles: said.append((done, tiles)),
            should_stop=lambda: len(said) == 2,
        )
    assert said == [(0, 9), (1, 9)]


def test_pixels_beyond_the_range_are_clipped_not_wrapped():
    def loud(x):
        return x.repeat_interleave(4, -1).repeat_interleave(4, -2) * 3 - 1

    small = np.array([[[0, 255, 128]]], np.uint8)
    assert upscaled(network(ask=loud), small, 4)[0, 0].tolist() == [0, 255, 129]
