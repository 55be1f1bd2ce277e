"""Pictures: fixed by their scene, free of warnings, and different where their scenes differ."""

import hashlib
import subprocess
import sys
import warnings

import numpy as np
import pytest

from engine.errors import InvalidRequest
from engine.scenes import CHOICES, LOOKS, Scene, random_scene, render
from engine.scenes.layout import plan


def luma(image: np.ndarray) -> float:
    return float((image @ np.array([0.3, 0.59, 0.11])).mean())


def coarse(image: np.ndarray) -> str:
    """A fingerprint that the last bit of a float cannot change: means of 16 x 16 pixels in steps of 8."""
    size = image.shape[0] // 16
    means = image.reshape(size, 16, size, 16, 3).mean((1, 3))
    return hashlib.sha256(np.round(means / 8).astype(np.uint8).tobytes()).hexdigest()


def test_a_picture_is_square_uint8_at_any_size():
    for size in (64, 100, 131):
        image = render(random_scene(4), size)
        assert image.shape == (size, size, 3)
        assert image.dtype == np.uint8


def test_a_fresh_process_paints_the_same_picture():
    code = (
        "import hashlib; from engine.scenes import random_scene, render;"
        "print([hashlib.sha256(render(random_scene(s), 64).tobytes()).hexdigest() for s in (8, 31)])"
    )
    fresh = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here = [hashlib.sha256(render(random_scene(seed), 64).tobytes()).hexdigest() for seed in (8, 31)]
    assert fresh.stdout.strip() == str(here)


def test_what_was_painted_before_changes_nothing():
    first = render(random_scene(21), 64)
    render(random_scene(22, look="cel"), 96)
    assert coarse(render(random_scene(21), 64)) == coarse(first)
    assert (render(random_scene(21), 64) == first).all()


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in CHOICES for value in CHOICES[name]])
def test_every_value_is_painted_without_a_warning(name, value):
    with warnings.catch_warnings(), np.errstate(divide="raise", invalid="raise", over="raise"):
        warnings.simplefilter("error")
        image = render(random_scene(6, **{name: value}), 64)
    assert image.std() > 5


@pytest.mark.parametrize("look", LOOKS)
def test_a_look_changes_the_pixels_and_not_the_composition(look):
    scene, plain = random_scene(9, look=look), random_scene(9)
    assert plan(scene).horizon == plan(plain).horizon
    assert plan(scene).spot == plan(plain).spot
    difference = np.abs(render(scene, 64).astype(int) - render(plain, 64)).mean()
    assert difference > 3 if look != "painterly" else difference == 0


def test_the_composition_is_the_same_at_every_size():
    scene = random_scene(14, weather="clear")
    small, large = render(scene, 64).astype(float), render(scene, 192).astype(float)
    shrunk = large.reshape(64, 3, 64, 3, 3).mean((1, 3))
    assert np.corrcoef(small.ravel(), shrunk.ravel())[0, 1] > 0.9


def test_mono_is_a_single_cold_tone():
    image = render(random_scene(3, look="mono"), 64).astype(int)
    assert (image[..., 2] + 1 >= image[..., 0]).all()


@pytest.mark.parametrize("seed", range(4))
def test_night_is_darker_than_day(seed):
    day, night = (Scene(time=time, seed=seed) for time in ("day", "night"))
    assert luma(render(night, 64)) < 0.6 * luma(render(day, 64))


def test_snow_whitens_the_ground():
    clear, snow = (render(Scene(weather=weather, plants="none", seed=5), 64)[48:] for weather in ("clear", "snow"))
    assert luma(snow) > luma(clear) + 20
    assert snow.std(-1).mean() < clear.std(-1).mean()


def test_storm_is_darker_than_rain_and_fog_flattens():
    clear, fog, storm = (render(Scene(weather=weather, seed=2), 64) for weather in ("clear", "fog", "storm"))
    assert luma(storm) < luma(clear)
    assert fog.std() < clear.std()


SEEN = [("water", "lake"), ("water", "sea"), ("landmark", "castle"), ("plants", "pines"), ("mood", "magical")]


@pytest.mark.parametrize(("name", "value"), [*SEEN, ("land", "volcano")])
def test_an_attribute_shows_in_the_pixels(name, value):
    bare = Scene(land="hills", plants="none", seed=7)
    changed = Scene(**{"land": "hills", "plants": "none", "seed": 7} | {name: value})
    difference = np.abs(render(bare, 64).astype(int) - render(changed, 64)).max(-1)
    assert (difference > 16).mean() > 0.02


def test_a_landmark_is_large():
    for landmark in ("castle", "tower", "windmill", "temple", "crystals", "mushrooms", "village"):
        bare, built = (render(Scene(landmark=name, seed=12), 128).astype(int) for name in ("none", landmark))
        rows = np.flatnonzero((np.abs(bare - built).max(-1) > 24).sum(1) > 1)
        assert rows.max() - rows.min() >= 0.3 * 128


@pytest.mark.parametrize("size", [63, 513, 64.0, True, "256"])
def test_other_sizes_are_refused(size):
    with pytest.raises(InvalidRequest, match="from 64 to 512"):
        render(random_scene(1), size)
