"""The tables of the gallery. The engine declares its `jobs` table on the same `Base`."""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from gallery.columns import Real, Whole, Words
from gallery.database import Base
from gallery.recipe import SEEDS

_LIVE = text("deleted_at IS NULL")
_TRASH = text("deleted_at IS NOT NULL")


class Seed(TypeDecorator[int]):
    """A seed of 64 bits in a column of 64 bits with a sign: the upper half of the seeds stands there minus 2**64.

    So the lower half stands as it is, as it always did, and a comparison for equality finds every seed.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:
        """To the column."""
        return value if value is None or value < SEEDS // 2 else value - SEEDS

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        """From the column; None for what is no whole number."""
        if not isinstance(value, int):
            return None
        return value if value >= 0 else value + SEEDS


class ImageParent(Base):
    """One picture was made from another; see `gallery.family`."""

    __tablename__ = "image_parents"
    __table_args__ = (Index("ix_image_parents_parent", "parent_id"),)

    child_id: Mapped[str] = mapped_column(Words(26), primary_key=True)
    parent_id: Mapped[str] = mapped_column(Words(26), primary_key=True)


class ImageLora(Base):
    """One LoRA was applied to one picture; built of the recipes by `gallery.questions.filing`."""

    __tablename__ = "image_loras"
    __table_args__ = (Index("ix_image_loras_name", "name", "image_id"),)

    image_id: Mapped[str] = mapped_column(Words(26), primary_key=True)
    name: Mapped[str] = mapped_column(Words(200), primary_key=True)


class ImageTag(Base):
    """The artist gave one picture one tag; see `gallery.marks`."""

    __tablename__ = "image_tags"
    __table_args__ = (Index("ix_image_tags_tag", "tag", "image_id"),)

    image_id: Mapped[str] = mapped_column(Words(26), primary_key=True)
    tag: Mapped[str] = mapped_column(Words(40), primary_key=True)


class BoardRow(Base):
    """A board: pictures that the artist put together under a name."""

    __tablename__ = "boards"
    __table_args__ = (UniqueConstraint("owner", "name", name="uq_boards_name"),)

    id: Mapped[str] = mapped_column(Words(26), primary_key=True)
    owner: Mapped[str] = mapped_column(Words(64))
    name: Mapped[str] = mapped_column(Words(60))
    created_at: Mapped[float] = mapped_column(Real)


class BoardImage(Base):
    """One picture is on one board."""

    __tablename__ = "board_images"
    __table_args__ = (Index("ix_board_images_image", "image_id"),)

    board_id: Mapped[str] = mapped_column(Words(26), primary_key=True)
    image_id: Mapped[str] = mapped_column(Words(26), primary_key=True)
    added_at: Mapped[float] = mapped_column(Real)


class ImageFeatures(Base):
    """What one picture is found by as being like another; see `gallery.looks.features`.

    A table of its own, since all of it is read at once. Empty where the picture's file cannot be read.
    """

    __tablename__ = "image_features"
    __table_args__ = ({"sqlite_with_rowid": False},)

    image_id: Mapped[str] = mapped_column(Words(26), primary_key=True)
    features: Mapped[bytes] = mapped_column(LargeBinary)


class ImageChange(Base):
    """What an answer depends on changed for this image; written by triggers, so that no change goes unnoticed.

    The newest 20,000 are kept. On PostgreSQL the table also has the transaction's number (`transaction`).

    Attributes:
        image_id: empty where a change is of no single image.
        titles: whether other words may be found by it.
        token: drawn by chance, so that a number of another history, as that of a snapshot put back, is told apart.
    """

    __tablename__ = "image_changes"
    __table_args__ = ({"sqlite_autoincrement": True},)  # numbers of rows that were cleared away are not given again

    seq: Mapped[int] = mapped_column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True)
    image_id: Mapped[str] = mapped_column(Words(26))
    titles: Mapped[bool] = mapped_column(default=False, server_default=false())
    token: Mapped[int] = mapped_column(BigInteger, server_default=text("(random())"))


ANSWERED_BY = (
    "number",
    "owner",
    "deleted_at",
    "kind",
    "model",
    "sampler",
    "seed",
    "width",
    "height",
    "favourite",
    "rating",
    "stack",
    "colours",
    "commercial_use",
)
"""Columns of images that questions are about; see `gallery.questions`."""


class Image(Base):
    """One image that was made; its pixels are in the file of the same id."""

    __tablename__ = "images"
    __table_args__ = (
        UniqueConstraint("job_id", "job_index", name="uq_images_job"),
        # One index per way to page, holding only the rows of that page list, newest at its end.
        # `deleted_at` is in them so that SQLite counts without looking at the rows.
        Index("ix_images_live", "number", "deleted_at", sqlite_where=_LIVE, postgresql_where=_LIVE),
        Index("ix_images_owner_live", "owner", "number", "deleted_at", sqlite_where=_LIVE, postgresql_where=_LIVE),
        Index("ix_images_trash", "number", sqlite_where=_TRASH, postgresql_where=_TRASH),
        # All that questions are about, so that reading it for 100,000 images reads no recipe.
        Index("ix_images_answers", *ANSWERED_BY),
        # Likewise for what pictures look like, and the way to those that nobody has looked at yet.
        Index("ix_images_looks", "owner", "number", "phash", "deleted_at", sqlite_where=_LIVE, postgresql_where=_LIVE),
        Index("ix_images_unseen", "number", "id"),
    )

    id: Mapped[str] = mapped_column(Words(26), primary_key=True)
    number: Mapped[int] = mapped_column(Whole(big=True, least=None), unique=True)
    """Sorts like `id`; see `gallery.ids`."""
    created_at: Mapped[float] = mapped_column(Real)
    owner: Mapped[str] = mapped_column(Words(64))
    job_id: Mapped[str | None] = mapped_column(Words(26, neutral=None))
    job_index: Mapped[int | None] = mapped_column(Whole(neutral=None))
    kind: Mapped[str] = mapped_column(Words(32))
    title: Mapped[str] = mapped_column(Words)
    negative_prompt: Mapped[str] = mapped_column(Words)
    model: Mapped[str] = mapped_column(Words(200))
    seed: Mapped[int | None] = mapped_column(Seed)
    width: Mapped[int] = mapped_column(Whole)
    height: Mapped[int] = mapped_column(Whole)
    sha256: Mapped[str] = mapped_column(Words(64))
    size_bytes: Mapped[int] = mapped_column(Whole(big=True))
    recipe: Mapped[Any] = mapped_column(JSON)
    """JSON values; None where they cannot be read."""
    deleted_at: Mapped[float | None] = mapped_column(Real(neutral=None))
    sampler: Mapped[str] = mapped_column(Words(64), default="", server_default="")
    stack: Mapped[str | None] = mapped_column(Words(16, neutral=None))
    """Shared by pictures of the same recipe with other seeds; see `gallery.questions.filing`."""
    favourite: Mapped[bool] = mapped_column(default=False, server_default=false())
    rating: Mapped[int | None] = mapped_column(Whole(least=1, most=5, neutral=None))
    phash: Mapped[int | None] = mapped_column(Whole(big=True, least=None, neutral=None))
    """Perceptual hash of 64 bits, the upper half of the numbers minus 2**64; None until it is computed."""
    colours: Mapped[str | None] = mapped_column(Words(64, neutral=None))
    """The main colours, ` red blue `; None until they are looked for."""
    commercial_use: Mapped[bool | None] = mapped_column(default=None)
    """Whether the licences of all that it was made with allow it; None where one of them is not known."""
    features: Mapped[ImageFeatures | None] = relationship(
        primaryjoin="Image.id == foreign(ImageFeatures.image_id)", lazy="raise", passive_deletes="all"
    )
    """Given when the image is saved; of others the table itself is asked."""
