"""Databases that cannot be used by their address, or vanish while the studio runs, are said in words."""

import shutil
from dataclasses import replace

import pytest

from engine.studio import Studio
from gallery.database import Database
from gallery.store import Gallery


@pytest.mark.parametrize("url", ["sqlite:///:memory:", "sqlite://", "sqlite:///file::memory:?uri=true"])
def test_a_database_in_memory_is_refused_in_words(settings, url):
    with pytest.raises(Exception, match=r"must be a file.*in memory only.*STUDIO_DATABASE_URL"):
        Studio(replace(settings, database_url=url))


def test_a_driver_that_is_not_installed_is_named(settings):
    with pytest.raises(Exception, match=r"needs the driver 'MySQLdb'.*pip install"):
        Studio(replace(settings, database_url="mysql://nobody:secret@localhost/studio"))


def test_a_database_that_vanishes_is_called_gone_and_not_made_anew(home, file, opened):
    studio = opened()
    studio.database.dispose()
    file.unlink()
    with pytest.raises(Exception, match=r"studio.sqlite3 is not there any more.*check --rebuild"):
        studio.gallery.count()
    assert not file.exists()
    assert "is not there any more" in studio.health.troubles()[0]


def test_a_home_that_vanishes_is_called_gone(home, opened):
    studio = opened()
    studio.gallery.count()
    shutil.rmtree(home)
    for ask in (studio.gallery.delete, studio.gallery.restore):
        with pytest.raises(Exception, match=r"is not there any more"):
            ask(["01ARZ3NDEKTSV4RRFFQ69G5FAV"])
    assert not home.exists()
    assert Gallery(Database(studio.settings.database_url), home).files.images.parent == home
