"""A row and all that is written down beside it: search index, family, LoRAs, marks. They come and go together."""

from collections.abc import Iterable

from sqlalchemy import delete
from sqlalchemy.orm import Session

from gallery import family, fulltext
from gallery.recipe import Recipe
from gallery.schema import BoardImage, Image, ImageLora, ImageTag
from gallery.traits import loras_of


def add(session: Session, row: Image) -> None:
    """Make a new image findable, in the transaction that inserts its row."""
    fulltext.add(session, row)
    note(session, row.id, Recipe.from_dict(row.recipe))


def note(session: Session, image_id: str, recipe: Recipe) -> None:
    """Write down what a recipe names: what the picture was made from, and its LoRAs."""
    family.add(session, image_id, recipe)
    session.execute(delete(ImageLora).where(ImageLora.image_id == image_id))
    session.add_all(ImageLora(image_id=image_id, name=name) for name in loras_of(recipe))


def remove(session: Session, rows: Iterable[Image]) -> None:
    """Delete the rows of images with all that was written down beside them."""
    rows = list(rows)
    ids = [row.id for row in rows]
    for row in rows:
        fulltext.remove(session, row)
        session.delete(row)
    forget(session, ids)


def forget(session: Session, ids: list[str]) -> None:
    """Delete what was written down about images that are gone for good."""
    family.remove(session, ids)
    for table in (ImageLora, ImageTag, BoardImage):
        session.execute(delete(table).where(table.image_id.in_(ids)))
