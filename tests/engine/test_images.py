import numpy as np
import pytest
import torch
from diffusers.image_processor import VaeImageProcessor
from PIL import Image

from engine.images import check_image_range, from_pil, to_pil


def all_values() -> Image.Image:
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    return Image.fromarray(np.stack([values, values[::-1], values.T], axis=-1))


def test_every_8_bit_value_survives_the_round_trip():
    picture = all_values()
    assert np.array_equal(np.asarray(to_pil(from_pil(picture))[0]), np.asarray(picture))


def test_from_pil_spans_exactly_minus_one_to_one():
    x = from_pil([all_values(), all_values()])
    assert x.shape == (2, 3, 16, 16)
    assert x.dtype == torch.float32
    assert (x.min(), x.max()) == (-1, 1)


def test_rounding_is_the_diffusers_processors():
    x = torch.randn(2, 3, 64, 48, generator=torch.Generator().manual_seed(0))
    theirs = VaeImageProcessor().postprocess(x, output_type="pil")
    assert all(np.array_equal(a, b) for a, b in zip(map(np.asarray, to_pil(x)), map(np.asarray, theirs), strict=True))


def test_values_outside_are_clipped():
    x = torch.tensor([-3.0, 0.0, 3.0]).reshape(1, 3, 1, 1)
    assert to_pil(x)[0].getpixel((0, 0)) == (0, 128, 255)


def test_other_modes_become_rgb():
    assert from_pil(Image.new("L", (4, 2), 255)).shape == (1, 3, 2, 4)


def test_pictures_of_two_sizes_are_no_batch():
    with pytest.raises(ValueError, match=r"share one size; got \[\(1, 1\), \(2, 2\)\]"):
        from_pil([Image.new("RGB", (1, 1)), Image.new("RGB", (2, 2))])


@pytest.mark.parametrize("x", [torch.zeros(3, 4, 4), torch.zeros(1, 4, 4, 4), torch.zeros(1, 3, 4, 4).byte()])
def test_wrong_layout_is_named(x):
    with pytest.raises(ValueError, match=r"floating-point \(N, 3, H, W\); got"):
        to_pil(x)


def test_range_check_names_both_bounds():
    check_image_range(torch.tensor([-1.0, 1.0]))
    with pytest.raises(ValueError, match=r"lie in \[-1, 1\]; got \[0, 255\]"):
        check_image_range(torch.tensor([0.0, 255.0]))
    with pytest.raises(ValueError, match=r"lie in \[0, 1\]; got \[-1, 1\]"):
        check_image_range(torch.tensor([-1.0, 1.0]), 0, 1)


def test_range_check_refuses_nan():
    with pytest.raises(ValueError, match="NaN or infinity"):
        check_image_range(torch.tensor([0.0, float("nan")]))
