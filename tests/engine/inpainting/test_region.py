"""What is drawn anew, and that all else stays as it was."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from engine.inpainting.region import feathered, region

MODEL = {"pixels": 64 * 64, "step": 8, "least": 32, "most": 128}
WHOLE = {"extend": (0, 0, 0, 0), "feather": 0, "area": "whole"}


def noise(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8))


def disc(width: int, height: int, at: tuple[int, int], radius: int) -> Image.Image:
    y, x = np.mgrid[:height, :width]
    return Image.fromarray(((x - at[0]) ** 2 + (y - at[1]) ** 2 <= radius**2).astype(np.uint8) * 255)


@settings(max_examples=25, deadline=None)
@given(
    size=st.tuples(st.integers(16, 200), st.integers(16, 200)),
    at=st.tuples(st.integers(0, 199), st.integers(0, 199)),
    radius=st.integers(0, 60),
    feather=st.integers(0, 40),
    area=st.sampled_from(["whole", "masked"]),
    extend=st.tuples(*[st.sampled_from([0, 1, 37])] * 4),
)
def test_pixels_outside_the_feathered_mask_are_bit_equal(size, at, radius, feather, area, extend):
    picture, mask = noise(*size), disc(*size, at, radius)
    plan = region(picture, mask, extend=extend, feather=feather, area=area, **MODEL)
    white = Image.new("RGB", plan.size, (255, 255, 255))
    finished = np.asarray(plan.finished(white))
    left, top, right, bottom = extend
    assert finished.shape == (size[1] + top + bottom, size[0] + left + right, 3)
    kept = np.asarray(plan.alpha) == 0
    assert np.array_equal(finished[kept], np.asarray(plan.canvas)[kept])
    anew = np.pad(np.asarray(mask) >= 128, ((top, bottom), (left, right)), constant_values=True)
    assert (finished[anew] == 255).all()  # what was painted is new as a whole
    assert not kept[anew].any()


def test_new_passes_into_old_over_the_feather():
    anew = np.zeros((9, 40), bool)
    anew[:, :10] = True
    row = feathered(anew, 4)[4]
    assert row[:16].tolist() == [255] * 10 + [204, 153, 102, 51, 0, 0]
    assert feathered(anew, 0)[4, :11].tolist() == [255] * 10 + [0]


def test_only_the_masked_part_is_in_view_at_full_size():
    plan = region(
        noise(1000, 600), disc(1000, 600, (500, 300), 10), extend=(0, 0, 0, 0), feather=2, area="masked", **MODEL
    )
    left, top, right, bottom = plan.box
    assert right - left < 100
    assert bottom - top < 100
    assert plan.size == (64, 64)
    assert plan.mask.getpixel((32, 32)) == 255
    assert plan.mask.getpixel((0, 0)) == 0


def test_the_edges_go_on_where_a_picture_is_extended():
    picture = noise(64, 64)
    plan = region(picture, None, extend=(16, 0, 0, 8), feather=0, area="whole", **MODEL)
    assert plan.canvas.size == (80, 72)
    assert plan.canvas.crop((16, 0, 80, 64)).tobytes() == picture.tobytes()
    assert plan.canvas.getpixel((3, 20)) == picture.getpixel((0, 20))
    alpha = np.asarray(plan.alpha)
    assert alpha[:, :16].min() == alpha[64:].min() == 255
    assert alpha[:64, 16:].max() == 0


@pytest.mark.parametrize("mode", ["L", "RGB", "1"])
def test_a_mask_of_any_mode_is_white_where_it_is_bright(mode):
    plan = region(noise(64, 64), disc(64, 64, (32, 32), 9).convert(mode), **WHOLE, **MODEL)
    assert np.array_equal(np.asarray(plan.alpha), np.asarray(disc(64, 64, (32, 32), 9)))
