"""Templates, styles, history and presets on the Generate page."""

from engine.prompting.styles import Style, Styles
from tests.gallery.samples import picture, recipe
from tests.pages.helpers import button, press_generate, texts


def test_styles_are_seen_in_the_words_before_they_are_drawn(open_page, studio, work):
    Styles(studio.settings.home).save("ink", Style("{prompt}, {ink|chalk}", "colour"))
    page = open_page("generate")
    page.text_area(key="prompt").set_value("a cat")
    page.multiselect(key="styles").set_value(["ink"]).run()
    said = texts(page.caption)
    assert "Drawn, for example: a cat, " in said
    assert "without: colour" in said
    page.number_input(key="num_inference_steps").set_value(1)
    press_generate(page)
    work()
    (record,) = studio.gallery.page().images
    assert record.recipe.prompt in ("a cat, ink", "a cat, chalk")

    again = open_page("generate", recipe=record.id)
    assert again.text_area(key="prompt").value == record.recipe.prompt
    again.run()  # the second filling, after which the address names no picture
    button(again, "The template instead").click().run()
    assert again.text_area(key="prompt").value == "a cat"
    assert again.multiselect(key="styles").value == ["ink"]


def test_what_is_wrong_with_a_template_is_said_before_and_refused(open_page, studio):
    page = open_page("generate")
    page.text_area(key="prompt").set_value("a {red|blue").run()
    assert "needs its" in texts(page.caption)
    press_generate(page)
    assert "needs its" in texts(page.error)
    assert studio.jobs() == []


def test_an_earlier_prompt_is_found_and_comes_back(open_page, studio, work):
    for prompt in ("a {red|blue} castle", "a quiet lake", "a quiet lake"):
        studio.submit(studio.request("text_to_image", {"prompt": prompt, "num_inference_steps": 1}))
    work()
    page = open_page("generate")
    assert [each.label for each in page.button if (each.key or "").startswith("history_")] == [
        "a quiet lake",
        r"a \{red\|blue\} castle",
    ]
    page.text_input(key="history_search").set_value("castle").run()
    page.button(key="history_0").click().run()
    assert page.text_area(key="prompt").value == "a {red|blue} castle"


def test_a_preset_brings_the_whole_form_back_and_says_what_is_gone(open_page, studio):
    Styles(studio.settings.home).save("ink", Style("ink"))
    page = open_page("generate")
    page.text_area(key="prompt").set_value("a {red|blue} cat")
    page.multiselect(key="styles").set_value(["ink"])
    page.number_input(key="num_images").set_value(3)
    page.number_input(key="num_inference_steps").set_value(7).run()
    next(field for field in page.text_input if field.label == "Save the form as").set_value("mine")
    button(page, "Save preset").click().run()
    assert not page.exception

    Styles(studio.settings.home).delete("ink")
    new = open_page("generate", preset="mine")
    assert new.text_area(key="prompt").value == "a {red|blue} cat"
    assert new.number_input(key="num_images").value == 3
    assert new.number_input(key="num_inference_steps").value == 7
    assert "left out: ink" in texts(new.warning)
    assert "the preset none" in texts(open_page("generate", preset="none").warning)


def test_a_preset_brings_the_start_picture_back_or_says_that_it_is_gone(open_page, studio):
    start = studio.start_from(studio.gallery.save(picture(1, size=(64, 64)), recipe()).id)
    page = open_page("generate", start=start.image)
    page.slider(key="start_strength").set_value(0.35).run()
    next(field for field in page.text_input if field.label == "Save the form as").set_value("mine")
    button(page, "Save preset").click().run()

    new = open_page("generate", preset="mine")
    assert new.query_params["start"] == start.image
    assert (new.slider(key="start_strength").value, new.session_state["fit"]) == (0.35, "keep")

    studio.gallery.delete([start.image])
    studio.gallery.delete_for_good([start.image])
    studio.photos.path(start.id).unlink()
    gone = open_page("generate", preset="mine")
    assert "left out: the start picture a red dragon" in texts(gone.warning)
    assert "start" not in gone.query_params
