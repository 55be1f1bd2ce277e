"""Runs the migrations on the connection that `upgrade` hands over (no alembic.ini)."""

from alembic import context

from gallery.schema import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    # SQLite can roll back CREATE and ALTER too, once BEGIN is ours: a killed migration leaves
    # the old schema, never something between.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
