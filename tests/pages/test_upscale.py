import pytest

from engine.jobs.schema import SUCCEEDED
from engine.upscaling.catalogue import own_folder
from engine.upscaling.request import Upscale
from tests.gallery.samples import picture, recipe
from tests.pages.helpers import button, jumps, texts
from tests.pages.test_animeify import photo_file
from tests.tiny_upscaler import save_compact


@pytest.fixture
def photo(studio):
    return studio.add_photo(photo_file(), "view.png")


@pytest.fixture
def drawn(studio):
    return studio.gallery.save(picture(size=(24, 16)), recipe("a castle", request={"prompt": "a castle"}))


def open_with(open_page, **query):
    page = open_page("upscale")
    for name, value in query.items():
        page.query_params[name] = value
    return page.run()


def test_an_empty_page_says_what_to_do(open_page):
    page = open_page("upscale")
    assert "Choose pictures, then press Upscale" in texts(page.markdown)
    assert "BSD 3" in texts(page.markdown).replace("\\", "")
    button(page, "Upscale").click().run()
    assert "There must be a picture" in texts(page.error)
    assert jumps(page) == ["files_"]


def test_files_and_pictures_of_the_gallery_go_into_one_job_and_its_settings_come_back(
    open_page, studio, photo, drawn, work
):
    save_compact(own_folder(studio.settings) / "mine.safetensors", 2)
    page = open_with(open_page, photos=photo.id[:16])
    page.button(key=f"choose_{drawn.id}").click().run()
    assert page.query_params["pictures"] == drawn.id
    page.segmented_control(key="factor").set_value("4x")
    page.selectbox(key="upscaler").set_value("mine").run()
    button(page, "Upscale").click().run()

    (job,) = studio.jobs()
    assert job.request == Upscale(photos=(photo, studio.start_from(drawn.id)), factor=4, upscaler="mine")
    work()
    page.run()
    assert studio.job(job.id).state == SUCCEEDED, studio.job(job.id).error
    assert not page.exception
    assert any(element.label == "ZIP, 2 pictures" for element in page.get("download_button"))

    first = studio.gallery.of_job(job.id)[0]
    again = open_with(open_page, recipe=first.id)
    assert again.segmented_control(key="factor").value == "4x"
    assert again.selectbox(key="upscaler").value == "mine"
    assert again.query_params["photos"] == photo.id[:16]


def test_the_button_beside_a_picture_asks_once_and_says_what_cannot_be(open_page, studio, drawn, work):
    page = open_page("gallery", image=drawn.id)
    page.button(key=f"upscale_4_detail_{drawn.id}").click().run()
    (job,) = studio.jobs()
    assert job.request == Upscale(photos=(studio.start_from(drawn.id),), factor=4)
    work()
    (large,) = studio.gallery.of_job(job.id)

    page = open_page("gallery", image=large.id)
    rows = str(page.table[0].value)
    assert "Real" in rows
    assert "4x" in rows
    assert "96 × 64" in rows.replace("\\", "")

    wide = studio.gallery.save(picture(size=(4100, 16)), recipe())
    page = open_page("gallery", image=wide.id)
    page.button(key=f"upscale_4_detail_{wide.id}").click().run()
    assert "16400x64" in texts(page.error)
    assert len(studio.jobs()) == 1


def test_a_drawing_is_drawn_again_by_its_own_recipe(open_page, studio, drawn, work):
    page = open_page("gallery", image=drawn.id)
    assert "in many tiles" in page.slider(key=f"redraw_strength_detail_{drawn.id}").help
    page.button(key=f"redraw_2_detail_{drawn.id}").click().run()
    (job,) = studio.jobs()
    assert (job.request.redraw_strength, job.request.redraw.prompt) == (0.3, "a castle")
    work()
    (again,) = studio.gallery.of_job(job.id)
    page = open_page("gallery", image=again.id)
    assert "by mini: a castle" in page.table[0].value.to_string().replace("\\", "")


def test_a_picture_that_is_gone_is_said_and_left_out(open_page, studio, photo):
    page = open_with(open_page, photos=photo.id[:16], pictures="01ARZ3NDEKTSV4RRFFQ69G5FAV.nonsense")
    assert not page.exception
    assert "01ARZ3NDEKTSV4RRFFQ69G5FAV" in texts(page.warning)
    button(page, "Upscale").click().run()
    assert studio.jobs()[0].request.photos == (photo,)
