"""The guided filter, and generators that end with it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from engine.errors import InvalidRequest
from engine.translation.guided import Refinement, guided_filter, refined
from engine.translation.networks.generator import Architecture, Generator
from engine.translation.networks.ode import Solver


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2 - 1


def step_edge(size: int = 32) -> torch.Tensor:
    """(1, 3, size, size): dark to the left, light to the right."""
    return torch.cat([torch.full((1, 3, size, size // 2), -0.5), torch.full((1, 3, size, size // 2), 0.5)], dim=3)


def test_is_the_published_algorithm() -> None:
    guide, picture = noise(1, 1, 9, 7), noise(1, 1, 9, 7, seed=1)
    radius, epsilon = 2, 0.05

    def windows(values: np.ndarray) -> np.ndarray:
        return np.lib.stride_tricks.sliding_window_view(np.pad(values, radius, mode="reflect"), (5, 5)).reshape(
            *values.shape, 25
        )

    i, p = windows(guide[0, 0].numpy()), windows(picture[0, 0].numpy())
    a = ((i * p).mean(-1) - i.mean(-1) * p.mean(-1)) / (i.var(-1) + epsilon)
    b = p.mean(-1) - a * i.mean(-1)
    expected = windows(a).mean(-1) * guide[0, 0].numpy() + windows(b).mean(-1)
    found = guided_filter(guide, picture, radius, epsilon)[0, 0].numpy()
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_gradients_take_another_way_to_the_same_pixels() -> None:
    photo, fake = noise(2, 3, 24, 16), noise(2, 3, 24, 16, seed=1)
    plain = refined(fake, photo, Refinement())
    traced = refined(fake.clone().requires_grad_(), photo.clone().requires_grad_(), Refinement())
    torch.testing.assert_close(traced, plain)


def test_channels_and_pictures_do_not_mix() -> None:
    guide, picture = noise(2, 3, 8, 8), noise(2, 3, 8, 8, seed=1)
    whole = guided_filter(guide, picture, 2, 0.01)
    for n in range(2):
        for c in range(3):
            alone = guided_filter(guide[n : n + 1, c : c + 1], picture[n : n + 1, c : c + 1], 2, 0.01)
            torch.testing.assert_close(whole[n : n + 1, c : c + 1], alone)


def test_soft_borders_become_as_sharp_as_the_photos() -> None:
    photo = step_edge()
    soft = F.avg_pool2d(F.pad(photo, (3, 3, 3, 3), mode="replicate"), 7, stride=1)
    sharp = refined(soft, photo, Refinement(sharpness=0))
    assert sharp.diff(dim=3).abs().max() > 3 * soft.diff(dim=3).abs().max()
    sharper = refined(soft, photo, Refinement(sharpness=1))
    assert sharper.diff(dim=3).abs().max() > 1.2 * sharp.diff(dim=3).abs().max()


def test_what_has_no_cause_in_the_photo_goes() -> None:
    photo = step_edge()
    blotted = photo.clone()
    blotted[..., 8:10, 6:8] = 1  # a white blot in the dark half
    mended = refined(blotted, photo, Refinement(4, 0.01))
    clean = refined(photo, photo, Refinement(4, 0.01))
    assert (mended - clean)[..., :12].abs().max() < 0.1


def test_large_areas_keep_the_photos_colours_and_small_things_the_translations() -> None:
    photo = step_edge(96) - 0.4  # dark, as by night
    fake = photo + 0.6  # lifted, as by a network that does not know how dark the photo was
    fake[..., 40:44, 20:24] += 0.3
    calm = Refinement(2, sharpness=0)
    error = [
        (refined(fake, photo, replace(calm, colours=share)) - refined(photo, photo, calm)).abs().mean().item()
        for share in (0.0, 0.5, 1.0)
    ]
    assert error[0] > 0.5
    assert error[1] == pytest.approx(error[0] / 2, rel=0.1)
    assert error[2] < 0.03
    kept = refined(fake, photo, replace(calm, colours=1.0))
    assert kept[..., 40:44, 20:24].mean() > kept[..., :32].median() + 0.1


def test_recipes_name_colours_only_where_some_are_kept() -> None:
    assert "colours" not in Refinement().values
    assert Refinement(**Refinement(3, colours=0.6).values) == Refinement(3, colours=0.6)


def test_texture_goes_and_borders_stay() -> None:
    texture = 0.05 * noise(1, 3, 32, 32).float()
    plain = Refinement(sharpness=0)
    calm = refined(step_edge() + texture, step_edge() + texture, plain)
    assert calm[..., :12].std() < 0.2 * texture[..., :12].std()
    assert calm.diff(dim=3).abs().max() > 0.6  # of 1


def test_windows_may_be_larger_than_the_picture() -> None:
    photo = noise(1, 3, 5, 16)
    wide, widest = (guided_filter(photo, photo.flip(3), radius, 0.01) for radius in (64, 15))
    torch.testing.assert_close(wide, widest)
    assert refined(photo, photo, Refinement(64)).shape == photo.shape


def test_settings_out_of_range_are_all_said() -> None:
    with pytest.raises(InvalidRequest) as caught:
        Refinement(0, 2.0, 0.0, 5.0)
    assert [problem.message for problem in caught.value.problems] == [
        "radius must be a whole number from 1 to 64; got 0.",
        "epsilon must be above 0 and at most 1; got 2.0.",
        "calm must be above 0 and at most 1; got 0.0.",
        "sharpness must be from 0 to 4; got 5.0.",
    ]


def test_a_generator_ends_with_it_where_it_is_asked_to() -> None:
    torch.manual_seed(0)
    plain = Generator(Architecture(width=4, blocks=1), Solver("euler")).eval()
    follows = Generator(Architecture(width=4, blocks=1), Solver("euler"), Refinement(2)).eval()
    follows.load_state_dict(plain.state_dict())
    photo = noise(1, 3, 32, 24).float()
    torch.testing.assert_close(follows(photo), refined(plain(photo), photo, Refinement(2)))
