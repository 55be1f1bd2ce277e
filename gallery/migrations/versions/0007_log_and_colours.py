"""The log of changes tells one history from another, and titles, colours and commercial use are in it.

Revision ID: 0007
Revises: 0006
"""

import json
from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

from gallery.questions.traits import commercial_use_of, with_parents
from gallery.recipe import Recipe

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_BATCH = 1000
_ANSWERED_BY = (
    "number", "owner", "deleted_at", "kind", "model", "sampler", "seed", "width", "height", "favourite", "rating",
    "stack", "colours", "commercial_use",
)  # fmt: skip
_KEPT_CHANGES = 20_000
_LISTED = ("image_loras", "image_tags", "board_images")


def upgrade() -> None:
    """Add the column and fill it from the recipes; make the log and its triggers anew."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    _without_log(sqlite)
    op.add_column("images", sa.Column("commercial_use", sa.Boolean))
    _fill()
    op.drop_index("ix_images_answers", "images")
    op.create_index("ix_images_answers", "images", list(_ANSWERED_BY))
    _log(sqlite)
    if sqlite:
        _sqlite_triggers()
    else:
        _postgresql_triggers()
    # Never empty, so that its end always names this history.
    op.execute("INSERT INTO image_changes(image_id) VALUES ('')")


def downgrade() -> None:
    """Backups are made before every change."""
    raise NotImplementedError("Put back the copy in the folder backups instead.")


def _without_log(sqlite: bool) -> None:
    for table in ("images", *_LISTED):
        for event in ("inserted", "updated", "deleted") if sqlite else ("changed",):
            op.execute(f"DROP TRIGGER IF EXISTS {table}_{event}{'' if sqlite else f' ON {table}'}")
    if not sqlite:
        op.execute("DROP FUNCTION note_image_change()")
    op.drop_table("image_changes")


def _fill() -> None:
    """Parents are older than their children, so theirs are known by then."""
    connection = op.get_bind()
    update = sa.text("UPDATE images SET commercial_use = :allowed WHERE number = :number")
    allowed: dict[str, bool | None] = {}
    for rows in _rows():
        some = []
        for row in rows:
            recipe = _recipe(row.recipe)
            if recipe is None:
                continue
            allowed[row.id] = with_parents(commercial_use_of(recipe), recipe, allowed)
            if allowed[row.id] is not None:
                some.append({"number": row.number, "allowed": allowed[row.id]})
        if some:
            connection.execute(update, some)


def _rows() -> Iterator[list[sa.Row]]:
    """All images, some at a time; by number, so that no row is met twice."""
    some = sa.text(
        "SELECT id, number, CAST(recipe AS TEXT) AS recipe FROM images WHERE number > :last "
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


# -- the log


def _log(sqlite: bool) -> None:
    drawn = "(random())" if sqlite else "(random() * 9e15)::bigint"
    op.create_table(
        "image_changes",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("image_id", sa.String(26), nullable=False),
        sa.Column("titles", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("token", sa.BigInteger, nullable=False, server_default=sa.text(drawn)),
        sqlite_autoincrement=True,
    )


def _sqlite_triggers() -> None:
    note = "INSERT INTO image_changes(image_id, titles) VALUES"
    other = "new.title IS NOT old.title OR new.number IS NOT old.number OR new.id IS NOT old.id"
    renamed = "INSERT INTO image_changes(image_id, titles) SELECT new.id, 1 WHERE new.id IS NOT old.id;"
    columns = ", ".join(("id", "title", *_ANSWERED_BY))
    _trigger("images_inserted", "INSERT ON images", f"{note} (new.id, 1);")
    _trigger("images_updated", f"UPDATE OF {columns} ON images", f"{note} (old.id, {other}); {renamed}")
    _trigger("images_deleted", "DELETE ON images", f"{note} (old.id, 1);")
    for table in _LISTED:
        _trigger(f"{table}_inserted", f"INSERT ON {table}", f"{note} (new.image_id, 0);")
        _trigger(f"{table}_deleted", f"DELETE ON {table}", f"{note} (old.image_id, 0);")
    clear = f"DELETE FROM image_changes WHERE seq <= new.seq - {_KEPT_CHANGES};"
    _trigger("image_changes_cleared", "INSERT ON image_changes", clear)


def _trigger(name: str, after: str, does: str) -> None:
    op.execute(f"CREATE TRIGGER {name} AFTER {after} BEGIN {does} END")


def _postgresql_triggers() -> None:
    # Transactions end in another order than they begin, so readers go by the transaction's number and not by `seq`.
    op.execute("ALTER TABLE image_changes ADD COLUMN transaction xid8 NOT NULL DEFAULT pg_current_xact_id()")
    op.execute("CREATE INDEX ix_image_changes_transaction ON image_changes (transaction)")
    note = "INSERT INTO image_changes(image_id, titles) VALUES"
    _function(
        "note_image",
        f"IF TG_OP = 'INSERT' THEN {note} (NEW.id, true); RETURN NULL; END IF; "
        f"IF TG_OP = 'DELETE' THEN {note} (OLD.id, true); RETURN NULL; END IF; "
        f"{note} (OLD.id, NEW.title <> OLD.title OR NEW.number <> OLD.number OR NEW.id <> OLD.id); "
        f"IF NEW.id <> OLD.id THEN {note} (NEW.id, true); END IF; RETURN NULL;",
    )
    _function(
        "note_value_of_image",
        f"IF TG_OP = 'INSERT' THEN {note} (NEW.image_id, false); ELSE {note} (OLD.image_id, false); END IF; "
        "RETURN NULL;",
    )
    columns = ", ".join(("id", "title", *_ANSWERED_BY))
    _row_trigger("images", f"INSERT OR DELETE OR UPDATE OF {columns}", "note_image")
    for table in _LISTED:
        _row_trigger(table, "INSERT OR DELETE", "note_value_of_image")


def _function(name: str, does: str) -> None:
    op.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {does} END $$")


def _row_trigger(table: str, events: str, does: str) -> None:
    op.execute(f"CREATE TRIGGER {table}_changed AFTER {events} ON {table} FOR EACH ROW EXECUTE FUNCTION {does}()")
