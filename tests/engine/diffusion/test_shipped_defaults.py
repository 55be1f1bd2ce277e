"""A model that ships may say with which values it draws: they hold wherever nobody says otherwise."""

from dataclasses import replace

import pytest

from engine.diffusion.defaults import FIELDS, suggested
from engine.diffusion.few_steps import misfits
from engine.diffusion.request import drawing_problems, text_to_image
from engine.kept_photos import PhotoRef
from engine.settings import PROJECT, Settings
from engine.weights.hashes import model_digest
from engine.weights.models import Catalogue
from tests.tiny import weights_with_defaults

SAID = {"num_inference_steps": 12, "guidance_scale": 6.0, "scheduler": "DPM++ 2M"}
PHOTO = PhotoRef("a" * 64, "x.png").to_dict()


@pytest.fixture
def settings(settings: Settings, tmp_path) -> Settings:
    return replace(settings, weights_dir=weights_with_defaults(settings.weights_dir, tmp_path / "shipped", SAID))


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("text_to_image", {}),
        ("text_to_image", {"variation_strength": 0.2}),
        ("image_to_image", {"image": PHOTO}),
        ("inpaint", {"image": PHOTO, "extend": [0, 0, 16, 0]}),
    ],
)
def test_it_holds_for_every_way_to_draw_and_gives_way(studio, kind, values):
    def asked(**more):
        request = studio.request(kind, {"prompt": "a castle", **values, **more})
        return tuple(getattr(request, field) for field in FIELDS)

    assert asked() == (12, 6.0, "DPM++ 2M")
    assert asked(num_inference_steps=5, scheduler="DDIM") == (5, 6.0, "DDIM")
    studio.save_defaults("mini", {"num_inference_steps": 9, "guidance_scale": 7.5, "scheduler": "Euler"})
    assert asked() == (9, 7.5, "Euler")
    studio.forget_defaults("mini")
    assert asked() == (12, 6.0, "DPM++ 2M")


def test_it_holds_in_a_grid_but_where_an_axis_says_otherwise(studio):
    axes = [{"name": "steps", "values": ["3", "4"]}]
    grid = studio.request("grid", {"base": {"prompt": "a castle"}, "axes": axes})
    drawn = [(cell.request.num_inference_steps, cell.request.scheduler) for cell in grid.cells()]
    assert drawn == [(3, "DPM++ 2M"), (4, "DPM++ 2M")]


def test_what_one_model_says_does_not_hold_for_the_others_of_a_grid(studio):
    axes = [{"name": "model", "values": ["mini", "sd21"]}]

    def drawn(**base):
        grid = studio.request("grid", {"base": {"prompt": "a castle", **base}, "axes": axes})
        return tuple(getattr(grid.base, field) for field in FIELDS)

    assert drawn() == (25, 7.5, "DDIM")
    assert drawn(num_inference_steps=9) == (9, 7.5, "DDIM")
    studio.save_defaults("mini", {"num_inference_steps": 8, "guidance_scale": 7.0, "scheduler": "Euler"})
    assert drawn() == (8, 7.0, "Euler")


def test_a_record_that_names_no_steps_means_what_it_always_meant():
    request = text_to_image({"prompt": "a castle", "model": "mini", "width": 64, "height": 64})
    assert (request.num_inference_steps, request.guidance_scale, request.scheduler) == (25, 7.5, "DDIM")


def test_it_changes_no_pixels_so_the_digest_stays(settings, tiny_weights):
    assert model_digest(settings.weights_dir / "mini") == model_digest(tiny_weights / "mini")


def test_what_the_model_that_ships_says_may_be_asked_for(tmp_path):
    mini = Catalogue(Settings(home=tmp_path, weights_dir=PROJECT / "weights")).get("mini")
    assert mini.defaults.keys() == set(FIELDS)
    assert drawing_problems(mini.defaults) == []
    taken = suggested(mini)
    assert not [*misfits(taken.num_inference_steps, taken.guidance_scale, taken.scheduler, mini, ())]
