"""What a drawing takes from its model where nobody says otherwise, and what is said where that fits badly."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from engine.diffusion.defaults import Defaults, Own, in_words, suggested
from engine.diffusion.few_steps import misfits
from engine.diffusion.notes import request_notes
from engine.errors import InvalidRequest, ModelBroken, NotFound
from engine.image_to_image.request import image_to_image
from engine.kept_photos import PhotoRef
from engine.weights.loras import LoraInfo
from tests.tiny import REQUEST, save_tiny_pipeline, tiny_info
from tests.tiny_lora import save_lora

MINI = tiny_info(Path("mini"), name="mini", title="Niji mini (256 px)")
TURBO = replace(MINI, name="turbo", title="SD-Turbo", few_steps="turbo")
LCM = replace(MINI, name="lcm", title="Dreams", few_steps="lcm")
TOLD = replace(LCM, guidance_embedding=True)
QUICK = LoraInfo("lcm-lora", Path("lcm-lora.safetensors"), "x", 32, 4, (), "", 1, few_steps="lcm")
FOUR = replace(QUICK, name="turbo-lora", few_steps="turbo")
OTHER = replace(QUICK, name="ink", few_steps="")
SAYS = replace(MINI, defaults={"num_inference_steps": 12, "guidance_scale": 6.0, "scheduler": "DPM++ 2M"})
OWN = Defaults(12, 5.0, "UniPC", "as you saved for this model")


@pytest.mark.parametrize(
    ("model", "loras", "own", "expected", "why"),
    [
        (None, (), None, "Steps 25, guidance 7.5, DDIM", "this model"),
        (MINI, (OTHER,), None, "Steps 25, guidance 7.5, DDIM", "this model"),
        (TURBO, (), None, "Steps 1, guidance 0, Turbo", "this model"),
        (LCM, (), None, "Steps 4, guidance 1, LCM", "this model"),
        (TOLD, (), None, "Steps 4, guidance 8, LCM", "this model"),
        (MINI, (OTHER, QUICK), None, "Steps 4, guidance 1, LCM", "LoRA lcm-lora"),
        (MINI, (QUICK,), OWN, "Steps 4, guidance 1, LCM", "LoRA lcm-lora"),
        (MINI, (OTHER, FOUR), OWN, "Steps 4, guidance 1, Turbo", "LoRA turbo-lora"),
        (LCM, (FOUR,), None, "Steps 4, guidance 1, LCM", "this model"),
        (TURBO, (QUICK,), None, "Steps 1, guidance 0, Turbo", "this model"),
        (SAYS, (), None, "Steps 12, guidance 6, DPM++ 2M", "this model"),
        (SAYS, (OTHER,), None, "Steps 12, guidance 6, DPM++ 2M", "this model"),
        (SAYS, (OTHER, QUICK), None, "Steps 4, guidance 1, LCM", "LoRA lcm-lora"),
        (SAYS, (), OWN, "Steps 12, guidance 5, UniPC", "you saved"),
        (MINI, (), OWN, "Steps 12, guidance 5, UniPC", "you saved"),
        (TURBO, (), OWN, "Steps 12, guidance 5, UniPC", "you saved"),
    ],
)
def test_what_a_model_wants(model, loras, own, expected, why):
    found = suggested(model, loras, own)
    assert (str(found), why in found.why) == (expected, True)
    if found.why != OWN.why and model:  # and what is wanted is never spoken against
        assert [*misfits(**drawn(found), model=model, loras=loras)] == []


def drawn(defaults: Defaults) -> dict:
    values = defaults.values()
    return {
        "steps": values["num_inference_steps"],
        "guidance": values["guidance_scale"],
        "scheduler": defaults.scheduler,
    }


@pytest.mark.parametrize(
    ("model", "loras", "values", "said"),
    [
        (TURBO, (), (25, 7.5, "DDIM"), ["the scheduler Turbo; with DDIM", "1 to 4 steps; 25", "(0); at 7.5"]),
        (TURBO, (), (4, 1.0, "Turbo"), []),
        (LCM, (), (25, 7.5, "Euler"), ["Dreams was made for the scheduler LCM", "4 to 8 steps; 25", "at 7.5"]),
        (TOLD, (), (8, 0.0, "LCM"), ["is told the guidance scale, about 8; at 0"]),
        (TOLD, (QUICK,), (8, 1.5, "LCM"), []),
        (MINI, (QUICK,), (25, 1.5, "DDIM"), ["LoRA lcm-lora was made for the scheduler LCM; with DDIM", "; 25 take"]),
        (MINI, (FOUR,), (25, 7.5, "DDIM"), ["LoRA turbo-lora was made for the scheduler Turbo", "8 steps", "at 7.5"]),
        (MINI, (FOUR,), (8, 1.0, "Turbo"), []),
        (MINI, (OTHER,), (4, 1.0, "LCM"), ["Niji mini is none, and its pictures come out soft and flat"]),
        (MINI, (), (4, 0.0, "Turbo"), ["In 4 steps Turbo", "Use 20 steps or more"]),
        (MINI, (), (25, 7.5, "Turbo"), []),
        (MINI, (), (1, 0.0, "DDIM"), []),
    ],
)
def test_what_fits_badly_is_said(model, loras, values, said):
    steps, guidance, scheduler = values
    text = "\n".join(misfits(steps, guidance, scheduler, model, loras))
    assert all(part in text for part in said)
    assert bool(text) == bool(said)


def test_some_of_the_values_in_words():
    assert in_words({"guidance_scale": 0.0, "scheduler": "Turbo"}) == "Guidance 0, Turbo"
    assert in_words({"scheduler": "LCM"}) == "LCM"


@pytest.fixture(scope="module")
def quick_models(tmp_path_factory):
    """A folder with a turbo model and a latent consistency model."""
    folder = tmp_path_factory.mktemp("quick")
    save_tiny_pipeline(folder / "sd-turbo", "epsilon")
    save_tiny_pipeline(folder / "told", "epsilon", guidance_width=16)
    return folder


@pytest.fixture
def few(studio, quick_models):
    """The studio with both, and with an LCM LoRA of the artist's."""
    weights = studio.settings.home / "weights"
    weights.mkdir(parents=True)
    for folder in quick_models.iterdir():
        (weights / folder.name).symlink_to(folder)
    save_lora(studio.settings.home / "loras/lcm-lora.safetensors")
    return studio


def asked(studio, **values):
    request = studio.request("text_to_image", {"prompt": "a castle", **values})
    return request.num_inference_steps, request.guidance_scale, request.scheduler


def test_what_is_left_out_takes_what_the_model_wants(few):
    assert asked(few) == (25, 7.5, "DDIM")
    assert asked(few, model="sd-turbo") == (1, 0.0, "Turbo")
    assert asked(few, model="told") == (4, 8.0, "LCM")
    assert asked(few, model="sd-turbo", num_inference_steps=3, width=64) == (3, 0.0, "Turbo")
    assert asked(few, loras=[("lcm-lora", 1.0)]) == (4, 1.0, "LCM")
    assert asked(few, loras=[("lcm-lora", 0.0)]) == (25, 7.5, "DDIM")
    assert asked(few, model="none") == (25, 7.5, "DDIM")  # refused when it is submitted


@pytest.mark.parametrize(
    ("steps", "strength", "said"),
    [(1, 0.6, "1 of 1"), (1, 0.0, ""), (1, 1.0, ""), (4, 0.6, ""), (2, 0.35, ""), (3, 0.1, "1 of 3"), (25, 0.61, "")],
)
def test_few_steps_on_a_start_picture_are_coarse(steps, strength, said):
    """The strength chooses how many steps are run, and of one step there is only all or nothing."""
    photo = PhotoRef("a" * 64, "x.png")
    values = {**REQUEST.to_dict(), "num_inference_steps": steps, "scheduler": "Turbo", "guidance_scale": 0.0}
    request = image_to_image({**values, "strength": strength, "image": photo.to_dict()})
    notes = [note for note in request_notes(request, TURBO) if "strength" in note]
    assert len(notes) == bool(said)
    assert all(f" {said} step" in note for note in notes)


def test_drawn_from_request_to_gallery(few, work):
    told = few.submit(few.request("text_to_image", {"prompt": "a castle", "model": "sd-turbo"}))
    mush = few.submit(
        few.request("text_to_image", {"prompt": "a castle", "scheduler": "LCM", "num_inference_steps": 2})
    )
    lora = few.submit(few.request("text_to_image", {"prompt": "a castle", "loras": [("lcm-lora", 0.5)]}))
    work()
    for job, notes, steps in ((told, 0, 1), (mush, 1, 2), (lora, 0, 4)):
        (record,) = few.gallery.of_job(job.id)
        assert (few.job(job.id).error, record.recipe.request["num_inference_steps"]) == (None, steps)
        assert sum("made for" in note for note in record.recipe.notes) == notes


def test_the_artists_own_are_kept_and_forgotten(few):
    model = few.model("sd-turbo")
    values = {"num_inference_steps": 2, "guidance_scale": 0, "scheduler": "Euler a"}
    assert str(few.save_defaults("sd-turbo", values)) == "Steps 2, guidance 0, Euler a"
    assert asked(few, model="sd-turbo") == (2, 0.0, "Euler a")
    assert few.defaults(model).why == "as you saved for this model"
    few.save_defaults("mini", {**values, "num_inference_steps": 9})
    assert asked(few)[0] == 9
    few.forget_defaults("sd-turbo")
    assert asked(few, model="sd-turbo") == (1, 0.0, "Turbo")
    assert list(json.loads(Own(few.settings).file.read_text())) == ["mini"]
    with pytest.raises(InvalidRequest, match="No defaults are saved for 'sd-turbo'"):
        few.forget_defaults("sd-turbo")
    with pytest.raises(NotFound):
        few.save_defaults("none", values)
    with pytest.raises(InvalidRequest, match="from 1 to 50; got 60"):
        few.save_defaults("mini", {**values, "num_inference_steps": 60, "scheduler": "LCM"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "must be a JSON object that names models"),
        ("[]", "JSON list in place of an object"),
        ('{"mini": 3}', "entry 'mini': It must have num_inference_steps"),
        ('{"mini": {"num_inference_steps": 0, "guidance_scale": 1, "scheduler": "DDIM"}}', "from 1 to 150; got 0"),
        ('{"mini": {"num_inference_steps": 1, "guidance_scale": [], "scheduler": {}}}', "must be a number"),
    ],
)
def test_a_broken_file_is_said_and_left_as_it_is(few, text, said):
    own = Own(few.settings)
    own.file.write_text(text)
    with pytest.raises(ModelBroken, match=said):
        asked(few)
    assert asked(few, num_inference_steps=2, guidance_scale=3, scheduler="DDIM", model="mini", width=64, height=64)
    if text.startswith('{"mini"'):
        assert asked(few, model="sd-turbo") == (1, 0.0, "Turbo")  # a wrong entry keeps no other model from drawing
        few.forget_defaults("mini")
        assert asked(few) == (25, 7.5, "DDIM")
    else:
        with pytest.raises(ModelBroken, match=said):
            few.save_defaults("mini", Defaults().values())
        assert own.file.read_text() == text
