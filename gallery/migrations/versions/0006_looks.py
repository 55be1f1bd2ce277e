"""What pictures look like is read without their recipes: one index has it all.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index; hashes and colours are filled in by the upkeep."""
    live = sa.text("deleted_at IS NULL")
    columns = ["owner", "number", "phash", "deleted_at"]
    op.create_index("ix_images_looks", "images", columns, sqlite_where=live, postgresql_where=live)
    op.create_index("ix_images_unseen", "images", ["colours", "number", "id"])


def downgrade() -> None:
    """Backups are made before every change."""
    raise NotImplementedError("Put back the copy in the folder backups instead.")
