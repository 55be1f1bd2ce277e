"""The squares that the model sees."""

import numpy as np
import pytest
import torch
from PIL import Image

from engine.datasets.augment import Augmentation, preview, varied
from engine.errors import InvalidRequest
from engine.training.pixels import prepare

PLAIN = Augmentation(64, random_crop=False, horizontal_flip=0)


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def columns(width: int = 200, height: int = 100) -> Image.Image:
    """Red tells how far to the right, green how far down: 0 to 200."""
    x, y = np.meshgrid(np.linspace(0, 200, width), np.linspace(0, 200, height))
    return Image.fromarray(np.stack([x, y, 0 * x], -1).astype(np.uint8))


def test_the_result_is_a_square_in_the_engines_range(paint):
    pixels = prepare(paint(1), Augmentation(64), generator(0))
    assert (pixels.shape, pixels.dtype) == ((3, 64, 64), torch.float32)
    assert -1 <= pixels.min() < pixels.max() <= 1


def test_the_generator_decides_everything(paint):
    settings = Augmentation(64, min_scale=0.5, color_jitter=0.2)
    first, again, other = (prepare(paint(1), settings, generator(seed)) for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_held_out_pictures_are_the_centred_square_as_it_is():
    settings = Augmentation(104, min_scale=0.5, horizontal_flip=1, color_jitter=0.5)
    pixels = prepare(columns(208, 104), settings, None)
    expected = np.asarray(columns(208, 104).crop((52, 0, 156, 104)), np.float32) / 127.5 - 1
    np.testing.assert_allclose(pixels.permute(1, 2, 0).numpy(), expected, atol=1e-6)


def test_without_random_crops_and_the_rest_nothing_is_varied():
    assert torch.equal(prepare(columns(), PLAIN, generator(1)), prepare(columns(), PLAIN, None))


def test_mirroring_happens_as_often_as_asked():
    straight = prepare(columns(), PLAIN, None)
    always = Augmentation(64, random_crop=False, horizontal_flip=1)
    assert torch.equal(prepare(columns(), always, generator(1)), straight.flip(-1))
    often = Augmentation(64, random_crop=False, horizontal_flip=0.25)
    one = generator(0)
    mirrored = sum(not torch.equal(prepare(columns(), often, one), straight) for _ in range(200))
    assert 30 <= mirrored <= 70


def test_random_crops_stay_inside_and_keep_their_size():
    settings = Augmentation(64, min_scale=0.5, horizontal_flip=0)
    one = generator(0)
    spans, lefts, tops = [], [], []
    for _ in range(60):
        pixels = (prepare(columns(), settings, one) + 1) * 127.5
        spans.append(float(pixels[1, -1].mean() - pixels[1, 0].mean()) / 200)  # of the height
        lefts.append(float(pixels[0, :, 0].mean()))
        tops.append(float(pixels[1, 0].mean()))
    assert 0.45 < min(spans) < 0.6 < 0.9 < max(spans) <= 1
    assert min(lefts) < 20 < 80 < max(lefts)
    assert min(tops) < 10 < 50 < max(tops)


def test_colour_jitter_changes_colours_and_not_places(paint):
    settings = Augmentation(64, random_crop=False, horizontal_flip=0, color_jitter=0.5)
    dark = varied(paint(1), settings, [0, 0, 0, 0.5, 0.0, 0.5, 0.5])  # brightness at its least, the rest unchanged
    plain = varied(paint(1), settings, None)
    np.testing.assert_allclose(np.asarray(dark, float), np.asarray(plain) * 0.5, atol=0.5)
    grey = varied(paint(1), Augmentation(64, False, 1, 0, 0.5), [0, 0, 0, 0.5, 0.5, 0.5, 0.0])
    spread = [np.ptp(np.asarray(image, float), axis=-1).mean() for image in (grey, plain)]
    assert spread[0] == pytest.approx(spread[1] / 2, rel=0.05)


def test_one_setting_does_not_change_the_chances_of_another():
    cropped = Augmentation(64, horizontal_flip=0)
    jittered = Augmentation(64, horizontal_flip=0, color_jitter=1e-6)
    assert torch.equal(prepare(columns(), cropped, generator(3)), prepare(columns(), jittered, generator(3)))


def test_odd_modes_are_shown_as_they_look():
    clear = Image.new("RGBA", (80, 80), (255, 0, 0, 0))
    assert prepare(clear, PLAIN, None).min() == 1  # white
    deep = Image.fromarray(np.full((80, 80), 65535, np.uint16))
    assert prepare(deep, PLAIN, None).min() == 1
    print_ = Image.new("CMYK", (80, 80), (0, 255, 255, 0))
    assert prepare(print_, PLAIN, None)[:, 0, 0].tolist() == [1, -1, -1]


def test_small_pictures_are_enlarged(paint):
    assert prepare(paint(1, (70, 65)), Augmentation(128), generator(0)).shape == (3, 128, 128)


def test_preview_shows_squares_of_the_kind(paint):
    settings = Augmentation(64, min_scale=0.5)
    shown = preview(paint(1), settings, 3, seed=1)
    assert [image.size for image in shown] == [(64, 64)] * 3
    assert len({image.tobytes() for image in shown}) == 3
    assert [image.tobytes() for image in preview(paint(1), settings, 3, seed=1)] == [i.tobytes() for i in shown]


def test_wrong_settings_are_told_together():
    with pytest.raises(InvalidRequest) as refused:
        Augmentation(100, random_crop="yes", min_scale=0.1, horizontal_flip=2, color_jitter=float("nan"))
    messages = {problem.field: problem.message for problem in refused.value.problems}
    assert "a multiple of 8 from 64 to 2048 pixels; got 100" in messages["resolution"]
    assert "on or off; got 'yes'" in messages["random_crop"]
    assert "a number from 0.25 to 1; got 0.1" in messages["min_scale"]
    assert "a number from 0 to 1; got 2" in messages["horizontal_flip"]
    assert "a number from 0 to 0.5; got nan" in messages["color_jitter"]


@pytest.mark.parametrize("resolution", [True, 64.0, 56, 2056, "512"])
def test_wrong_resolutions(resolution):
    with pytest.raises(InvalidRequest, match="resolution must be"):
        Augmentation(resolution)
