"""Several pictures of the gallery at once: selected, marked, compared, put in order, and seen over the whole window."""

import pytest
from PIL import Image

from gallery import marks
from gallery.picking.rounds import Rounds
from gallery.questions.query import OLDEST, Query
from pages.gallery.difference import difference
from pages.gallery.selection import between
from tests.gallery.samples import picture, recipe
from tests.pages.helpers import button, opened, texts


@pytest.fixture
def kept(studio):
    """Ids of four pictures, newest first, which differ in their seed."""
    saved = [studio.gallery.save(picture(seed), recipe("a castle", seed=seed)) for seed in (11, 22, 33, 44)]
    return [record.id for record in saved[::-1]]


def tile(page, image_id):
    """The checkbox of a tile."""
    return next(box for box in page.checkbox if box.key.startswith("chosen_") and box.key.endswith(image_id))


def test_pictures_are_selected_by_click_and_range_and_trashed_with_undo(open_page, studio, kept):
    page = open_page("gallery")
    page.button(key="select").click().run()
    tile(page, kept[0]).check().run()
    page.button(key="range").click().run()
    tile(page, kept[2]).check().run()
    assert "3 selected" in texts(page.markdown)
    assert tile(page, kept[1]).value

    tile(page, kept[1]).uncheck().run()
    page.button(key="trash_many").click().run()
    assert studio.gallery.count() == 2
    assert "2 pictures are in the trash" in texts(page.text)
    page.button(key="undo").click().run()
    assert studio.gallery.count() == 4


def test_boxes_of_before_take_nothing_out_of_what_was_selected_since(open_page, kept):
    page = open_page("gallery")
    page.button(key="select").click().run()
    before = [tile(page, each)._widget_state for each in kept]
    page.button(key="select_page").click().run()

    page.button(key="take_many").click()
    states = page._tree.get_widget_states()
    states.widgets.extend(before)  # a browser that has not drawn the new ones yet
    page._run(states)
    assert "4 selected" in texts(page.markdown)
    assert all(tile(page, each).value for each in kept)


def test_a_range_goes_through_the_pages_of_the_grid(studio, kept):
    query = Query(owner="artist")
    assert list(between(studio, kept[3], kept[0], query)) == kept
    assert list(between(studio, kept[1], kept[2], query)) == kept[1:3]
    assert list(between(studio, kept[1], kept[1], query)) == [kept[1]]
    oldest = Query(owner="artist", sort=OLDEST)
    assert list(between(studio, kept[3], kept[0], oldest)) == kept[::-1]


def test_a_comparison_says_which_fields_differ(open_page, kept):
    page = open_page("gallery", compare=",".join([*kept[:2], "nonsense"]))
    table = next(each.proto.body for each in page.get("html") if "Recipes side by side" in each.proto.body)

    assert "1 of " in texts(page.caption)
    assert '<tr class="differs"><th scope="row"><span class="only-heard">differs: </span>Seed</th>' in table
    assert "<td>44</td><td>33</td>" in table
    assert "not there any more" in texts(page.warning)


def test_a_difference_is_said_in_numbers_and_of_one_size_alone():
    dark, light = Image.new("RGB", (4, 2), (10, 10, 10)), Image.new("RGB", (4, 2), (10, 10, 10))
    light.putpixel((0, 0), (10, 40, 10))
    found = difference(dark, light)

    assert (found.largest, found.equal, round(found.mean, 6)) == (30, 7 / 8, 30 / 24)
    assert found.amplified(5).getpixel((0, 0)) == (0, 150, 0)
    assert found.amplified(32).getpixel((0, 0)) == (0, 255, 0)
    assert difference(dark, Image.new("RGB", (2, 4))) is None


def test_a_picking_round_survives_a_new_session_and_its_first_are_marked(open_page, studio, kept):
    begun = Rounds(studio.settings.home).begin("artist", kept[:2], seed=1)
    question = begun.question()
    page = open_page("gallery", pick=begun.id)
    page.button(key="answer_left").click().run()
    assert Rounds(studio.settings.home).get(begun.id, "artist").answers[0].left == question.left

    page = open_page("gallery", pick=begun.id)
    assert "The order" in texts(page.markdown)
    page.number_input(key="first_of_round").set_value(1).run()
    page.button(key="favourite_first").click().run()
    assert studio.gallery.get(question.left).favourite
    page.button(key="undo").click().run()
    assert not studio.gallery.get(question.left).favourite


def test_full_screen_marks_and_deletes_and_goes_on(open_page, studio, kept):
    page = open_page("gallery", image=kept[1], full="1")
    page.button(key="full_stars_4").click().run()
    button(page, "Compare (C)").click().run()
    assert studio.gallery.get(kept[1]).rating == 4
    assert "1 selected" in texts(page.caption)

    page.button(key="full_delete").click().run()
    assert page.query_params["image"] in (kept[2], [kept[2]])
    assert studio.gallery.count() == 3
    page.button(key="undo").click().run()
    assert studio.gallery.count() == 4
    assert not marks.boards(studio.database, "artist")


def test_without_selecting_a_click_opens(open_page, kept):
    assert len(opened(open_page("gallery"))) == 4
