"""A row and all that is written down beside it: search index, family, LoRAs, marks. They come and go together."""

from collections.abc import Iterable

from sqlalchemy import delete, insert, select, text
from sqlalchemy.orm import Session

from gallery import family
from gallery.database import Database
from gallery.ids import is_id
from gallery.questions import fulltext
from gallery.questions.traits import commercial_use_of, loras_of, with_parents
from gallery.recipe import Recipe
from gallery.schema import BoardImage, Image, ImageFeatures, ImageLora, ImageTag


def add(session: Session, row: Image) -> None:
    """Make a new image findable, in the transaction that inserts its row."""
    fulltext.add(session, row)
    recipe = Recipe.from_dict(row.recipe)
    note(session, row.id, recipe)
    row.commercial_use = commercial_use(session, recipe)


def note(session: Session, image_id: str, recipe: Recipe) -> None:
    """Write down what a recipe names, whatever was there: what the picture was made from, and its LoRAs."""
    family.add(session, image_id, recipe)
    session.execute(delete(ImageLora).where(ImageLora.image_id == image_id))
    if names := loras_of(recipe):
        session.execute(insert(ImageLora), [{"image_id": image_id, "name": name} for name in names])


def commercial_use(session: Session, recipe: Recipe) -> bool | None:
    """Whether the licences allow it of all that a picture was made with, the pictures that it was made from too."""
    own = commercial_use_of(recipe)
    if not recipe.parents:
        return own
    ids = [image for parent in recipe.parents if is_id(image := parent.get("image"))]
    found = session.execute(select(Image.id, Image.commercial_use).where(Image.id.in_(ids)))
    return with_parents(own, recipe, {row.id: row.commercial_use for row in found})


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
    for table in (ImageLora, ImageTag, BoardImage, ImageFeatures):
        session.execute(delete(table).where(table.image_id.in_(ids)))


def clear_log(database: Database, kept: int = 20_000) -> None:
    """Cut the log of changes off on PostgreSQL, where a trigger that did it would let transactions wait for each other.

    What is left are the newest changes and those of transactions that may be open. Entries of a later transaction than
    any are of another server, whose database was put back here.
    """
    if not database.is_sqlite:
        with database.write() as session:
            session.execute(_CLEAR, {"kept": kept})


_CLEAR = text(
    "DELETE FROM image_changes WHERE transaction > pg_current_xact_id() OR ("
    "transaction < pg_snapshot_xmin(pg_current_snapshot()) AND "
    "transaction < (SELECT transaction FROM image_changes ORDER BY seq DESC OFFSET :kept LIMIT 1))"
)
