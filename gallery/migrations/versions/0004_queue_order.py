"""Jobs have a place in the queue that can be changed, and lanes can be paused.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, where 0 keeps the order of before; no lane is paused."""
    op.add_column("jobs", sa.Column("position", sa.Integer, nullable=False, server_default="0"))
    op.add_column("jobs", sa.Column("turn", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("jobs", sa.Column("claims", sa.Integer, nullable=False, server_default="0"))
    op.create_index("ix_jobs_turn", "jobs", ["turn"])
    op.create_index("ix_jobs_lane_owner_turn", "jobs", ["lane", "owner", "turn"])
    lanes = op.create_table(
        "lanes",
        sa.Column("name", sa.String(16), primary_key=True),
        sa.Column("paused", sa.Boolean, nullable=False),
        sa.Column("passed_over", sa.Integer, nullable=False),
    )
    op.bulk_insert(lanes, [{"name": name, "paused": False, "passed_over": 0} for name in ("draw", "train", "fetch")])


def downgrade() -> None:
    """Backups are made before every change."""
    raise NotImplementedError("Put back the copy in the folder backups instead.")
