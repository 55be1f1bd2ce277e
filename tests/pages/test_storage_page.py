"""The Storage page, and what every page says when something is wrong."""

from collections.abc import Callable

from tests.gallery.samples import picture, recipe
from tests.pages.helpers import texts


def keyed(page, key: str):
    return next((element for element in page.button if element.key == key), None)


def test_an_empty_studio_has_little_to_show(open_page: Callable):
    page = open_page("storage")
    assert "are free on this disk" in texts(page.caption)
    assert keyed(page, "ask_trash") is None


def test_the_end_of_a_job_is_told_once_on_whatever_page_the_artist_is(open_page: Callable, studio):
    ask = {"prompt": "a castle", "model": studio.default_model().name}
    first, second = (studio.submit(studio.request("text_to_image", ask | {"seed": seed})) for seed in (1, 2))
    page = open_page("gallery")
    assert not page.toast

    studio.cancel(first.id)
    assert texts(page.run().toast) == r"Cancelled\: a castle"
    studio.cancel(second.id)
    page.switch_page("storage/page.py")
    assert texts(page.run().toast) == r"Cancelled\: a castle"
    assert not page.run().toast


def test_the_trash_is_emptied_after_a_second_question(open_page: Callable, studio):
    record = studio.gallery.save(picture(), recipe())
    studio.gallery.delete([record.id])
    page = open_page("storage")

    keyed(page, "ask_trash").click().run()
    assert studio.gallery.count(trash=True) == 1
    keyed(page, "keep_trash").click().run()
    assert keyed(page, "sure_trash") is None
    keyed(page, "ask_trash").click().run()
    keyed(page, "sure_trash").click().run()

    assert studio.gallery.count(trash=True) == 0
    assert "were cleared" in texts(page.success)
    assert keyed(page, "ask_trash") is None


def test_thumbnails_are_cleared_at_once(open_page: Callable, studio):
    record = studio.gallery.save(picture(), recipe())
    page = open_page("storage")
    keyed(page, "clear_thumbnails").click().run()
    assert not studio.gallery.files.thumbnail(record.id).exists()


def test_pictures_without_a_database_are_said_on_every_page(open_page: Callable, studio):
    studio.gallery.save(picture(), recipe())
    studio.database.dispose()
    studio.database.file.unlink()

    page = open_page("gallery")

    assert "1 pictures lie in" in texts(page.error)
    assert "gallery check \\-\\-rebuild" in texts(page.error)


def test_a_damaged_database_is_said_in_place_of_the_page(open_page: Callable, studio):
    studio.database.dispose()
    studio.database.file.write_bytes(b"no database" * 500)

    page = open_page("generate")

    assert "is damaged" in texts(page.error)
    assert "gallery restore" in texts(page.error)
    assert not [element for element in page.button if element.label == "Generate"]
