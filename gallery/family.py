"""Which picture was made from which, found from both ends.

A picture's recipe names what it was made from (`Recipe.parents`); the table `image_parents` is that by the parent's id.
It can always be built anew from the recipes.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from gallery.database import Database
from gallery.ids import is_id
from gallery.recipe import Recipe
from gallery.records import ImageRecord, records_of
from gallery.schema import Image, ImageParent

MOST_CHILDREN = 200


@dataclass(frozen=True, slots=True)
class Parent:
    """Something that a picture was made from.

    Attributes:
        role: what it was to it, such as `start`, `mask` or `variation`.
        image: the gallery's picture, in the trash too; None where it was none, or is gone for good.
        photo: id of the kept photo that has its pixels; None where none was kept.
    """

    role: str
    image: ImageRecord | None
    photo: str | None


def add(session: Session, child_id: str, recipe: Recipe) -> None:
    """Note what a new picture was made from."""
    for parent_id in _named(recipe) - {child_id}:
        session.merge(ImageParent(child_id=child_id, parent_id=parent_id))


def remove(session: Session, image_ids: Iterable[str]) -> None:
    """Forget pictures that are gone for good; the recipes of their children name them still."""
    ids = list(image_ids)
    session.execute(delete(ImageParent).where(or_(ImageParent.child_id.in_(ids), ImageParent.parent_id.in_(ids))))


def parents(database: Database, recipe: Recipe, owner: str | None = None) -> tuple[Parent, ...]:
    """What a picture was made from, as its recipe names it.

    Args:
        owner: whose pictures are told; None means anybody's.
    """
    with database.read() as session:
        rows = session.scalars(select(Image).where(Image.id.in_(_named(recipe))))
        found = records_of(session, (row for row in rows if owner in (None, row.owner)))
    known = {record.id: record for record in found}
    return tuple(
        Parent(str(each.get("role") or ""), known.get(str(each.get("image"))), _text(each.get("photo")))
        for each in recipe.parents
    )


def children(database: Database, image_id: str, owner: str | None = None) -> tuple[ImageRecord, ...]:
    """The pictures that were made from one, newest first, without those in the trash; at most `MOST_CHILDREN`."""
    made_from = select(ImageParent.child_id).where(ImageParent.parent_id == image_id)
    statement = select(Image).where(Image.id.in_(made_from), Image.deleted_at.is_(None))
    if owner is not None:
        statement = statement.where(Image.owner == owner)
    with database.read() as session:
        return records_of(session, session.scalars(statement.order_by(Image.number.desc()).limit(MOST_CHILDREN)))


def _named(recipe: Recipe) -> set[str]:
    """Ids of the gallery's pictures that a recipe names."""
    ids = (each.get("image") for each in recipe.parents)
    return {each for each in ids if isinstance(each, str) and is_id(each)}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
