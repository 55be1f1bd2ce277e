"""A gallery in a temporary home; on PostgreSQL when STUDIO_TEST_DATABASE_URL names an empty one."""

import os
import shutil

import pytest
from hypothesis import settings
from sqlalchemy import text

from gallery import Database, Gallery
from tests.gallery.samples import describe

# Derandomised: the same examples in every run; few enough for a quick suite.
settings.register_profile("gallery", max_examples=50, deadline=None, derandomize=True)
settings.load_profile("gallery")

SERVER = os.environ.get("STUDIO_TEST_DATABASE_URL", "")


@pytest.fixture
def database(tmp_path, empty_database):
    if not SERVER:
        shutil.copy(empty_database, tmp_path)
    database = Database(SERVER or f"sqlite:///{tmp_path / 'studio.sqlite3'}")
    if SERVER:
        with database.engine.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
    database.migrate()
    yield database
    database.dispose()


@pytest.fixture
def gallery(database, tmp_path):
    return Gallery(database, tmp_path, describe=describe)
