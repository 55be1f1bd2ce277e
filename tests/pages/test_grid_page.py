"""Grids on Generate, and the family of a picture in Gallery."""

from engine.grids.request import Grid
from engine.jobs.schema import SUCCEEDED
from tests.pages.helpers import button, jumps, opened, texts

FORM = {"prompt": "a castle by a lake", "num_inference_steps": "2", "seed": "5"}


def varied(open_page, **more):
    return open_page("generate", **FORM, grid_Across="Guidance", **more)


def test_a_grid_is_asked_for_drawn_and_comes_back(open_page, studio, work):
    page = varied(
        open_page, grid_values_Across="3, 7", grid_Down="Prompt words", grid_values_Down='castle, "a ship, at sea"'
    )
    assert "4 pictures." in texts(page.caption)
    button(page, "Draw the grid").click().run()
    (job,) = studio.jobs()
    assert (job.kind, job.request.count, job.request.base.seed) == (Grid.kind, 4, 5)
    work()
    assert studio.job(job.id).state == SUCCEEDED

    page = open_page("generate")
    *cells, sheet = studio.gallery.of_job(job.id)
    assert len(cells) == 4
    told = [caption.value for caption in page.caption if caption.value.startswith("Guidance")]
    assert told == [f"Guidance {value}, {words}" for words in ("castle", "a ship, at sea") for value in (3, 7)]
    page = open_page("generate", recipe=sheet.id)
    button(page, "Draw the grid").click().run()
    assert studio.jobs()[0].id != job.id
    assert studio.jobs()[0].request == job.request


def test_what_is_wrong_with_a_grid_is_said_before_and_after_the_press(open_page, studio):
    page = varied(open_page, grid_values_Across="3, much")
    assert "Guidance takes numbers; got 'much'" in texts(page.caption)
    button(page, "Draw the grid").click().run()
    assert "Guidance takes numbers; got 'much'" in texts(page.error)
    assert "much" not in texts(page.caption)  # once is enough
    assert jumps(page) == ["grid_values_"]
    assert not studio.jobs()


def test_a_picture_shows_where_it_comes_from_and_what_came_of_it(open_page, studio, work):
    values = {"prompt": "a castle", "seed": 1, "num_inference_steps": 2}
    studio.submit(studio.request("text_to_image", values))
    work()
    (parent,) = studio.gallery.page().images
    start = studio.start_from(parent.id)
    studio.submit(studio.request("image_to_image", {**values, "image": start}))
    work()
    child = studio.gallery.children(parent.id)[0]

    page = open_page("gallery", image=parent.id)
    assert "Came of it" in texts(page.markdown)
    page = open_page("gallery", image=parent.id, search="dragon")
    page.button(key="made_from_this").click().run()
    assert (page.query_params["parent"], opened(page)) == (parent.id, ["a castle"])
    page = open_page("gallery", image=child.id)
    assert "Comes from" in texts(page.markdown)
    button(page, "Start picture").click().run()
    assert page.query_params["image"] == parent.id

    studio.gallery.delete([parent.id])
    assert button(open_page("gallery", image=child.id), "Start picture (in the trash)")
    studio.gallery.delete_for_good([parent.id])
    assert "Start picture" in texts(open_page("gallery", image=child.id).caption)
    studio.photos.path(start.id).unlink()
    assert "Start picture: gone for good" in texts(open_page("gallery", image=child.id).caption)
