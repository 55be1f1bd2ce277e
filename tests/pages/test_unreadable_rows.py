"""A row that cannot be read leaves the rest of a page as it is."""

from collections.abc import Callable

import pytest
from sqlalchemy import text

from tests.gallery.samples import picture, recipe


def hurt(studio, table, key, column, value):
    with studio.database.write() as session:
        session.execute(text(f"UPDATE {table} SET {column} = {value.replace(':', chr(92) + ':')} WHERE id = '{key}'"))


@pytest.fixture
def images(studio) -> list[str]:
    return [studio.gallery.save(picture(number), recipe(f"dragon {number}")).id for number in range(3)]


@pytest.mark.parametrize(("name", "query"), [("gallery", {}), ("gallery", {"image": 1}), ("generate", {})])
@pytest.mark.parametrize("value", ["'{'", "5", '\'{"kind": "text_to_image", "request": 5}\''])
def test_pages_show_the_rest(open_page: Callable, studio, images, name, query, value):
    hurt(studio, "images", images[1], "recipe", value)
    job = studio.submit(studio.request("text_to_image", {"prompt": "a castle"}))
    studio.submit(studio.request("text_to_image", {"prompt": "a tree"}))
    hurt(studio, "jobs", job.id, "request", value)

    page = open_page(name, **({"image": images[1]} if query else {}))

    assert not page.exception
    if name == "generate":
        assert any("cannot be read" in element.value for element in page.text)
    elif not query:
        assert sum((button.key or "").startswith("open_") for button in page.button) == 3


@pytest.mark.parametrize("kind", ["translate", "text_to_image", "of tomorrow"])
@pytest.mark.parametrize("value", ["'{'", "'{\"model\": 5}'"])
def test_one_picture_is_shown_with_its_note_whatever_made_it(open_page: Callable, studio, kind, value):
    saved = studio.gallery.save(picture(), recipe(kind=kind))
    hurt(studio, "images", saved.id, "recipe", value)

    page = open_page("gallery", image=saved.id)

    assert not page.exception
    if value == "'{'":
        assert any("cannot be read" in element.value for element in page.info)
