"""The GAN at several sizes: growing block by block, all sizes at once, and runs from before there was either."""

from dataclasses import replace

import pytest
import torch

from engine.errors import InvalidRequest
from engine.gan.config import CPU, Config, Growth
from engine.gan.networks import Discriminator, Generator, enlarged
from engine.gan.scales import faded, halved_to, scales_of, shown
from engine.gan.trainer import Duel
from engine.training.config import values_of
from engine.training.parallel import Ranks
from tests.tiny_networks import GAN_CONFIG

GROWING = Config(steps=12, batch_size=2, side=32, width=4, latents=5, scales="progressive", fade_pictures=4)


@pytest.fixture
def noise() -> torch.Tensor:
    torch.manual_seed(3)
    return torch.randn(4, 5)


@torch.no_grad()
@pytest.mark.parametrize("side", [16, 32])
def test_a_grown_generator_begins_as_the_enlarged_small_one_and_ends_as_the_new_block_alone(
    noise: torch.Tensor, side: int
) -> None:
    generator = Generator(side=32, width=4, latents=5, scales="progressive").eval()
    small, new = generator.grown(noise, Growth(side // 2)), generator.at_all_sizes(noise)[[8, 16, 32].index(side)]
    assert torch.equal(generator.grown(noise, Growth(side, 0.0)), enlarged(small))
    assert torch.equal(generator.grown(noise, Growth(side, 1.0)), new)
    torch.testing.assert_close(generator.grown(noise, Growth(side, 0.25)), 0.75 * enlarged(small) + 0.25 * new)
    assert torch.equal(generator.at_all_sizes(noise)[-1], generator(noise))
    assert shown(generator, noise, Growth(side, 0.5), 32).shape == (4, 3, 32, 32)


@torch.no_grad()
@pytest.mark.parametrize("side", [16, 32])
def test_a_grown_discriminator_begins_as_the_small_one_on_halved_pictures(side: int) -> None:
    discriminator = Discriminator(side=32, width=4, scales="progressive").eval()
    pictures = torch.rand(4, 3, side, side)
    small = discriminator.grown(halved_to(pictures, side // 2), Growth(side // 2))
    torch.testing.assert_close(discriminator.grown(pictures, Growth(side, 0.0)), small)
    whole = discriminator.grown(pictures, Growth(side, 1.0))
    assert not torch.allclose(whole, small)
    if side == 32:
        assert torch.equal(whole, discriminator(pictures))


def test_pictures_are_as_coarse_as_those_that_are_drawn_while_a_block_fades_in() -> None:
    pictures = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(faded(pictures, Growth(16, 0.0)), enlarged(halved_to(pictures, 8)))
    assert torch.equal(faded(pictures, Growth(32)), pictures)


def test_gradients_reach_the_head_of_every_size_and_the_first_block_by_each(noise: torch.Tensor) -> None:
    config = replace(GROWING, scales="multi", fade_pictures=0)
    scales = scales_of(config.scales)
    generator = Generator(side=32, width=4, latents=5, scales="multi")
    discriminator = Discriminator(side=32, width=4, scales="multi")
    drawn = scales.draw(generator, noise, config.growth(0))
    seen = scales.see(torch.rand(4, 3, 32, 32), config.growth(0))
    assert [each.shape for each in drawn] == [each.shape for each in seen]
    assert [each.shape[-1] for each in drawn] == [8, 16, 32]
    verdict = scales.judge(discriminator, drawn, config.growth(0)).sum()
    heads = [head[0].weight for head in [*generator.heads, generator.blocks[-1]]]
    assert all(gradient.abs().sum() > 0 for gradient in torch.autograd.grad(verdict, heads, retain_graph=True))
    first = generator.blocks[0][1].weight
    assert all(torch.autograd.grad(each.sum(), first, retain_graph=True)[0].abs().sum() > 0 for each in drawn)


def test_growing_waits_fades_and_waits_again() -> None:
    grown = [GROWING.growth(step) for step in range(GROWING.steps)]
    assert [each.side for each in grown] == [8, 8, 16, 16, 16, 16, 32, 32, 32, 32, 32, 32]
    assert [each.alpha for each in grown] == [1, 1, 0, 0.5, 1, 1, 0, 0.5, 1, 1, 1, 1]
    assert {GAN_CONFIG.growth(step) for step in range(6)} == {Growth(16)}
    even = replace(CPU, scales="progressive")
    assert (even.stretch, even.growth(even.steps - 1)) == (600 * 16 // 5, Growth(32))


def test_a_step_teaches_the_blocks_that_have_grown_and_no_other() -> None:
    torch.manual_seed(0)
    duel = Duel(GROWING, Ranks())
    before = {name: weight.clone() for name, weight in duel.generator.named_parameters()}
    duel.step(0, torch.rand(2, 3, 32, 32), torch.randn(2, 5))
    moved = {
        name.rsplit(".", 2)[0] for name, weight in duel.generator.named_parameters() if (weight != before[name]).any()
    }
    assert moved == {"blocks.0", "heads.0"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scales": "all"}, "scales must be one of single, progressive, multi; got 'all'"),
        ({"first_side": 32}, "first_side must be one of .* below the side of 32; got 32"),
        ({"fade_pictures": 6}, "fade_pictures must be from 0 to 5, so that all has grown .*; got 6"),
        ({"fade_pictures": -1}, "fade_pictures must be from 0 to 5"),
        ({"steps": 1, "fade_pictures": 0}, "fade_pictures must be from 0 to 0"),
        ({"scales": "multi", "side": 8}, "side must be 16 or more where all sizes"),
        ({"side": 48}, "side must be one of 8"),
    ],
)
def test_sizes_that_make_no_sense_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        replace(GROWING, **changes)


def test_a_run_from_before_goes_on_and_another_scale_is_another_run() -> None:
    earlier = {"scales", "first_side", "fade_pictures"}
    assert not earlier & set(values_of(GAN_CONFIG))
    assert not earlier & set(Ranks().settings(GAN_CONFIG))
    assert {"scales", "fade_pictures"} <= set(values_of(GROWING))
