"""Photos of every size: no seams, same picture as in one piece, stoppable."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from engine.errors import Cancelled
from engine.translation.guided import Refinement
from engine.translation.networks.generator import Architecture, Generator
from engine.translation.networks.norms import gathering
from engine.translation.networks.ode import Solver
from engine.translation.photos import _finished, _in_tiles, pad_to, sampled_statistics, translate
from engine.translation.running import _refined_later
from engine.translation.tile_sizes import BUDGETS, MULTIPLE, SHARE, bytes_a_pixel, with_large_tiles
from engine.translation.tiles import Plan, pixels_in_tiles, spans

PLAN = Plan(reach=64, whole_pixels=128 * 128, tile=64)


@pytest.fixture(scope="module")
def model() -> Generator:
    torch.manual_seed(1)
    model = Generator(Architecture(blocks=1, width=4), Solver("euler"), Refinement(3))
    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.kaiming_normal_(parameter, 0.3)
    return model.eval()


def landscape(height: int, width: int) -> torch.Tensor:
    """Smooth shapes with a bright and a dark half, as photos have."""
    noise = torch.randn(1, 3, 14, 12, generator=torch.Generator().manual_seed(0))
    shapes = F.interpolate(noise, (height, width), mode="bicubic")
    return (0.4 * shapes + torch.linspace(0.6, -0.6, height)[:, None]).clamp(-1, 1)


@pytest.mark.parametrize("size", [(1, 1), (3, 50), (16, 16), (33, 70), (130, 9)])
def test_every_size_comes_back(model: Generator, size: tuple[int, int]) -> None:
    fake = translate(model, landscape(*size))
    assert fake.shape == (1, 3, *size)
    assert fake.abs().max() <= 1


def test_padding_keeps_the_photo() -> None:
    photo = landscape(33, 70)
    padded = pad_to(photo, 4, 16)
    assert padded.shape[-2:] == (36, 72)
    assert torch.equal(padded[..., :33, :70], photo)
    assert pad_to(photo[..., :2, :2], 32, 256).shape[-2:] == (256, 256)


def test_tiles_with_the_photos_statistics_are_the_photo_in_one_piece(model: Generator) -> None:
    photo = landscape(200, 168)
    with torch.inference_mode(), gathering(model) as exact:
        whole = model(photo)
    with torch.inference_mode():
        tiled = _in_tiles(model, photo, PLAN, lambda done, tiles: None, lambda: False, exact)
    torch.testing.assert_close(tiled, whole, atol=1e-4, rtol=1e-4)


@settings(max_examples=6, deadline=None)
@given(
    height=st.integers(20, 60).map(lambda n: 4 * n),
    width=st.integers(20, 60).map(lambda n: 4 * n),
    tile=st.integers(8, 40).map(lambda n: 4 * n),
)
def test_any_tiles_are_the_photo_in_one_piece(model: Generator, height: int, width: int, tile: int) -> None:
    """Refined once at the end, so that the border is that of the network alone."""
    photo = landscape(height, width)
    plan = Plan(reach=32, whole_pixels=1, tile=tile)
    with torch.inference_mode():
        with gathering(model) as exact:
            whole = model(photo)
        with _refined_later(model, True) as finish:
            tiled = _in_tiles(model, photo, plan, lambda done, tiles: None, lambda: False, exact)
        assert finish is not None
        tiled = _finished(finish, tiled, photo, lambda: False)
    assert model.refinement is not None
    torch.testing.assert_close(tiled, whole, atol=1e-4, rtol=1e-4)


@given(size=st.integers(1, 9000), tile=st.integers(1, 60).map(lambda n: 32 * n), multiple=st.sampled_from([4, 32]))
@settings(max_examples=25, deadline=None)
def test_tiles_cover_a_side_once_and_none_is_too_large(size: int, tile: int, multiple: int) -> None:
    cut = spans(size, Plan(multiple=multiple, tile=tile))
    assert [span.start for span in cut] == [0, *(span.stop for span in cut[:-1])]
    assert cut[-1].stop == size
    assert all(0 < span.stop - span.start <= tile for span in cut)
    assert all(span.start % multiple == 0 for span in cut)
    assert len(cut) <= -(-size // tile)


def test_tiles_are_as_large_as_memory_allows() -> None:
    plan = Plan(reach=64)
    wide, narrow = (Generator(Architecture(blocks=1, width=width), Solver("euler")).eval() for width in (16, 8))
    held = bytes_a_pixel(wide, plan)
    assert held == pytest.approx(4 * 3 * 2 * 16, rel=0.01)  # 32 channels at full size: read, given, and at work
    for budget in BUDGETS:
        side = with_large_tiles(plan, wide, int(budget / SHARE)).tile
        assert (side + 2 * plan.reach) ** 2 * held <= budget < (side + MULTIPLE + 2 * plan.reach) ** 2 * held
        assert side % MULTIPLE == 0
    assert with_large_tiles(plan, wide, 10**9) == plan
    assert with_large_tiles(plan, narrow, 10**12).tile > 1.3 * with_large_tiles(plan, wide, 10**12).tile


def test_sampled_statistics_leave_no_seams(model: Generator) -> None:
    photo = landscape(600, 520)
    plan = Plan(reach=64, whole_pixels=4 * 256 * 256, tile=128)
    with torch.inference_mode():
        whole = model(photo)
    tiled = translate(model, photo, plan)
    error = (tiled - whole) / 2
    assert -10 * error.square().mean().log10() > 25
    # A seam would be a step of the error at the tiles' borders, where neighbouring pixels else differ as little.
    steps = error.diff(dim=-1).abs().mean((0, 1, 2))
    borders = [span.start - 1 for span in spans(520, plan)][1:]
    assert len(borders) == 4
    assert steps[borders].mean() < 2 * steps.mean()


def test_statistics_come_from_all_over_the_photo(model: Generator) -> None:
    photo = torch.cat([torch.full((1, 3, 320, 640), -0.9), landscape(320, 640)], dim=2)
    with torch.inference_mode(), gathering(model) as exact:
        model(photo)
    with torch.inference_mode():
        sampled = sampled_statistics(model, photo, Plan(whole_pixels=4 * 256 * 256))
    for (mean, variance), (expected, spread) in zip(sampled.moments[:2], exact.moments[:2], strict=True):
        assert ((mean - expected).abs() < 0.35 * spread.sqrt()).all()
        assert (variance / spread).log().abs().max() < 0.7


def test_reports_tiles_and_stops_between_them(model: Generator) -> None:
    seen: list[tuple[int, int]] = []
    with pytest.raises(Cancelled):
        translate(
            model, landscape(200, 168), PLAN, report=lambda *r: seen.append(r), should_stop=lambda: len(seen) == 3
        )
    assert seen == [(0, 12), (1, 12), (2, 12)]


def test_pixels_in_tiles_are_those_that_the_model_is_asked_for(model: Generator) -> None:
    asked = []
    hook = model.register_forward_hook(lambda module, given, made: asked.append(made[0, 0].numel()))
    photo = landscape(200, 168)
    try:
        with torch.inference_mode(), gathering(model) as exact:
            model(photo)
        asked.clear()
        with torch.inference_mode():
            _in_tiles(model, photo, PLAN, lambda done, tiles: None, lambda: False, exact)
    finally:
        hook.remove()
    assert sum(asked) == pixels_in_tiles(200, 168, PLAN) > 200 * 168
