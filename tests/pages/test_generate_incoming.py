"""A picture of any tool is dropped on Generate, and its recipe goes into the form."""

import io

from PIL import Image

from engine.settings import PROJECT
from gallery.foreign.imported import Origin, imported_recipe
from gallery.foreign.reading import read_foreign
from gallery.metadata import png_bytes
from tests.gallery.samples import picture, recipe
from tests.pages.helpers import button, texts
from tests.tiny_lora import save_lora

FORGE = (PROJECT / "tests/data/recipes/sd-metadata__forge-neo.png").read_bytes()
TEXT = """a hill <lora:Ink:0.6> <lora:mist:1>
Negative prompt: fog
Steps: 12, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 4.5, Seed: 18446744073709551615, Size: 128x72, \
Model: MINI, Lora hashes: "Ink: 8c6dd764ceff, mist: 5a4becfcc624\""""


def drawn(image):
    """A PNG without a recipe."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def dropped(open_page, data, name="picture.png", **query):
    page = open_page("generate", **query)
    page.button(key="incoming_button").click().run()
    page.file_uploader(key="incoming_file").set_value((name, data, "image/png")).run()
    return page


def said(page):
    return texts([*page.caption, *page.markdown, *page.success, *page.warning]).replace("\\", "")


def test_a_dialog_that_was_left_by_back_is_closed_at_the_next_visit(open_page):
    page = open_page("generate")
    page.button(key="incoming_button").click().run()
    assert [way.key for way in page.segmented_control if way.key == "incoming_way"]
    for path in ("gallery", "generate"):
        page.switch_page(f"{path}/page.py").run()
    assert not [way.key for way in page.segmented_control if way.key == "incoming_way"]


def settled(page):
    """As the browser does a moment later."""
    page.run()
    assert not page.exception
    return page


def test_a_picture_of_another_tool_goes_into_the_form_but_for_its_seed_and_what_is_not_here(open_page):
    page = dropped(open_page, FORGE, prompt="a lake", seed="7")
    shown = said(page)
    assert "Forge Neo" in shown
    assert "waiIllustriousSDXL_v160 (45a21ea00a)" in shown
    assert "https://civitai.com/search/models?query=45a21ea00a" in shown.replace("\\", "")
    assert "draws sides of" in shown
    assert not [box for box in page.checkbox if box.label == "Model"]

    button(page, "All but the seed").click().run()
    settled(page)
    assert page.text_area(key="prompt").value.startswith("general, masterpiece")
    assert page.text_input(key="seed").value == "7"
    assert page.selectbox(key="scheduler").value == "Euler a"
    assert page.number_input(key="num_inference_steps").value == 24
    assert page.selectbox(key="model").value == "mini"
    assert "incoming_file" not in {each.key for each in page.file_uploader}
    assert "Applied from Forge Neo: Prompt" in said(page)
    assert "- Model: waiIllustriousSDXL_v160 (45a21ea00a). No model of this name or hash is here. Look for it" in said(
        page
    )
    assert "Seed: not chosen." in said(page)
    page.button(key="incoming_hide").click().run()
    assert "Forge Neo" not in said(page)


def test_a_pasted_text_goes_into_the_form_row_by_row(open_page, studio):
    save_lora(studio.settings.lora_dir / "Ink.safetensors")
    page = open_page("generate", negative_prompt="people")
    page.button(key="incoming_button").click().run()
    page.segmented_control(key="incoming_way").set_value("Its text").run()
    page.text_area(key="incoming_text").set_value(TEXT).run()
    assert "its hash is not known here yet" in said(page)
    page.button(key="incoming_hash").click().run()
    assert "its hash is another one than 8c6dd764ceff" in said(page)

    boxes = {box.label: box for box in page.checkbox}
    assert [boxes[label].value for label in ("Negative prompt", "LoRA Ink")] == [True, False]
    boxes["Negative prompt"].uncheck()
    boxes["LoRA Ink"].check().run()
    button(page, "Apply what is ticked").click().run()
    settled(page)
    assert page.text_area(key="prompt").value == "a hill"
    assert page.text_input(key="negative_prompt").value == "people"
    assert page.text_input(key="seed").value == "18446744073709551615"
    assert (page.number_input(key="width").value, page.number_input(key="height").value) == (128, 72)
    assert page.multiselect(key="loras").value == ["Ink"]
    assert page.slider(key="weight_Ink").value == 0.6
    assert page.selectbox(key="scheduler").value == "DPM++ 2M Karras"
    assert "LoRA mist: mist (5a4becfcc624) at 1. No LoRA of this name or hash is here." in said(page)


def test_a_picture_of_the_studio_brings_what_only_the_studio_has(open_page, studio):
    photo = studio.add_photo(drawn(Image.new("RGB", (64, 64), "teal")), "lake.png")
    asked = {
        "prompt": "a red house",
        "negative_prompt": "",
        "prompt_template": "a {red|blue} house",
        "num_inference_steps": 9,
        "scheduler": "Turbo",
        "width": 64,
        "height": 64,
        "model": "mini",
        "guidance_scale": 0.0,
        "seed": 70,
        "variation_strength": 0.2,
        "variation_seed": 5,
        "image": photo.to_dict(),
        "strength": 0.35,
        "fit": "crop",
    }
    made = recipe(kind="image_to_image", request=asked, seed=77, image_index=2)
    page = dropped(open_page, png_bytes(picture(), made))
    assert "Niji Studio" in said(page)
    button(page, "Apply all").click().run()
    settled(page)
    assert page.selectbox(key="scheduler").value == "Turbo"
    assert page.text_input(key="seed").value == "77"
    assert page.number_input(key="variation_strength").value == 0.2
    assert page.text_input(key="variation_seed").value == "7"
    assert page.query_params["prompt_syntax"] == "plain"
    assert page.segmented_control(key="start_from").value == "A picture"
    assert page.slider(key="start_strength").value == 0.35
    assert photo.id.startswith(page.query_params["start"])
    button(page, "The template instead")


def test_what_has_no_recipe_says_why(open_page):
    page = dropped(open_page, drawn(Image.new("RGB", (8, 8))))
    for data, why in (
        (None, "has no recipe in it"),
        (b"a text that calls itself a picture", "read from PNG, JPEG and WebP pictures"),
        (FORGE[:30], "damaged"),
        (png_bytes(picture(), recipe(kind="translate")), "on another page"),
    ):
        if data:
            page.file_uploader(key="incoming_file").set_value(("picture.png", data, "image/png")).run()
        assert why in texts(page.error).replace("\\", "")
        assert not [each for each in page.button if each.label == "Apply all"]


def test_a_picture_that_was_brought_into_the_gallery_is_still_that_of_its_tool(open_page):
    kept = imported_recipe(read_foreign(FORGE), Origin("a.png", "", "PNG", 0.0, as_it_is=False))
    page = dropped(open_page, png_bytes(picture(), kept))
    assert not page.error
    assert "Forge Neo" in said(page)
    assert "waiIllustriousSDXL_v160 (45a21ea00a)" in said(page)
