"""Snapshots are whole, kept in order and put back; jobs and the trash survive by them."""

import errno
import re
import shutil
import sqlite3
from contextlib import closing

import pytest

from gallery.errors import DatabaseDamaged
from gallery.mending import backups, repair
from tests.engine.mending.damages import PICTURES, flipped, restored
from tests.gallery.samples import picture, recipe


def test_jobs_and_the_trash_survive_by_a_snapshot(home, file, opened, rebuilt, expected):
    studio = opened()
    gone, *_ = expected
    studio.gallery.delete([gone])
    (job,) = studio.jobs()
    backups.snapshot(file, backups.START)
    later = studio.gallery.save(picture(50), recipe("after it"))
    studio.database.dispose()
    file.write_bytes(b"nothing that can be read")

    said = rebuilt()
    studio = opened()

    assert f"{PICTURES} images and 1 job" in said
    assert "1 image was taken into the gallery." in said
    assert [(found.id, found.request) for found in studio.jobs()] == [(job.id, job.request)]
    assert [image.id for image in studio.gallery.page(trash=True).images] == [gone]
    assert studio.gallery.get(later.id).title == "after it"


def test_a_lost_database_that_was_begun_anew_gives_way_to_its_snapshot(home, file, opened, rebuilt):
    backups.snapshot(file, backups.START)
    file.unlink()
    opened().database.dispose()  # somebody started the studio in between

    assert f"{PICTURES} images and 1 job" in rebuilt()
    assert len(opened().jobs()) == 1


def test_a_damaged_snapshot_is_passed_over(home, file, rebuilt, opened):
    good = backups.snapshot(file, backups.START)
    with closing(sqlite3.connect(file)) as changed:
        changed.execute("UPDATE jobs SET stage = 'later'")
        changed.commit()
    bad = backups.snapshot(file, backups.START)
    bad.write_bytes(b"noise")
    file.unlink()

    assert good.stem in rebuilt()
    assert len(opened().jobs()) == 1


def test_snapshots_are_listed_and_put_back(home, file, opened, capsys):
    assert "There are no snapshots yet" in restored(home, capsys)[1]
    first = backups.snapshot(file, backups.START)
    studio = opened()
    later = studio.gallery.save(picture(50), recipe("after it"))
    studio.cancel(studio.jobs()[0].id)
    studio.database.dispose()
    second = backups.snapshot(file, backups.DAILY)

    code, said = restored(home, capsys)
    assert code == 0
    assert [line.split()[0] for line in said.splitlines()] == [second.stem, first.stem]
    assert f"{PICTURES} images, 1 job" in said

    code, said = restored(home, capsys, first.stem)
    assert code == 0
    assert "1 image that was made after it went into the gallery." in said
    studio = opened()
    assert studio.gallery.get(later.id).title == "after it"
    assert studio.jobs()[0].state == "queued"  # as it was then
    (aside,) = home.glob("studio.sqlite3.damaged-*Z")
    assert repair.fault(aside) is None


def test_a_snapshot_that_cannot_be_copied_leaves_the_database_in_its_place(home, file, capsys, monkeypatch):
    snapshot = backups.snapshot(file, backups.START)
    before = file.read_bytes()
    monkeypatch.setattr(shutil, "copyfileobj", _full)
    assert restored(home, capsys, snapshot.stem)[0] == 1
    assert file.read_bytes() == before
    assert not list(home.glob("studio.sqlite3.damaged-*"))


def _full(*files: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_clock_that_was_ahead_keeps_no_new_snapshot_away(home, file):
    made = backups.snapshot(file, backups.START)
    for year in range(2090, 2100):
        shutil.copy(made, made.with_name(re.sub(r"-\d{4}", f"-{year}", made.name, count=1)))
    assert backups.is_due(file, backups.DAY_SECONDS)
    assert backups.snapshot(file, backups.DAILY).exists()


@pytest.mark.parametrize(("name", "said"), [("nothing", "0 snapshots have 'nothing'"), ("studio", "2 snapshots have")])
def test_a_snapshot_that_is_not_clear_is_refused(home, file, capsys, name, said):
    for reason in ("0001", "0002"):
        backups.snapshot(file, reason)
    code, words = restored(home, capsys, name)
    assert code == 1
    assert said in words
    assert not list(home.glob("*.damaged-*"))


def test_the_latest_snapshot_can_be_asked_for_so(home, file, capsys):
    backups.snapshot(file, "0001")
    latest = backups.snapshot(file, "0002")
    assert latest.stem in restored(home, capsys, "latest")[1]


def test_no_snapshot_is_made_of_a_damaged_database(home, file):
    kept = backups.snapshot(file, "0001")
    flipped(4, 5)(file)
    with pytest.raises(DatabaseDamaged):
        backups.snapshot(file, "0002")
    assert list((home / "backups").iterdir()) == [kept]


def test_starts_without_a_change_push_no_older_snapshot_out(home, file):
    old = backups.snapshot(file, "0001")
    starts = [backups.snapshot(file, backups.START) for _ in range(12)]
    assert sorted((home / "backups").iterdir()) == [starts[-1]] or old.exists()
    assert len(list((home / "backups").iterdir())) <= 2


def test_a_snapshot_is_whole_while_others_write(home, file, opened):
    studio = opened()
    with studio.database.write() as session:
        session.connection().exec_driver_sql("UPDATE jobs SET stage = 'half'")
        copy = backups.snapshot(file, backups.START)
    with closing(sqlite3.connect(copy)) as snapshot:
        assert snapshot.execute("SELECT stage FROM jobs").fetchall() == [("",)]
