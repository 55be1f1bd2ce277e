import io
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest

from engine.jobs.schema import SUCCEEDED
from engine.translation.catalogue import own_folder
from engine.translation.checkpoints import import_checkpoint
from engine.translation.painting import Painting
from engine.translation.published import build
from engine.translation.request import Translate
from engine.translation.styling import Styling
from gallery.recipe import Recipe
from pages.animeify.details import SHOWN
from pages.animeify.details import _solved as solved
from tests.pages.helpers import button, jumps, texts

LONGER_THAN_A_DOUBLE_CLICK = 1.1  # seconds


def photo_file(seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).resize((60, 40)).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def photos(studio):
    return [studio.add_photo(photo_file(seed), f"view {seed}.png") for seed in range(2)]


def open_with(open_page, photos):
    page = open_page("animeify")
    page.query_params["photos"] = ".".join(photo.id[:16] for photo in photos)
    return page.run()


def test_an_empty_page_says_what_to_do(open_page):
    page = open_page("animeify")

    assert "Choose a photo, then press Anime-ify" in texts(page.markdown)
    button(page, "Anime-ify").click().run()
    assert "There must be a photo" in texts(page.error)
    assert jumps(page) == ["files_"]


def test_from_photos_to_pictures(open_page, studio, photos, work):
    page = open_with(open_page, photos)
    page.slider(key="strength").set_value(50)
    button(page, "Anime-ify").click().run()

    (job,) = studio.jobs()
    assert job.request == Translate(photos=tuple(photos), translator="painter", strength=0.5)
    assert "2 photos: view 0.png, view 1.png" in texts(page.text)
    work()
    page.run()
    assert studio.job(job.id).state == SUCCEEDED
    assert not page.exception
    assert "view 0.png" in texts(page.caption).replace("\\", "")
    assert any(element.label == "ZIP, 2 pictures" for element in page.get("download_button"))


def test_photos_survive_a_refresh_and_can_be_taken_out(open_page, photos):
    page = open_with(open_page, photos)
    names = [element.label.replace("\\", "") for element in page.button]
    assert {"view 0.png", "view 1.png", "Take all 2 out"} <= set(names)

    page.button(key=f"remove_{photos[0].id}").click().run()
    assert page.query_params["photos"] == photos[1].id[:16]


def test_the_same_photo_stands_once(open_page, photos):
    page = open_with(open_page, [photos[0], photos[0], photos[1]])
    assert not page.exception
    assert len([element for element in page.button if (element.key or "").startswith("remove_")]) == 2


def test_pressing_twice_at_once_makes_one_job(open_page, studio, photos):
    page = open_with(open_page, photos)
    button(page, "Anime-ify").click().run()
    button(page, "Anime-ify").click().run()
    assert len(studio.jobs()) == 1
    time.sleep(LONGER_THAN_A_DOUBLE_CLICK)
    button(page, "Anime-ify").click().run()
    assert len(studio.jobs()) == 2


def test_wrong_values_are_said_and_nothing_is_queued(open_page, studio, photos):
    page = open_with(open_page, photos)
    page.segmented_control(key="output").set_value("Choose").run()
    page.number_input(key="long_side").set_value(10)
    button(page, "Anime-ify").click().run()
    assert "Long side must be a whole number from 64 to 8192; got 10" in texts(page.error).replace("\\", "")
    assert jumps(page) == ["long_side"]
    assert not studio.jobs()


def test_neural_style_asks_for_a_style(open_page, studio, photos):
    page = open_with(open_page, photos)
    page.selectbox(key="translator").set_value("neural-style").run()
    button(page, "Anime-ify").click().run()
    assert "takes its style from a picture" in texts(page.error)
    assert jumps(page) == ["style_"]

    page.query_params["style"] = photos[1].id[:16]
    page.run()
    button(page, "Anime-ify").click().run()
    assert studio.jobs()[0].request.style == photos[1]


def test_neural_style_takes_what_is_chosen_under_advanced(open_page, studio, photos):
    page = open_with(open_page, photos[:1])
    page.query_params["style"] = ".".join(photo.id[:16] for photo in reversed(photos))
    page.selectbox(key="translator").set_value("neural-style").run()
    page.selectbox(key="style_start").set_value("noise")
    page.text_input(key="content_layers").set_value("relu9_1")
    page.number_input(key=f"share_{photos[1].id[:16]}").set_value(3.0)
    page.toggle(key="keep_colours").set_value(True).run()
    page.text_input(key="noise_seed").set_value(str(2**63))
    button(page, "Anime-ify").click().run()
    assert "Content layers must be among relu1_1 to relu5_4" in texts(page.error).replace("\\", "")
    assert jumps(page) == ["content_layers"]
    page.text_input(key="content_layers").set_value("relu3_1, relu4_2:0.5").run()
    assert not page.error
    button(page, "Anime-ify").click().run()
    request = studio.jobs()[0].request
    assert (request.style, request.styling) == (
        photos[1],
        Styling(
            start="noise",
            noise_seed=2**63,
            content_layers=(("relu3_1", 1.0), ("relu4_2", 0.5)),
            keep_colours=True,
            more_styles=(photos[0],),
            shares=(3.0, 1.0),
        ),
    )


def test_what_was_chosen_for_neural_style_is_shown_and_comes_back(open_page, studio, photos):
    styling = Styling(
        start="noise",
        noise_seed=2**64 - 1,
        style_layers=(("relu2_1", 0.5),),
        style_weight=30,
        variation="absolute",
        optimizer="Adam",
        more_styles=(photos[0],),
        shares=(1, 2.5),
        keep_colours=True,
    )
    asked = Translate(photos=(photos[0],), translator="neural-style", style=photos[1], styling=styling)
    record = studio.gallery.save(Image.new("RGB", (60, 40)), Recipe(kind=Translate.kind, request=asked.to_dict()))
    shown = SHOWN.details(record)
    assert shown["Style layers"] == "relu2_1 0.5"
    assert (shown["Start"], shown["Optimizer"], shown["Keep colours"]) == ("noise", "Adam", "yes")
    assert (shown["More styles"], shown["Shares"]) == ("view 0.png", "1, 2.5")
    assert "Content layers" not in shown

    page = open_page("animeify")
    page.query_params["recipe"] = record.id
    page.run()
    button(page, "Anime-ify").click().run()
    assert studio.jobs()[0].request == replace(asked, style_steps=150, long_side=512)


def test_each_translator_says_what_it_does_and_how_long_it_takes(open_page, studio, photos):
    page = open_page("animeify")
    assert "shapes stay" in texts(page.caption)
    assert "About 1 s for a photo of 1024 × 768 on two CPU cores" in texts(page.caption)
    page = open_with(open_page, photos)
    assert "for these 2 photos on two CPU cores" in texts(page.caption)
    page.selectbox(key="translator").set_value("neural-style").run()
    assert "Gives the photo the colours and strokes" in texts(page.caption)


def test_a_link_may_name_another_translator_than_the_default(open_page, studio, tmp_path):
    torch.save(build("nijigan", {"width": 4, "blocks": 1}).state_dict(), tmp_path / "own.pth")
    import_checkpoint(tmp_path / "own.pth", own_folder(studio.settings), "own")
    assert open_page("animeify").selectbox(key="translator").value == "painter"
    page = open_page("animeify", translator="own (NijiGAN)")  # the address has titles
    assert page.selectbox(key="translator").value == "own"
    assert "often softer than Painter" in texts(page.caption)


def test_neural_style_is_bearable_on_a_cpu_by_default(open_page, studio, photos):
    page = open_with(open_page, photos[:1])
    page.query_params["style"] = photos[1].id[:16]
    page.selectbox(key="translator").set_value("neural-style").run()
    button(page, "Anime-ify").click().run()
    request = studio.jobs()[0].request
    assert (request.style_steps, request.long_side) == (25, 256)


def test_earlier_pictures_say_how_long_it_takes(open_page, studio, photos, work):
    large = io.BytesIO()
    Image.new("RGB", (400, 300), "green").save(large, "PNG")
    photo = studio.add_photo(large.getvalue(), "large.png")
    studio.submit(Translate(photos=(photo,)))
    work()
    assert "for this photo here" in texts(open_with(open_page, [photo]).caption)


@pytest.mark.parametrize(
    ("solver", "evaluations", "text"),
    [
        ({"method": "euler", "steps": 1}, 1, "euler, 1 step, 1 evaluation"),
        ({"method": "rk4", "steps": 2}, 32, "rk4, 2 steps, 32 evaluations"),
        ({"method": "dopri5", "steps": None}, 74, "dopri5, steps of its own choice, 74 evaluations"),
        ({}, None, ""),
    ],
)
def test_how_odes_were_solved_is_said_in_words(solver, evaluations, text):
    assert solved(solver, evaluations) == text


@pytest.mark.parametrize(("more", "text"), [(1, "1 photo was left out"), (2, "2 photos were left out")])
def test_photos_beyond_a_job_are_said(open_page, studio, more, text):
    def script(count):
        import streamlit as st

        from engine.kept_photos import PhotoRef
        from pages.animeify.photos import choose

        choose("photos", [PhotoRef(f"{number:064x}", "a.png") for number in range(count)])
        st.text(st.session_state.refused_files[0])

    page = AppTest.from_function(script, args=(50 + more,)).run()
    assert text in page.text[0].value


def test_the_gallery_shows_a_translation_and_gives_its_settings_back(open_page, studio, photos, work):
    painting = Painting(mood="golden hour", detail=0.25, light=0.75, line=0.0, colour=1.0)
    job = studio.submit(Translate(photos=(photos[0],), strength=0.8, long_side=1024, painting=painting))
    work()
    (image,) = studio.gallery.of_job(job.id)
    page = open_page("gallery")
    page.query_params["image"] = image.id
    page.run()
    shown = str(page.table[0].value)
    assert all(text in shown for text in ("80 %", "golden hour", "25 %", "75 %", "100 %"))

    page = open_page("animeify")
    page.query_params["recipe"] = image.id
    page.run()
    assert page.slider(key="strength").value == 80
    assert page.segmented_control(key="output").value == "Fit 1024"
    assert page.segmented_control(key="mood").value == "golden hour"
    assert [page.slider(key=name).value for name in ("detail", "light", "line", "colour")] == [25, 75, 0, 100]
    assert page.query_params["photos"] == photos[0].id[:16]
