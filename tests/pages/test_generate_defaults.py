"""Steps, guidance and scheduler follow the model on the Generate page, and the artist's own defaults are kept."""

import pytest

from tests.pages.helpers import button, press_generate, texts
from tests.tiny import save_tiny_pipeline
from tests.tiny_lora import save_lora


@pytest.fixture(scope="module")
def turbo(tmp_path_factory):
    return save_tiny_pipeline(tmp_path_factory.mktemp("models") / "sd-turbo", "epsilon")


@pytest.fixture
def few(studio, turbo):
    """The studio with a turbo model and an LCM LoRA of the artist's."""
    studio.add_model(str(turbo))
    save_lora(studio.settings.home / "loras/lcm-lora.safetensors")
    return studio


def fields(page):
    return (
        page.number_input(key="num_inference_steps").value,
        page.number_input(key="guidance_scale").value,
        page.selectbox(key="scheduler").value,
    )


def choose(page, model):
    page.selectbox(key="model").set_value(model).run()
    assert not page.exception


def test_fields_follow_the_model_and_it_is_said(open_page, few, work):
    page = open_page("generate")
    assert fields(page) == (25, 7.5, "DDIM")
    assert "as this model wants" not in texts(page.caption)

    choose(page, "sd-turbo")
    assert fields(page) == (1, 0.0, "Turbo")
    assert "Steps 1, guidance 0, Turbo\\: as this model wants" in texts(page.caption)
    page.text_area(key="prompt").set_value("a castle")
    press_generate(page)
    work()
    (job,) = few.jobs()
    (record,) = few.gallery.of_job(job.id)
    assert (record.recipe.request["num_inference_steps"], record.recipe.notes) == (1, ())

    choose(page, "mini")
    assert fields(page) == (25, 7.5, "DDIM")
    assert "Steps 25, guidance 7\\.5, DDIM\\: as this model wants" in texts(page.caption)


def test_what_the_artist_changed_stays_and_a_bad_fit_is_said(open_page, few):
    page = open_page("generate")
    page.number_input(key="guidance_scale").set_value(5.0).run()
    choose(page, "sd-turbo")
    assert fields(page) == (1, 5.0, "Turbo")
    said = texts(page.caption)
    assert "Steps 1, Turbo\\: as this model wants" in said
    assert "Guidance 5\\: as you set it, not 0\\." in said
    assert "without guidance \\(0\\); at 5 its colours burn out" in said


def test_a_model_in_the_address_brings_its_own_and_the_address_wins(open_page, few):
    assert fields(open_page("generate", model="sd-turbo")) == (1, 0.0, "Turbo")
    assert fields(open_page("generate", model="sd-turbo", num_inference_steps="3")) == (3, 0.0, "Turbo")


def test_a_recipe_is_restored_as_it_was_whatever_its_model_wants(open_page, few, work):
    values = {"prompt": "a castle", "model": "sd-turbo", "num_inference_steps": 2, "guidance_scale": 7.5}
    job = few.submit(few.request("text_to_image", {**values, "scheduler": "DDIM", "num_images": 1}))
    work()
    (record,) = few.gallery.of_job(job.id)
    page = open_page("generate", recipe=record.id)
    page.run()
    assert page.selectbox(key="model").value == "sd-turbo"
    assert fields(page) == (2, 7.5, "DDIM")


def test_an_lcm_lora_brings_its_own(open_page, few):
    page = open_page("generate")
    page.multiselect(key="loras").set_value(["lcm-lora"]).run()
    assert fields(page) == (4, 1.0, "LCM")
    assert "Steps 4, guidance 1, LCM\\: as LoRA lcm\\-lora wants" in texts(page.caption)
    page.multiselect(key="loras").set_value([]).run()
    assert fields(page) == (25, 7.5, "DDIM")


def test_draft_and_final_are_one_press_each_way_and_follow_the_picker(open_page, few):
    page = open_page("generate")
    assert page.button_group(key="pace").value == "Final"
    page.button_group(key="pace").set_value("Draft").run()
    assert (page.multiselect(key="loras").value, *fields(page)) == (["lcm-lora"], 4, 1.0, "LCM")
    page.button_group(key="pace").set_value("Final").run()
    assert (page.multiselect(key="loras").value, *fields(page)) == ([], 25, 7.5, "DDIM")
    page.multiselect(key="loras").set_value(["lcm-lora"]).run()
    assert page.button_group(key="pace").value == "Draft"
    choose(page, "sd-turbo")
    assert not [group for group in page.get("button_group") if group.key == "pace"]


def test_an_ordinary_model_with_lcm_is_told_what_it_is_for(open_page, few):
    page = open_page("generate")
    page.selectbox(key="scheduler").set_value("LCM").run()
    assert "LCM is for models and LoRAs that were made for few steps" in texts(page.caption)


def test_own_defaults_are_saved_and_forgotten_on_the_page(open_page, few):
    page = open_page("generate")
    assert page.button(key="save_defaults_mini").disabled
    page.number_input(key="num_inference_steps").set_value(9).run()
    page.button(key="save_defaults_mini").click().run()
    assert few.defaults(few.model("mini")).num_inference_steps == 9
    assert "as you saved for this model" in texts(page.caption)
    assert fields(open_page("generate")) == (9, 7.5, "DDIM")
    choose(page, "sd-turbo")
    choose(page, "mini")
    assert fields(page) == (9, 7.5, "DDIM")
    button(page, "Forget").click().run()
    assert fields(page) == (25, 7.5, "DDIM")
    assert few.defaults(few.model("mini")).num_inference_steps == 25


def test_a_broken_file_of_defaults_is_said_and_the_form_works(open_page, few):
    file = few.settings.home / "weights/defaults.json"
    file.write_text("{")
    page = open_page("generate", model="sd-turbo")
    assert "must be a JSON object that names models" in texts(page.warning)
    assert fields(page) == (1, 0.0, "Turbo")
    page.number_input(key="num_inference_steps").set_value(2).run()
    page.button(key="save_defaults_sd-turbo").click().run()
    assert "It is left as it is" in texts(page.error)
    assert file.read_text() == "{"


def test_for_how_few_steps_a_model_was_made_is_said_on_the_page(open_page, few):
    page = open_page("generate", model="sd-turbo")
    page.selectbox(key="few_steps_of_sd-turbo").set_value("An ordinary model").run()
    page.button(key="say_few_steps_sd-turbo").click().run()
    assert not page.exception
    assert fields(page) == (25, 7.5, "DDIM")
    assert "an ordinary model, not one for few steps" in texts(page.caption)
    choose(page, "mini")
    assert not [field for field in page.selectbox if field.key == "few_steps_of_mini"]
