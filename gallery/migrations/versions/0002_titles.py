"""What a picture is listed under is its title: a prompt only where there is one.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

from gallery.questions.fulltext import spaced

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_BATCH = 1000


def upgrade() -> None:
    """Rename the column, and on SQLite build the full-text index with the new name."""
    op.execute("ALTER TABLE images RENAME COLUMN prompt TO title")
    if op.get_bind().dialect.name == "sqlite":
        _full_text()


def downgrade() -> None:
    """Backups are made before every change."""
    raise NotImplementedError("Put back the copy in the folder backups instead.")


def _full_text() -> None:
    op.execute("DROP TABLE images_text")
    op.execute(
        "CREATE VIRTUAL TABLE images_text USING fts5("
        "title, content='', prefix='1 2 3 4', "
        """tokenize="unicode61 remove_diacritics 2 categories 'L* N* Co So'")"""
    )
    add = sa.text("INSERT INTO images_text(rowid, title) VALUES (:number, :title)")
    everything = op.get_bind().execute(sa.text("SELECT number, title FROM images")).fetchall()
    for start in range(0, len(everything), _BATCH):
        rows = [{"number": number, "title": spaced(title)} for number, title in everything[start : start + _BATCH]]
        op.get_bind().execute(add, rows)
