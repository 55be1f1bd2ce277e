"""What pictures are alike by is kept: numbers of their colours and lines, in a narrow table that is read whole.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table with its trigger; it is filled in by the upkeep, which walks along another index now."""
    op.create_table(
        "image_features",
        sa.Column("image_id", sa.String(26), primary_key=True),
        sa.Column("features", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    if op.get_bind().dialect.name == "sqlite":
        note = "INSERT INTO image_changes(image_id, titles) VALUES (new.image_id, 0);"
        op.execute(f"CREATE TRIGGER image_features_inserted AFTER INSERT ON image_features BEGIN {note} END")
    else:
        op.execute(
            "CREATE TRIGGER image_features_changed AFTER INSERT ON image_features "
            "FOR EACH ROW EXECUTE FUNCTION note_value_of_image()"
        )
    op.drop_index("ix_images_unseen", "images")
    op.create_index("ix_images_unseen", "images", ["number", "id"])


def downgrade() -> None:
    """Backups are made before every change."""
    raise NotImplementedError("Put back the copy in the folder backups instead.")
