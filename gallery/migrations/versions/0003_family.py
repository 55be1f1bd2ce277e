"""Which picture was made from which: read in recipes, and kept beside them so that it is found from both ends.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table; no earlier picture names another."""
    op.create_table(
        "image_parents",
        sa.Column("child_id", sa.String(26), primary_key=True),
        sa.Column("parent_id", sa.String(26), primary_key=True),
    )
    op.create_index("ix_image_parents_parent", "image_parents", ["parent_id"])


def downgrade() -> None:
    """Backups are made before every change."""
    raise NotImplementedError("Put back the copy in the folder backups instead.")
