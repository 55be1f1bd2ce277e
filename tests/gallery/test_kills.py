"""Processes that die or race while they save: nothing acknowledged is lost."""

import subprocess
import sys
from pathlib import Path

import pytest

from gallery import Database, Gallery
from tests.gallery.samples import describe, picture, recipe, sqlite_only

PROJECT = Path(__file__).resolve().parents[2]
KILLS = 25


def program(name, *arguments):
    command = [sys.executable, "-m", "tests.gallery.savers", name, *map(str, arguments)]
    return subprocess.Popen(command, cwd=PROJECT)


@sqlite_only
@pytest.mark.timeout(120)
def test_killed_at_any_moment_nothing_acknowledged_is_lost(gallery, database, tmp_path):
    database.dispose()
    assert program("kill", database.url, tmp_path, KILLS, 7).wait() == 0
    acknowledged = set((tmp_path / "acknowledged").read_text().split())
    assert len(acknowledged) >= KILLS

    kept = walk(gallery)
    assert acknowledged <= kept
    for image_id in kept:
        assert gallery.png(image_id)  # checks its sha256
    report = gallery.sweep(settle_seconds=0)
    assert (report.missing, report.wrong_size, report.removed, report.index_rebuilt) == ((), (), (), False)
    assert all(path.suffix == ".png" for path in report.orphans)
    assert gallery.rebuild(settle_seconds=0) == len(report.orphans)
    assert gallery.sweep(settle_seconds=0).orphans == ()
    assert gallery.count(search="dragon") == gallery.count() == len(kept) + len(report.orphans)


@sqlite_only
@pytest.mark.timeout(120)
def test_killed_while_pictures_go_for_good_no_row_is_left_without_its_file(gallery, database, tmp_path):
    database.dispose()
    assert program("purge", database.url, tmp_path, KILLS, 11).wait() == 0

    kept = walk(gallery) | walk(gallery, trash=True)
    assert kept
    for image_id in kept:
        assert gallery.png(image_id)  # also of those that were on their way out
    report = gallery.sweep(settle_seconds=0)
    assert (report.missing, report.wrong_size, report.unreadable, report.index_rebuilt) == ((), (), (), False)
    gallery.rebuild(settle_seconds=0)  # pictures of a killed save come back, none of those that went for good
    assert walk(gallery) | walk(gallery, trash=True) == kept | {path.stem for path in report.orphans}
    trash = walk(gallery, trash=True)
    assert gallery.delete_for_good(kept) == len(trash)
    assert not any(gallery.files.locate(image_id) for image_id in trash)
    assert list(gallery.files.trash.glob("*")) == []


@sqlite_only
@pytest.mark.timeout(120)
def test_processes_that_save_and_read_at_once_never_find_it_locked(gallery, database, tmp_path):
    gallery.save(picture(), recipe())
    savers = [program("race", database.url, tmp_path, 20, seed) for seed in range(2)]
    while any(saver.poll() is None for saver in savers):
        gallery.page(search="dragon")
        database.data_version()
    assert [saver.returncode for saver in savers] == [0, 0]
    assert gallery.count() == 1 + 2 * 20


@sqlite_only
def test_processes_that_migrate_at_once_all_succeed(tmp_path):
    url = f"sqlite:///{tmp_path / 'new' / 'studio.sqlite3'}"
    assert program("migrate", url, tmp_path, 4, 0).wait() == 0
    assert Gallery(Database(url), tmp_path, describe=describe).count() == 0


def walk(gallery, trash=False):
    seen, page = set(), gallery.page(limit=500, trash=trash)
    seen.update(image.id for image in page.images)
    while page.has_older:
        page = gallery.page(limit=500, older_than=page.images[-1].id, trash=trash)
        seen.update(image.id for image in page.images)
    return seen
