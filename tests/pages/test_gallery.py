import json

import pytest
from sqlalchemy import text

from gallery import marks
from gallery.looks.palette import NAMES
from gallery.picking.rounds import Rounds
from gallery.questions.query import Query
from pages.gallery.selection import between
from tests.pages.helpers import button, opened, texts


@pytest.fixture
def three_pictures(studio, work):
    for prompt in ("a castle at dawn", "a quiet lake", "a castle by the sea"):
        studio.submit(studio.request("text_to_image", {"prompt": prompt, "seed": 5, "num_inference_steps": 1}))
    work()
    return studio.gallery.page().images


def test_an_empty_gallery_says_so_and_leads_to_generate(open_page):
    page = open_page("gallery")

    assert "Nothing here yet" in texts(page.markdown)


def test_the_newest_pictures_come_first(open_page, three_pictures):
    page = open_page("gallery")

    assert "3 pictures" in texts(page.caption)
    assert opened(page) == ["a castle by the sea", "a quiet lake", "a castle at dawn"]


def test_search_finds_the_words_of_prompts(open_page, three_pictures):
    page = open_page("gallery", search="castle da")
    assert "1 picture" in texts(page.caption)

    page.text_input(key="search").set_value("dragon").run()
    assert "No picture has these words" in texts(page.markdown)


def test_a_picture_shows_its_recipe_and_leads_to_generate(open_page, three_pictures):
    record = three_pictures[0]
    page = open_page("gallery")
    page.button(key=f"open_{record.id}").click().run()
    assert texts(page.code) == "a castle by the sea"

    link = next(link.proto for link in page.get("page_link") if link.proto.label == "Use these settings")
    assert (link.page, link.query_string) == ("", f"recipe={record.id}")


def test_the_address_of_a_picture_fills_generate(open_page, three_pictures):
    page = open_page("generate", recipe=three_pictures[0].id)

    assert page.text_area(key="prompt").value == "a castle by the sea"
    assert page.text_input(key="seed").value == "5"
    assert page.number_input(key="num_inference_steps").value == 1


def test_a_long_seed_reaches_the_browser_as_it_is(open_page, studio, work):
    seed = 2**63 + 1
    studio.submit(studio.request("text_to_image", {"prompt": "a castle", "seed": seed, "num_inference_steps": 1}))
    work()
    page = open_page("gallery", image=studio.gallery.page().images[0].id)
    recipe = json.loads(page.json[0].value)
    assert (recipe["seed"], recipe["request"]["seed"], recipe["request"]["width"]) == (str(seed), str(seed), 64)

    page = open_page("generate", recipe=studio.gallery.page().images[0].id)
    assert page.text_input(key="seed").value == str(seed)


def test_delete_can_be_undone(open_page, studio, three_pictures):
    record = three_pictures[0]
    page = open_page("gallery", image=record.id)
    page.button(key="delete").click().run()
    assert studio.gallery.count() == 2

    page.button(key="undo").click().run()
    assert studio.gallery.count() == 3
    assert not [button for button in page.button if button.key == "undo"]


def test_the_trash_gives_pictures_back(open_page, studio, three_pictures):
    record = three_pictures[1]
    studio.gallery.delete([record.id])
    page = open_page("gallery")
    page.toggle(key="trash").set_value(True).run()
    page.button(key=f"restore_{record.id}").click().run()

    assert studio.gallery.count() == 3
    assert "The trash is empty" in texts(page.markdown)


def test_an_unknown_picture_is_explained(open_page):
    page = open_page("gallery", image="nope")

    assert "nope" in texts(page.error)


def test_a_damaged_file_is_said_and_the_rest_is_shown(open_page, studio, three_pictures):
    studio.gallery.path(three_pictures[0].id).write_bytes(b"not a picture")
    page = open_page("gallery", image=three_pictures[0].id)

    assert "has changed since it was saved" in texts(page.error)
    assert texts(page.code) == "a castle by the sea"
    assert not page.download_button, "there is nothing to download"


def test_the_quality_of_a_jpg_goes_as_far_as_the_gallery_writes_it(open_page, studio, three_pictures):
    record = three_pictures[0]
    page = open_page("gallery", image=record.id)
    slider = page.slider(key=f"quality_detail_{record.id}")

    assert (slider.min, slider.max) == (50, 95)
    assert studio.gallery.jpg(record.id, int(slider.max))


def test_an_emptied_last_page_leads_to_the_newest(open_page, studio, three_pictures):
    newest, middle, oldest = three_pictures
    studio.gallery.delete([oldest.id])
    page = open_page("gallery", older_than=middle.id)

    assert opened(page) == [newest.title, middle.title]
    assert "older_than" not in page.query_params


@pytest.mark.parametrize(
    "edge", [{"older_than": "nonsense"}, {"newer_than": ""}, {"older_than": "FIRST", "newer_than": "FIRST"}]
)
def test_a_wrong_edge_in_the_address_leads_to_the_newest(open_page, three_pictures, edge):
    page = open_page("gallery", **{name: value.replace("FIRST", three_pictures[0].id) for name, value in edge.items()})

    assert len(opened(page)) == 3
    assert not {"older_than", "newer_than"} & set(page.query_params)


def test_newer_and_older_stay_within_the_search(open_page, three_pictures):
    newest, _, oldest = three_pictures
    page = open_page("gallery", search="castle", image=newest.id)
    assert button(page, "Newer").disabled

    button(page, "Older").click().run()
    assert texts(page.code) == oldest.title
    assert button(page, "Older").disabled
    button(page, "Back to the gallery").click().run()
    assert opened(page) == [newest.title, oldest.title]


def test_newer_and_older_stay_within_the_trash(open_page, studio, three_pictures):
    newest, _, oldest = three_pictures
    studio.gallery.delete([newest.id, oldest.id])
    page = open_page("gallery", trash="true", image=newest.id)

    button(page, "Older").click().run()
    assert texts(page.code) == oldest.title
    assert button(page, "Older").disabled


def test_searching_from_a_picture_leads_to_what_was_found(open_page, three_pictures):
    page = open_page("gallery", image=three_pictures[0].id)
    page.text_input(key="search").set_value("lake").run()

    assert opened(page) == ["a quiet lake"]


def test_a_picture_restored_from_the_trash_leaves_nothing_to_undo(open_page, studio, three_pictures):
    record = three_pictures[0]
    page = open_page("gallery", image=record.id)
    page.button(key="delete").click().run()
    page.toggle(key="trash").set_value(True).run()
    page.button(key=f"restore_{record.id}").click().run()

    assert studio.gallery.count() == 3
    assert "in the trash" not in texts(page.text)


def test_a_picture_in_the_trash_is_deleted_for_good_after_a_second_question(open_page, studio, three_pictures):
    record = three_pictures[0]
    studio.gallery.delete([record.id])
    page = open_page("gallery", trash="true", image=record.id)
    page.button(key="gone").click().run()

    assert studio.gallery.count(trash=True) == 0
    assert not page.exception
    assert "The trash is empty" in texts(page.markdown)


def test_filters_stand_in_the_address_and_are_taken_away_one_by_one(open_page, studio, three_pictures):
    newest, middle, _ = three_pictures
    marks.set_favourite(studio.database, [newest.id, middle.id], True)
    marks.rate(studio.database, [middle.id], 4)
    page = open_page("gallery", favourite="true", rating="3")
    assert opened(page) == [middle.title]
    assert "♥ · ★★★★" in texts(page.caption)
    assert texts(page.markdown) == "", "nothing of the page's own text is shown by itself"

    page.session_state["filters"] = True
    page.run()
    (stars,) = [pills for pills in page.button_group if pills.label == "Stars, at least"]
    assert [option.content for option in stars.proto.options][2:4] == ["3 ★ (1)", "4 ★ (1)"]
    (colours,) = [pills for pills in page.button_group if pills.label.startswith("Colours")]
    assert [option.content.split(") ")[-1] for option in colours.proto.options] == [
        f"{name} (1)" for name in NAMES if name in middle.colours
    ]
    page.toggle(key="filter_fold").set_value(True).run()
    page.button(key="chip_rating").click().run()
    assert opened(page) == [newest.title, middle.title]
    assert page.query_params == {"favourite": "true", "fold": "true"}


def test_where_nothing_is_found_the_filter_to_relax_is_named(open_page, studio, three_pictures):
    page = open_page("gallery", search="castle", rating="5")
    assert "No picture answers to all of this" in texts(page.markdown)
    assert page.button(key="relax_rating").label == "Without “5 ★”: 2 pictures"

    page.button(key="relax_rating").click().run()
    assert len(opened(page)) == 2

    page = open_page("gallery", search="dragon", rating="5")
    page.button(key="relax_all").click().run()
    assert len(opened(page)) == 3


def test_a_picture_is_marked_and_its_neighbours_are_those_of_the_order(open_page, studio, three_pictures):
    newest, middle, _ = three_pictures
    page = open_page("gallery", image=middle.id, sort="rating")
    page.button(key="favourite").click().run()
    page.button(key="star_4").click().run()
    page.multiselect(key=f"tags_{middle.id}").set_value(["Quiet  Water"]).run()
    page.button(key="boards").click().run()
    page.multiselect(key=f"boards_{middle.id}").set_value(["Lakes"]).run()

    record = studio.gallery.get(middle.id)
    assert (record.favourite, record.rating, record.tags) == (True, 4, ("quiet water",))
    (board,) = marks.boards(studio.database, "artist")
    assert (board.name, marks.boards_of(studio.database, middle.id)) == ("Lakes", (board.id,))
    page.button(key="undo").click().run()
    assert marks.boards_of(studio.database, middle.id) == ()
    page.multiselect(key=f"tags_{middle.id}").set_value(["night"]).run()
    page.button(key="undo").click().run()
    assert studio.gallery.get(middle.id).tags == ("quiet water",)
    page.button(key="star_1").click().run()
    page.button(key="undo").click().run()
    assert studio.gallery.get(middle.id).rating == 4
    page = open_page("gallery", image=middle.id, sort="rating")
    assert button(page, "Better").disabled
    button(page, "Next").click().run()
    assert texts(page.code) == newest.title


def test_a_tag_that_is_none_is_refused_in_words(open_page, studio, three_pictures):
    record = three_pictures[0]
    page = open_page("gallery", image=record.id)
    page.multiselect(key=f"tags_{record.id}").set_value(["x" * 41]).run()
    assert "A tag has 1 to 40 characters" in texts(page.error)
    assert studio.gallery.get(record.id).tags == ()


def test_a_comparison_leads_back_to_every_value_of_a_filter(open_page, studio, three_pictures):
    chosen = ",".join(record.id for record in three_pictures[:2])
    page = open_page("gallery", kind=["text_to_image", "upscale"])
    page.session_state["selecting"] = True
    page.session_state["selected"] = dict.fromkeys(chosen.split(","))
    page.run()
    page.button(key="compare_many").click().run()
    button(page, "Back to the gallery").click().run()
    assert page.query_params["kind"] == ["text_to_image", "upscale"]


def test_boards_that_changed_in_another_tab_stay_as_they_are_there(open_page, studio, three_pictures):
    image_id, database = three_pictures[0].id, studio.database
    lakes, seas = (marks.create_board(database, "artist", name) for name in ("Lakes", "Seas"))
    marks.put_on_board(database, lakes.id, [image_id])
    page = open_page("gallery", image=image_id)
    marks.rename_board(database, lakes.id, "Ponds")
    marks.put_on_board(database, seas.id, [image_id])
    page.multiselect(key=f"boards_{image_id}").set_value(["Lakes", "New"]).run()

    assert [board.name for board in marks.boards(database, "artist")] == ["New", "Ponds", "Seas"]
    assert len(marks.boards_of(database, image_id)) == 3


def test_a_range_over_folded_stacks_selects_what_is_shown_between(studio, work):
    for prompt, seed in (("a", 1), ("c", 1), ("b", 1), ("c", 2)):
        studio.submit(studio.request("text_to_image", {"prompt": prompt, "seed": seed, "num_inference_steps": 1}))
    work()
    query = Query(fold=True)
    c, b, a = studio.gallery.page(query).images
    assert [record.title for record in (c, b, a)] == ["c", "b", "a"]
    assert list(between(studio, b.id, a.id, query)) == [b.id, a.id]
    assert list(between(studio, a.id, c.id, query)) == [c.id, b.id, a.id]


def test_what_was_deleted_for_good_is_said_when_its_trashing_is_undone(open_page, studio, three_pictures):
    page = open_page("gallery", image=three_pictures[0].id)
    page.button(key="delete").click().run()
    studio.gallery.purge(0)
    page.button(key="undo").click().run()
    assert "1 picture was deleted for good meanwhile" in texts(page.text)


def test_a_round_of_which_nothing_is_left_says_so(open_page, studio, three_pictures):
    ids = [record.id for record in three_pictures]
    begun = Rounds(studio.settings.home).begin("artist", ids)
    studio.gallery.delete(ids)
    studio.gallery.delete_for_good(ids)
    page = open_page("gallery", pick=begun.id)
    assert not page.exception
    assert "None of these pictures is there any more" in texts(page.info)


def test_full_screen_calls_its_neighbours_as_the_order_does_and_trashes_once(open_page, studio, three_pictures):
    middle = three_pictures[1]
    studio.gallery.delete([record.id for record in three_pictures])
    page = open_page("gallery", image=middle.id, full="1", sort="oldest", trash="true")
    page.button(key="full_newer").click().run()
    assert page.query_params["image"] == three_pictures[0].id
    page.button(key="full_delete").click().run()
    assert "in the trash already" in texts(page.text)


def test_of_near_duplicates_one_is_kept_and_the_others_come_back_by_undo(open_page, studio, three_pictures):
    kept, one, two = three_pictures
    with studio.database.write() as session:
        session.execute(text("UPDATE images SET phash = 7"))
    page = open_page("gallery", view="near")
    assert "1 group of pictures" in texts(page.caption)
    page.button(key=f"near_keep_{kept.id}").click().run()
    assert [record.id for record in studio.gallery.page().images] == [kept.id]
    assert "No two pictures look the same" in texts(page.markdown)
    page.button(key="undo").click().run()
    assert [record.id for record in studio.gallery.page().images] == [kept.id, one.id, two.id]
