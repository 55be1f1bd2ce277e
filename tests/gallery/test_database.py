import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from gallery import Base, Database, Gallery, GalleryError, now
from gallery.database import JOURNAL_MODE, WAL_IS_SAFE
from gallery.errors import StorageFull, StorageReadOnly
from gallery.mending.backups import snapshot
from gallery.migrations.upgrade import package_config, upgrade
from tests.gallery.samples import describe, picture, recipe, sqlite_only

PROJECT = Path(__file__).resolve().parents[2]

NEXT_VERSION = """
from alembic import op
import sqlalchemy as sa
revision, down_revision, branch_labels, depends_on = "9999", "0008", None, None

def upgrade():
    op.add_column("images", sa.Column("mood", sa.Integer))
    {then}
"""


def columns(database):
    with database.read() as session:
        return [row[1] for row in session.execute(text("PRAGMA table_info(images)"))]


def next_version(tmp_path, then="pass"):
    (tmp_path / "versions").mkdir()
    (tmp_path / "versions" / "9999_next.py").write_text(NEXT_VERSION.format(then=then))
    config = package_config()
    ours = PROJECT / "gallery" / "migrations" / "versions"
    config.set_main_option("version_locations", f"{ours}:{tmp_path / 'versions'}")
    return config


# --- migrations ---------------------------------------------------------------------------------


def test_the_migrated_schema_is_the_declared_one(database):
    declared = {"images"}
    with suppress(ImportError):
        import engine.jobs.schema  # noqa: F401  (declares `jobs` on the same Base)

        declared.add("jobs")

    for_postgresql = {"words", "ix_images_words"}  # of these the ORM knows nothing

    def ours(item, name, kind, reflected, compare_to):
        table = item if kind == "table" else item.table
        return table.name in declared and name not in for_postgresql

    with database.engine.connect() as connection:
        options = {"include_object": ours, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []


def test_migrating_again_changes_nothing(database):
    before = database.data_version()
    database.migrate()
    if database.is_sqlite:
        assert database.data_version() == before
        assert not (database.file.parent / "backups").exists()


@sqlite_only
def test_a_snapshot_is_made_before_an_existing_schema_changes(database, tmp_path):
    saved = Gallery(database, tmp_path, describe=describe).save(picture(), recipe())
    upgrade(database, next_version(tmp_path))
    assert "mood" in columns(database)
    (copy,) = (tmp_path / "backups").iterdir()
    with closing(sqlite3.connect(copy)) as old:
        assert old.execute("SELECT id FROM images").fetchall() == [(saved.id,)]
        assert "mood" not in [row[1] for row in old.execute("PRAGMA table_info(images)")]


@sqlite_only
def test_a_failing_migration_leaves_the_old_schema(database, tmp_path):
    with pytest.raises(ZeroDivisionError):
        upgrade(database, next_version(tmp_path, then="1 / 0"))
    assert "mood" not in columns(database)
    database.migrate()


@sqlite_only
def test_a_database_of_a_newer_studio_is_refused(database, tmp_path):
    upgrade(database, next_version(tmp_path))
    with pytest.raises(GalleryError, match=r"'9999'; this studio knows up to '0008'.*Update the studio"):
        database.migrate()


@sqlite_only
def test_ten_snapshots_are_kept(database):
    made = [snapshot(database.file, "0001") for _ in range(12)]
    assert sorted((database.file.parent / "backups").iterdir()) == made[2:]


# --- transactions -------------------------------------------------------------------------------


def test_write_rolls_back_on_error(gallery, database):
    saved = gallery.save(picture(), recipe())

    def change_and_fail():
        with database.write() as session:
            session.execute(text("UPDATE images SET kind = 'changed'"))
            raise KeyError

    with pytest.raises(KeyError):
        change_and_fail()
    assert gallery.get(saved.id).kind == "text_to_image"


@sqlite_only
def test_write_holds_the_write_lock_from_its_first_moment(database):
    with database.write(), closing(sqlite3.connect(database.file, timeout=0, isolation_level=None)) as other:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        assert other.execute("SELECT count(*) FROM images").fetchone() == (0,)


@sqlite_only
def test_pragmas(database):
    with database.read() as session:
        values = {
            name: session.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("synchronous", "foreign_keys", "busy_timeout", "trusted_schema", "mmap_size")
        }
    assert values == {
        "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000, "trusted_schema": 0, "mmap_size": 0,
    }  # fmt: skip
    assert database.journal_mode == JOURNAL_MODE.lower()


@sqlite_only
def test_another_journal_mode_that_is_in_use_is_tolerated(tmp_path):
    file = tmp_path / "studio.sqlite3"
    other_mode = "DELETE" if WAL_IS_SAFE else "WAL"
    with closing(sqlite3.connect(file)) as other:
        other.execute(f"PRAGMA journal_mode={other_mode}")
        other.execute("CREATE TABLE t (x)")
        other.execute("BEGIN")
        other.execute("SELECT * FROM t").fetchall()
        database = Database(f"sqlite:///{file}")
        assert database.journal_mode in ("wal", "delete")
        database.dispose()


def test_the_databases_clock_is_in_unix_seconds_with_a_fraction(database):
    with database.read() as session:
        moments = [now(session) for _ in range(3)]
    assert all(abs(moment - time.time()) < 60 for moment in moments)
    assert moments == sorted(moments)
    assert any(moment % 1 for moment in moments)


def test_data_version_tells_that_somebody_wrote(gallery, database):
    before = database.data_version()
    if database.is_sqlite:
        assert database.data_version() == before
    gallery.save(picture(), recipe())
    assert database.data_version() != before


@sqlite_only
def test_data_version_waits_for_nobody(database):
    before = database.data_version()
    with closing(sqlite3.connect(database.file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert database.data_version() == before


# --- full and read-only disks -------------------------------------------------------------------


@sqlite_only
def test_a_full_disk_is_said_in_words_and_undoes_the_save(gallery, database):
    gallery.save(picture(), recipe())

    def fill(session):
        pages = session.execute(text("PRAGMA page_count")).scalar_one()
        session.execute(text(f"PRAGMA max_page_count={pages}"))
        session.execute(text("CREATE TABLE filler AS SELECT zeroblob(1000000) AS x"))

    with pytest.raises(StorageFull, match=r"Disk full: .* MB free in .*nothing was lost"):
        gallery.save(picture(), recipe(), also=fill)
    database.dispose()
    assert gallery.count() == 1
    assert len(list(gallery.files.images.rglob("*.png"))) == 1


@sqlite_only
def test_a_read_only_database_is_said_in_words(gallery, tmp_path):
    gallery.save(picture(), recipe())
    file = tmp_path / "studio.sqlite3"
    database = Database(f"sqlite:///file:{file}?mode=ro&uri=true")
    assert database.file == file
    locked = Gallery(database, tmp_path, describe=describe)
    assert locked.count() == 1
    with pytest.raises(StorageReadOnly, match="can only be read"):
        locked.save(picture(), recipe())
    assert len(list((tmp_path / "images").rglob("*.png"))) == 1


def test_importing_the_gallery_imports_no_torch_engine_or_streamlit():
    code = (
        "import sys, gallery; "
        "print([m for m in ('torch', 'engine', 'streamlit', 'alembic', 'numpy') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
