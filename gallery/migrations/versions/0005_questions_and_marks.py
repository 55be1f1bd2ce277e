"""Pictures are found by what their recipes say, and carry the artist's marks: favourite, rating, tags, boards.

Revision ID: 0005
Revises: 0004
"""

import json
from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

from gallery.recipe import Recipe
from gallery.traits import loras_of, sampler_of, stack_of

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_BATCH = 1000
_ANSWERED_BY = (
    "number", "owner", "deleted_at", "kind", "model", "sampler", "seed", "width", "height", "favourite", "rating",
    "stack",
)  # fmt: skip
_KEPT_CHANGES = 20_000


def upgrade() -> None:
    """Add columns and tables, and fill them from the recipes."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    _columns()
    _tables()
    _fill(sqlite)
    op.create_index("ix_images_answers", "images", list(_ANSWERED_BY))
    _changes(sqlite)


def downgrade() -> None:
    """Backups are made before every change."""
    raise NotImplementedError("Put back the copy in the folder backups instead.")


def _columns() -> None:
    for column in (
        sa.Column("sampler", sa.String(64), nullable=False, server_default=""),
        sa.Column("stack", sa.String(16)),
        sa.Column("favourite", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("rating", sa.Integer),
        sa.Column("phash", sa.BigInteger),
        sa.Column("colours", sa.String(64)),
    ):
        op.add_column("images", column)


def _tables() -> None:
    op.create_table(
        "image_loras",
        sa.Column("image_id", sa.String(26), primary_key=True),
        sa.Column("name", sa.String(200), primary_key=True),
    )
    op.create_index("ix_image_loras_name", "image_loras", ["name", "image_id"])
    op.create_table(
        "image_tags",
        sa.Column("image_id", sa.String(26), primary_key=True),
        sa.Column("tag", sa.String(40), primary_key=True),
    )
    op.create_index("ix_image_tags_tag", "image_tags", ["tag", "image_id"])
    op.create_table(
        "boards",
        sa.Column("id", sa.String(26), primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.UniqueConstraint("owner", "name", name="uq_boards_name"),
    )
    op.create_table(
        "board_images",
        sa.Column("board_id", sa.String(26), primary_key=True),
        sa.Column("image_id", sa.String(26), primary_key=True),
        sa.Column("added_at", sa.Float, nullable=False),
    )
    op.create_index("ix_board_images_image", "board_images", ["image_id"])


def _fill(sqlite: bool) -> None:
    connection = op.get_bind()
    update = sa.text("UPDATE images SET sampler = :sampler, stack = :stack WHERE number = :number")
    lora = sa.text("INSERT INTO image_loras (image_id, name) VALUES (:image_id, :name)")
    for rows in _rows():
        facts = [(row, recipe) for row in rows if (recipe := _recipe(row.recipe)) is not None]
        if facts:
            connection.execute(update, [_values(row, recipe) for row, recipe in facts])
        named = [{"image_id": row.id, "name": name} for row, recipe in facts for name in loras_of(recipe)]
        if named:
            connection.execute(lora, named)
    if not sqlite:
        connection.execute(sa.text("ALTER TABLE images ADD COLUMN words tsvector"))


def _rows() -> Iterator[list[sa.Row]]:
    """All images, some at a time; by number, so that no row is met twice."""
    some = sa.text(
        "SELECT id, number, title, CAST(recipe AS TEXT) AS recipe FROM images WHERE number > :last "
        "ORDER BY number LIMIT :batch"
    )
    last = -(2**63)
    while rows := list(op.get_bind().execute(some, {"last": last, "batch": _BATCH})):
        yield rows
        last = rows[-1].number


def _recipe(text: str) -> Recipe | None:
    """None for one that cannot be read: the row stays as it is."""
    try:
        return Recipe.from_dict(json.loads(text))
    except (ValueError, TypeError, RecursionError, OverflowError):
        return None


def _values(row: sa.Row, recipe: Recipe) -> dict[str, object]:
    return {"number": row.number, "sampler": sampler_of(recipe), "stack": stack_of(recipe, str(row.title))}


# -- a log of what changed, which answers that are kept in memory are renewed by


def _changes(sqlite: bool) -> None:
    op.create_table(
        "image_changes",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("image_id", sa.String(26), nullable=False),
        sqlite_autoincrement=True,
    )
    if sqlite:
        _sqlite_triggers()
    else:
        _postgresql_triggers()


def _sqlite_triggers() -> None:
    note = "INSERT INTO image_changes(image_id) VALUES"
    renamed = "INSERT INTO image_changes(image_id) SELECT new.id WHERE new.id IS NOT old.id;"
    columns = ", ".join(("id", *_ANSWERED_BY))
    _trigger("images_inserted", "INSERT ON images", f"{note} (new.id);")
    _trigger("images_updated", f"UPDATE OF {columns} ON images", f"{note} (old.id); {renamed}")
    _trigger("images_deleted", "DELETE ON images", f"{note} (old.id);")
    for table in ("image_loras", "image_tags", "board_images"):
        _trigger(f"{table}_inserted", f"INSERT ON {table}", f"{note} (new.image_id);")
        _trigger(f"{table}_deleted", f"DELETE ON {table}", f"{note} (old.image_id);")
    clear = f"DELETE FROM image_changes WHERE seq <= new.seq - {_KEPT_CHANGES};"
    _trigger("image_changes_cleared", "INSERT ON image_changes", clear)


def _trigger(name: str, after: str, does: str) -> None:
    op.execute(f"CREATE TRIGGER {name} AFTER {after} BEGIN {does} END")


def _postgresql_triggers() -> None:
    # Transactions end in another order than they begin, so readers go by the transaction's number and not by `seq`.
    op.execute("ALTER TABLE image_changes ADD COLUMN transaction xid8 NOT NULL DEFAULT pg_current_xact_id()")
    op.execute("CREATE INDEX ix_image_changes_transaction ON image_changes (transaction)")
    op.execute(
        "CREATE FUNCTION note_image_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF TG_OP <> 'INSERT' THEN INSERT INTO image_changes(image_id) VALUES (to_jsonb(OLD) ->> TG_ARGV[0]); END IF; "
        "IF TG_OP <> 'DELETE' THEN INSERT INTO image_changes(image_id) VALUES (to_jsonb(NEW) ->> TG_ARGV[0]); END IF; "
        "RETURN NULL; END $$"
    )
    columns = ", ".join(("id", *_ANSWERED_BY))
    for table, key, events in (
        ("images", "id", f"INSERT OR DELETE OR UPDATE OF {columns}"),
        ("image_loras", "image_id", "INSERT OR DELETE"),
        ("image_tags", "image_id", "INSERT OR DELETE"),
        ("board_images", "image_id", "INSERT OR DELETE"),
    ):
        op.execute(
            f"CREATE TRIGGER {table}_changed AFTER {events} ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION note_image_change('{key}')"
        )
