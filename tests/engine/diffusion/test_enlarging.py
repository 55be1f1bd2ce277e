"""Drawings that are made larger within their own job: the same drawing, then the upscaler that ships."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from engine.diffusion.enlarging import none_here
from engine.diffusion.request import TextToImage, text_to_image
from engine.diffusion.words import parameters_of
from engine.errors import InvalidRequest, ModelUnavailable
from engine.inpainting.request import inpaint
from engine.jobs.schema import SUCCEEDED
from engine.kinds import KINDS
from engine.prompting.presets import preset_of
from engine.reproducing.comparing import differences
from gallery.foreign.infotext import read
from gallery.infotext import format_parameters
from tests.engine.upscaling.test_upscaling import by_hand

ASKED = {"prompt": "a castle", "seed": 3, "num_inference_steps": 2, "model": "mini", "width": 72, "height": 64}


def drawn(studio, work, request):
    job = studio.submit(request)
    work()
    assert studio.job(job.id).state == SUCCEEDED, studio.job(job.id).error
    return studio.gallery.of_job(job.id)


def test_it_is_the_same_drawing_made_larger(studio, work):
    plain = studio.request("text_to_image", ASKED)
    (small,) = drawn(studio, work, plain)
    large, second = drawn(studio, work, replace(plain, enlarged=2, num_images=2))

    assert (large.width, large.height, second.width) == (144, 128, 144)
    with Image.open(io.BytesIO(studio.gallery.png(large.id))) as image:
        assert np.abs(np.asarray(image) - by_hand(studio.gallery.png(small.id), 2)).max() <= 0.51
    assert "enlarged" not in small.recipe.request
    assert "enlarged_by" not in small.recipe.model
    by = large.recipe.model["enlarged_by"]
    assert (by["name"], by["scale"], len(by["sha256"])) == ("realesr-animevideov3", 4, 64)
    again = KINDS.read(large.recipe.kind, large.recipe.request)
    assert (again.enlarged, again.width, again.height) == (2, 72, 64)
    assert preset_of(large.recipe.request)["enlarged"] == 2

    text = format_parameters(parameters_of(large.recipe))
    assert "Size: 72x64" in text
    assert "Denoising strength: 0, Hires upscale: 2, Hires upscaler: realesr-animevideov3" in text
    assert read(text).strength is None  # it is no picture from a picture
    assert "Hires" not in format_parameters(parameters_of(small.recipe))

    before = large.recipe.to_dict()
    after = {**before, "model": before["model"] | {"enlarged_by": by | {"sha256": "0" * 64}}}
    assert [each.what for each in differences(before, after)] == ["the upscaler's hash"]


def test_a_request_without_the_field_means_as_it_is_drawn():
    request = text_to_image(ASKED)
    assert request.enlarged == 1
    assert "enlarged" not in request.to_dict()
    assert text_to_image(replace(request, enlarged=4).to_dict()).enlarged == 4


@pytest.mark.parametrize("times", [0, 3, 2.0, True, "2", None, [2]])
def test_other_factors_are_refused(times):
    with pytest.raises(InvalidRequest, match="1, 2, 4; got"):
        text_to_image({**ASKED, "enlarged": times})


def test_a_redrawn_part_keeps_its_pictures_size():
    with pytest.raises(InvalidRequest, match=r"must be 1; got 2\. Upscale it after"):
        inpaint({**ASKED, "enlarged": 2})


def test_pictures_that_the_gallery_cannot_keep_are_refused_before_they_are_drawn(studio):
    request = TextToImage(**{**ASKED, "width": 2**15, "height": 64}, enlarged=4)
    with pytest.raises(InvalidRequest, match="131072x256"):
        studio.submit(request)


def test_without_an_upscaler_nothing_is_drawn_in_vain():
    with pytest.raises(ModelUnavailable, match="makes pictures larger"):
        none_here()
