"""The translator without weights: what it flattens, keeps and colours."""

import pytest
import torch

from engine.errors import InvalidRequest
from engine.translation.classical import Look, illustrate

PLAIN = Look(smoothing=0.5, levels=32, lines=0, saturation=1, brightness=0, sky=0)


def flat(red: float, green: float, blue: float, height: int = 64, width: int = 96) -> torch.Tensor:
    return torch.tensor([red, green, blue]).view(1, 3, 1, 1).expand(1, 3, height, width).clone()


def grain(like: torch.Tensor, strength: float) -> torch.Tensor:
    return (like + strength * torch.randn(like.shape, generator=torch.Generator().manual_seed(0))).clamp(-1, 1)


def roughness(x: torch.Tensor) -> float:
    return (x.diff(dim=-1).abs().mean() + x.diff(dim=-2).abs().mean()).item()


def test_keeps_shape_and_range() -> None:
    photo = grain(flat(0.2, 0.1, -0.4, 37, 51), 0.5)
    fake = illustrate(torch.cat([photo, -photo]))
    assert fake.shape == (2, 3, 37, 51)
    assert fake.dtype == torch.float32
    assert fake.min() >= -1
    assert fake.max() <= 1


def test_every_photo_is_illustrated_alone() -> None:
    first, second = grain(flat(0.2, 0.1, -0.4), 0.3), grain(flat(-0.5, 0.3, 0.6), 0.3)
    assert torch.equal(illustrate(torch.cat([first, second])), torch.cat([illustrate(first), illustrate(second)]))


def test_texture_goes_and_edges_stay() -> None:
    photo = flat(-0.4, -0.4, -0.4)
    photo[..., 48:] = 0.4
    noisy = grain(photo, 0.12)
    fake = illustrate(noisy, PLAIN)
    assert roughness(fake[..., :44]) < 0.25 * roughness(noisy[..., :44])
    step = fake[..., 50:].mean() - fake[..., :46].mean()
    assert fake[..., 46:50].diff(dim=-1).mean(dim=(0, 1, 2)).max() > 0.5 * step


def test_a_flat_picture_stays_flat() -> None:
    assert roughness(illustrate(flat(0.1, -0.2, -0.3))) < 1e-6


def test_colours_grow_and_shadows_turn_blue() -> None:
    colourful = illustrate(flat(0.1, -0.1, -0.15), Look(sky=0))
    assert (colourful[:, 0] - colourful[:, 2]).mean() > 1.3 * (0.1 + 0.15)
    shadow = illustrate(flat(-0.9, -0.9, -0.9), Look(sky=0))
    assert (shadow[:, 2] - shadow[:, 0]).mean() > 0.02


def test_a_pale_sky_turns_blue_and_the_land_does_not() -> None:
    photo = flat(0.55, 0.58, 0.62, 96, 128)
    photo[..., 56:, :] = grain(flat(-0.5, -0.2, -0.6, 40, 128), 0.35)
    with_sky, without = illustrate(photo), illustrate(photo, Look(sky=0))
    blueness = (with_sky - without)[:, 2] - (with_sky - without)[:, 0]
    assert blueness[:, :40].mean() > 0.2
    assert blueness[:, 66:].abs().mean() < 0.01
    evening = photo.clone()
    evening[..., :56, :] = flat(0.9, 0.4, -0.2, 56, 128)
    assert illustrate(evening)[:, 0, :40].mean() > illustrate(evening)[:, 2, :40].mean() + 0.5


def test_lines_darken_strong_edges_only() -> None:
    photo = flat(-0.4, -0.4, -0.4)
    photo[..., 48:] = 0.6
    drawn, plain = (illustrate(photo, Look(lines=lines, sky=0)) for lines in (1.0, 0.0))
    darker = (plain - drawn).mean((0, 1, 2))
    assert darker[44:49].max() > 0.1
    assert darker[:30].abs().max() < 1e-6


def test_refuses_a_look_outside_its_ranges() -> None:
    with pytest.raises(InvalidRequest, match="levels must lie from 2 to 32; got 1"):
        Look(levels=1)
