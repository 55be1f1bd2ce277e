"""Pictures know what they were made from, and what came of them."""

import pytest

from gallery.recipe import Recipe
from gallery.store import Gallery
from tests.gallery.samples import describe, picture, recipe


@pytest.fixture
def gallery(database, tmp_path) -> Gallery:
    return Gallery(database, tmp_path, describe=describe)


def made_from(*parents: dict) -> Recipe:
    return Recipe.from_dict({**recipe().to_dict(), "parents": list(parents)})


def start(image_id: str | None) -> dict:
    return {"role": "start", "image": image_id, "photo": "ab" * 32}


def test_both_ends_are_found(gallery):
    parent = gallery.save(picture(), recipe())
    children = [gallery.save(picture(), made_from(start(parent.id))) for _ in range(2)]
    assert [child.id for child in gallery.children(parent.id)] == [child.id for child in reversed(children)]
    (found,) = gallery.parents(gallery.get(children[0].id))
    assert (found.role, found.image, found.photo) == ("start", parent, "ab" * 32)
    assert gallery.parents(parent) == () == gallery.children(children[0].id)


def test_a_parent_in_the_trash_or_gone_breaks_nothing(gallery):
    parent = gallery.save(picture(), recipe())
    child = gallery.save(picture(), made_from(start(parent.id)))
    gallery.delete([parent.id])
    assert gallery.parents(child)[0].image.deleted_at
    gallery.delete_for_good([parent.id])
    (found,) = gallery.parents(child)
    assert (found.image, found.photo) == (None, "ab" * 32)
    assert gallery.children(parent.id) == ()


def test_a_child_in_the_trash_is_not_told(gallery):
    parent = gallery.save(picture(), recipe())
    child = gallery.save(picture(), made_from(start(parent.id)))
    gallery.delete([child.id])
    assert gallery.children(parent.id) == ()
    gallery.restore([child.id])
    assert [each.id for each in gallery.children(parent.id)] == [child.id]


def test_files_alone_give_the_family_again(gallery, database):
    parent = gallery.save(picture(), recipe())
    child = gallery.save(picture(), made_from(start(parent.id)))
    for image_id in (parent.id, child.id):
        with database.write() as session:
            session.connection().exec_driver_sql(f"DELETE FROM images WHERE id = '{image_id}'")
            session.connection().exec_driver_sql("DELETE FROM image_parents")
    assert gallery.rebuild(settle_seconds=0) == 2
    assert [each.id for each in gallery.children(parent.id)] == [child.id]


@pytest.mark.parametrize(
    "odd", [{}, {"role": 7, "image": 8}, {"image": "no id"}, {"image": None, "photo": 5}, start("0" * 26)]
)
def test_odd_parents_are_told_as_far_as_they_can_be_read(gallery, odd):
    child = gallery.save(picture(), made_from(odd))
    (found,) = gallery.parents(gallery.get(child.id))
    assert found.image is None


def test_a_recipe_without_parents_is_written_as_before():
    assert "parents" not in recipe().to_dict()
    assert made_from(start(None)).to_dict()["parents"] == [start(None)]
