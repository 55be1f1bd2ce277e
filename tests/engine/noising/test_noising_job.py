"""A sheet of noise, through the door and the real worker."""

import io

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from engine.diffusion.starting import Start
from engine.errors import InvalidRequest
from engine.image_to_image.request import ImageToImage
from engine.images import from_pil, to_pil
from engine.jobs.schema import SUCCEEDED
from engine.noising.levels import first_timestep, level_of
from engine.noising.request import NoiseAndDenoise, noise_and_denoise
from tests.engine.lora.lora_runs import tiny_model
from tests.tiny import save_tiny_pipeline

ASKED = {"prompt": "a castle", "seed": 5, "num_inference_steps": 4, "model": "mini", "scheduler": "DDIM"}


def scene(size=(64, 64)):
    picture = Image.new("RGB", size, (90, 140, 200))
    ImageDraw.Draw(picture).rectangle((0, size[1] // 2, size[0], size[1]), fill=(60, 120, 50))
    return picture


@pytest.fixture
def photo(studio):
    file = io.BytesIO()
    scene((96, 64)).save(file, "PNG")
    return studio.add_photo(file.getvalue(), "scene.png")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_model(save_tiny_pipeline(tmp_path_factory.mktemp("models") / "tiny"))


def request(photo=None, **values):
    size = {"width": 64, "height": 64, "image": {"id": "0" * 64, "name": "scene.png"}}
    return noise_and_denoise({**ASKED, **size, **values})


def test_a_job_makes_one_sheet_that_knows_its_picture_and_can_be_made_again(studio, work, photo):
    values = ASKED | {"image": photo, "levels": [0.0, 0.5]}
    sheets = []
    for _ in range(2):
        job = studio.submit(studio.request(NoiseAndDenoise.kind, values))
        work()
        assert studio.job(job.id).state == SUCCEEDED, studio.job(job.id).error
        (record,) = studio.gallery.of_job(job.id)
        sheets.append(np.asarray(Image.open(studio.gallery.path(record.id))))
        values = record.recipe.request
    assert np.array_equal(*sheets)
    assert record.title == "Noise and denoise: scene.png"
    assert studio.gallery.parents(record)[0].photo == photo.id
    assert record.recipe.request["levels"] == [0.0, 0.5]
    assert (record.recipe.model_name, record.seed) == ("mini", 5)


def test_what_is_denoised_in_full_is_a_drawing_that_begins_with_the_picture_at_that_strength(model):
    drawn = {}
    picture = scene()

    def draw(asked, start):
        drawn[asked.strength] = start
        return start.picture

    found = level_of(model, request(), picture, 0.5, draw)
    assert drawn == {0.5: Start(picture, 0.5)}
    assert isinstance(request(), ImageToImage)
    assert (found.steps, found.in_full) == (2, picture)
    assert found.grey.size == found.at_once.size == picture.size


def test_level_nought_is_the_picture_as_the_autoencoder_gives_it_back(model):
    picture = scene()
    found = level_of(model, request(), picture, 0.0, lambda asked, start: start.picture)
    assert found.steps == 0
    assert found.at_once == found.in_full
    with torch.no_grad():
        latents = model.pipeline.vae.encode(from_pil(picture)).latent_dist.mode() * 1.0
    mean = latents[0].mean(0)
    expected = to_pil(((mean - mean.min()) / (mean.max() - mean.min()) * 2 - 1).expand(1, 3, *mean.shape))[0]
    grey = np.asarray(found.grey.resize(expected.size, Image.Resampling.NEAREST)).astype(int)
    assert np.abs(grey - np.asarray(expected)).max() <= 1
    assert np.array_equal(grey[..., 0], grey[..., 1])
    assert (grey.min(), grey.max()) == (0, 255)


def test_more_noise_hides_more_of_the_picture(model):
    picture = scene()
    greys = [
        np.asarray(level_of(model, request(), picture, level, lambda asked, start: start.picture).grey, float)
        for level in (0.0, 0.25, 0.75, 1.0)
    ]
    alike = [np.corrcoef(greys[0].ravel(), grey.ravel())[0, 1] for grey in greys]
    assert alike == sorted(alike, reverse=True)
    assert alike[0] == pytest.approx(1)
    places = [first_timestep(model, request(), level) for level in (0.25, 0.5, 0.75, 1.0)]
    assert places == sorted(places)
    other = level_of(model, request(seed=6), picture, 1.0, lambda asked, start: start.picture)
    assert not np.array_equal(np.asarray(other.grey), greys[-1])
    elsewhere = level_of(model, request(), scene((64, 64)).rotate(180), 1.0, lambda asked, start: start.picture)
    assert np.array_equal(np.asarray(elsewhere.grey), greys[-1])  # at 1 nothing of the picture is left


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"levels": []}, "levels", "1 to 8 noise levels; got 0"),
        ({"levels": [0.1 * n for n in range(9)]}, "levels", "1 to 8 noise levels; got 9"),
        ({"levels": [0.5, 1.1]}, "levels", "numbers from 0 to 1; got 1.1"),
        ({"levels": ["half"]}, "levels", "numbers from 0 to 1; got 'half'"),
        ({"levels": [0.5, 0.5]}, "levels", "one is named twice"),
        ({"levels": 3}, "levels", "got 3"),
        ({"num_images": 2}, "num_images", "one sheet; got 2 images"),
        ({"image": None}, "image", "There must be a picture"),
    ],
)
def test_wrong_values_are_told_with_their_field(values, field, words):
    with pytest.raises(InvalidRequest) as error:
        request(**values)
    assert any(problem.field == field and words in problem.message for problem in error.value.problems)
