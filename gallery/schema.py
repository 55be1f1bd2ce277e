"""The tables of the gallery. The engine declares its `jobs` table on the same `Base`."""

from typing import Any

from sqlalchemy import JSON, BigInteger, Dialect, Float, Index, String, Text, TypeDecorator, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

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

    def process_result_value(self, value: int | None, dialect: Dialect) -> int | None:
        """From the column."""
        return value if value is None or value >= 0 else value + SEEDS


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
    )

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, unique=True)
    """Sorts like `id`; see `gallery.ids`."""
    created_at: Mapped[float] = mapped_column(Float)
    owner: Mapped[str] = mapped_column(String(64))
    job_id: Mapped[str | None] = mapped_column(String(26))
    job_index: Mapped[int | None]
    kind: Mapped[str] = mapped_column(String(32))
    title: Mapped[str] = mapped_column(Text)
    negative_prompt: Mapped[str] = mapped_column(Text)
    model: Mapped[str] = mapped_column(String(200))
    seed: Mapped[int | None] = mapped_column(Seed)
    width: Mapped[int]
    height: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    recipe: Mapped[dict[str, Any]] = mapped_column(JSON)
    deleted_at: Mapped[float | None] = mapped_column(Float)
