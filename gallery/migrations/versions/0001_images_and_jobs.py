"""Images, jobs, and on SQLite the full-text index of the prompts.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the first tables."""
    _images()
    _jobs()
    if op.get_bind().dialect.name == "sqlite":
        _full_text()


def downgrade() -> None:
    """There is nothing before the first version."""
    raise NotImplementedError("This is the first schema; there is nothing to go back to.")


def _images() -> None:
    op.create_table(
        "images",
        sa.Column("id", sa.String(26), primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False, unique=True),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("job_id", sa.String(26)),
        sa.Column("job_index", sa.Integer),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("prompt", sa.Text, nullable=False),
        sa.Column("negative_prompt", sa.Text, nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("seed", sa.BigInteger),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("recipe", sa.JSON, nullable=False),
        sa.Column("deleted_at", sa.Float),
        sa.UniqueConstraint("job_id", "job_index", name="uq_images_job"),
    )
    _partial_index("ix_images_live", ["number", "deleted_at"], "deleted_at IS NULL")
    _partial_index("ix_images_owner_live", ["owner", "number", "deleted_at"], "deleted_at IS NULL")
    _partial_index("ix_images_trash", ["number"], "deleted_at IS NOT NULL")


def _partial_index(name: str, columns: list[str], where: str) -> None:
    op.create_index(name, "images", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(26), primary_key=True),
        sa.Column("idempotency_key", sa.String(64), nullable=False, unique=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("lane", sa.String(16), nullable=False),
        sa.Column("request", sa.JSON, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("max_attempts", sa.Integer, nullable=False),
        sa.Column("lease_until", sa.Float),
        sa.Column("lease_token", sa.String(36)),
        sa.Column("worker", sa.String(64)),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("steps", sa.Integer, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("seconds_left", sa.Float),
        sa.Column("stage", sa.String(64), nullable=False),
        sa.Column("notes", sa.JSON, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("error_log", sa.Text),
        sa.Column("cancel_requested", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("started_at", sa.Float),
        sa.Column("finished_at", sa.Float),
    )
    op.create_index("ix_jobs_state_lane_id", "jobs", ["state", "lane", "id"])
    op.create_index("ix_jobs_owner_id", "jobs", ["owner", "id"])


def _full_text() -> None:
    # Contentless: the text stays in `images`. `gallery.questions.fulltext` writes the index, since triggers
    # may not touch FTS5 tables under trusted_schema=OFF. `So` makes emoji words; the prefix
    # indexes keep a half-typed common word as fast as a whole one.
    op.execute(
        "CREATE VIRTUAL TABLE images_text USING fts5("
        "prompt, content='', prefix='1 2 3 4', "
        """tokenize="unicode61 remove_diacritics 2 categories 'L* N* Co So'")"""
    )
