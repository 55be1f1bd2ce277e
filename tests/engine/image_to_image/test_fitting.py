"""A picture is brought to the size that a model draws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from engine.image_to_image.fitting import fitted, shape_of


def halves(width: int, height: int) -> Image.Image:
    """Red on the left, blue on the right."""
    picture = Image.new("RGB", (width, height), (255, 0, 0))
    picture.paste((0, 0, 255), (width // 2, 0, width, height))
    return picture


@pytest.mark.parametrize("fit", ["keep", "crop", "pad"])
@pytest.mark.parametrize("size", [(16, 16), (400, 100), (100, 400), (257, 255)])
def test_the_size_is_the_asked_one_and_what_fits_stays(fit, size):
    assert fitted(halves(*size), 64, 48, fit).size == (64, 48)
    exact = halves(64, 48)
    assert fitted(exact, 64, 48, fit).tobytes() == exact.tobytes()


def test_cropping_cuts_both_sides_and_padding_repeats_the_edges():
    cropped = np.asarray(fitted(halves(400, 100), 100, 100, "crop"))
    assert cropped[50, 10].tolist() == [255, 0, 0]
    assert cropped[50, 90].tolist() == [0, 0, 255]
    padded = np.asarray(fitted(halves(400, 100), 100, 100, "pad"))
    assert padded[0].tolist() == padded[45].tolist() == padded[99].tolist()


@given(st.integers(16, 5000), st.integers(16, 5000))
def test_a_shape_keeps_its_pixels_and_its_form(width, height):
    across, down = shape_of(width, height, 256 * 256, 32, 128, 768)
    assert across % 32 == down % 32 == 0
    assert 128 <= across <= 768
    assert 128 <= down <= 768
    if 1 / 6 < width / height < 6:
        assert across / down == pytest.approx(width / height, rel=0.13 * max(width / height, height / width))
    if 0.5 < width / height < 2:
        assert abs(across * down / 256**2 - 1) < 0.3
        assert across / down == pytest.approx(width / height, rel=0.25)
