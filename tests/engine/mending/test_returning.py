"""What a lost database knew comes back beside what was made since; what was deleted for good stays deleted."""

import os
import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import text

from engine.__main__ import main
from gallery import marks
from gallery.maintenance import SETTLE_SECONDS
from gallery.mending import backups
from gallery.store import DEFAULT_OWNER as OWNER
from tests.engine.mending.damages import PICTURES, restored
from tests.gallery.samples import picture, recipe


@pytest.fixture
def lost(home, file, opened, expected):
    """The database was lost after a snapshot, and something new was drawn and asked for since."""
    studio = opened()
    trashed, *_ = expected
    studio.gallery.delete([trashed])
    (job,) = studio.jobs()
    studio.database.dispose()
    backups.snapshot(file, backups.START)
    file.unlink()
    studio = opened()
    studio.gallery.save(picture(77), recipe("made since"))
    studio.submit(studio.request("text_to_image", {"prompt": "asked since"}))
    backups.snapshot(file, backups.DAILY)  # the newest knows nothing of before
    studio.database.dispose()
    return job, trashed


def test_a_rebuild_takes_jobs_and_the_trash_back_beside_what_was_made_since(home, opened, rebuilt, lost):
    job, trashed = lost
    (said,) = opened().health.troubles()
    assert "the jobs of the snapshots" in said

    said = rebuilt()
    studio = opened()

    assert f"{PICTURES} images were taken into the gallery." in said
    assert "1 job was taken back from the snapshots" in said
    assert [found.request.prompt for found in studio.jobs()] == ["asked since", "a castle"]
    assert (studio.job(job.id).request, studio.job(job.id).state) == (job.request, "cancelled")
    assert studio.gallery.count() == PICTURES
    assert [image.id for image in studio.gallery.page(trash=True).images] == [trashed]
    assert studio.health.troubles() == []
    assert "taken back" not in rebuilt()


def test_a_rebuild_changes_no_job_that_is_there(file, opened, rebuilt):
    (job,) = opened().jobs()
    backups.snapshot(file, backups.START)
    opened().cancel(job.id)
    assert "taken back" not in rebuilt()
    assert opened().job(job.id).state == "cancelled"


def test_no_job_of_a_time_that_was_left_begins_by_itself(home, file, opened, rebuilt, capsys):
    earlier = backups.snapshot(file, backups.START)
    studio = opened()
    (job,) = studio.jobs()
    waiting, running, done = (studio.submit(job.request) for _ in range(3))
    with studio.database.write() as session:
        session.execute(text("UPDATE jobs SET state = 'running', lease_token = 'x' WHERE id = :id"), {"id": running.id})
        session.execute(text("UPDATE jobs SET state = 'succeeded' WHERE id = :id"), {"id": done.id})
    studio.database.dispose()
    backups.snapshot(file, backups.DAILY)
    code, said = restored(home, capsys, earlier.stem)
    assert code == 0, said

    said = rebuilt()

    assert "3 jobs were taken back" in said
    assert "What had not ended there is cancelled" in said
    states = {found.id: found.state for found in opened().jobs()}
    assert states == {job.id: "queued", waiting.id: "cancelled", running.id: "cancelled", done.id: "succeeded"}


_MARKS = ("sampler", "stack", "favourite", "rating", "phash", "colours", "commercial_use")
_WITHOUT_MARKS = (
    "".join(f"DROP TRIGGER images_{did};" for did in ("inserted", "updated", "deleted"))
    + "DROP INDEX ix_images_answers; DROP INDEX ix_images_looks; DROP INDEX ix_images_unseen;"
    + "".join(f"ALTER TABLE images DROP COLUMN {name};" for name in _MARKS)
    + "".join(
        f"DROP TABLE {t};"
        for t in ("image_loras", "image_tags", "boards", "board_images", "image_changes", "image_features")
    )
)


def test_jobs_come_back_from_a_snapshot_of_an_earlier_schema(home, file, opened, rebuilt, lost):
    (old,) = (home / "backups").glob("*-start.sqlite3")
    with closing(sqlite3.connect(old)) as earlier:
        earlier.executescript(
            _WITHOUT_MARKS
            + "DROP TABLE lanes; DROP INDEX ix_jobs_turn; DROP INDEX ix_jobs_lane_owner_turn;"
            + "".join(f"ALTER TABLE jobs DROP COLUMN {name};" for name in ("position", "turn", "claims"))
            + "UPDATE alembic_version SET version_num = '0003'"
        )
    assert "1 job was taken back" in rebuilt()
    assert len(opened().jobs()) == 2


def test_marks_come_back_from_the_newest_snapshot_that_knows_the_picture(home, file, opened, rebuilt, expected):
    a, b, c, *_ = sorted(expected)
    database = opened().database
    marks.set_favourite(database, [a], True)
    marks.rate(database, [a, b], 4)
    marks.add_tags(database, [b], ["red"])
    board = marks.create_board(database, OWNER, "Dragons")
    marks.put_on_board(database, board.id, [b, c])
    backups.snapshot(file, backups.START)
    marks.rate(database, [a], 5)  # after the newest snapshot, so nobody knows it
    database.dispose()
    file.unlink()
    studio = opened()
    studio.gallery.save(picture(77), recipe("made since"))
    database = studio.database
    taken = marks.create_board(database, OWNER, "Dragons")  # a board of that name was begun since
    database.dispose()
    assert f"{PICTURES} images were taken into the gallery." in rebuilt()

    gallery = opened().gallery
    found = [(r.favourite, r.rating, r.tags) for r in map(gallery.get, (a, b, c))]
    assert found == [(True, 4, ()), (False, 4, ("red",)), (False, None, ())]
    assert [(each.id, each.images) for each in marks.boards(gallery.database, OWNER)] == [(taken.id, 2)]
    assert marks.boards_of(gallery.database, b) == (taken.id,)


def _change(home, change: str) -> None:
    (old,) = (home / "backups").glob("*-start.sqlite3")
    with closing(sqlite3.connect(old)) as snapshot:
        snapshot.executescript(change)


def test_a_snapshot_with_a_broken_text_gives_back_the_rest(home, opened, rebuilt, expected, lost):
    _, trashed = lost
    (other, *_) = sorted(set(expected) - {trashed})
    _change(home, f"UPDATE images SET owner = CAST(x'61ff' AS TEXT) WHERE id = '{other}'")
    assert f"{PICTURES} images were taken into the gallery." in rebuilt()
    assert [image.id for image in opened().gallery.page(trash=True).images] == [trashed]


@pytest.mark.parametrize("change", ["ALTER TABLE images RENAME owner TO who", "ALTER TABLE jobs RENAME id TO number"])
def test_a_snapshot_that_cannot_be_asked_is_named_in_words(home, capsys, lost, change):
    _change(home, change)
    assert main(["gallery", "check", "--rebuild", "--home", str(home)]) == 1
    said = capsys.readouterr().err
    assert "-start.sqlite3 must be read to take back" in said
    assert "move this file elsewhere" in said


def test_files_that_cannot_be_taken_in_are_named_and_set_aside_when_told_so(home, opened, capsys, expected, lost):
    images = [path for path in (home / "images").glob("??/*.png") if path.stem in expected]
    kept = {path.name: path.read_bytes()[:200] for path in images[:6]}
    for path in images[:6]:
        path.write_bytes(kept[path.name])
        os.utime(path, (path.stat().st_mtime - SETTLE_SECONDS,) * 2)
    assert main(["gallery", "check", "--rebuild", "--home", str(home)]) == 0
    said = capsys.readouterr().out
    assert all(path.name in said for path in images[:6])
    (said,) = opened().health.troubles()
    assert "6 pictures lie in" in said
    assert "gallery check --set-aside" in said

    assert main(["gallery", "check", "--set-aside", "--home", str(home)]) == 0
    assert "6 files that cannot be taken in are now in" in capsys.readouterr().out
    studio = opened()
    assert studio.health.troubles() == []
    assert {path.name: path.read_bytes() for path in (home / "set-aside").iterdir()} == kept
    assert [usage.size_bytes for usage in studio.storage.usage() if usage.kind == "set-aside"] == [1200]
    assert "nothing was moved" in _set_aside(home, capsys)


def _set_aside(home, capsys) -> str:
    assert main(["gallery", "check", "--set-aside", "--home", str(home)]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("newer", ["the database set aside", "a newer snapshot", "only the trash"])
def test_what_was_deleted_for_good_does_not_come_back_with_a_snapshot(home, file, opened, expected, capsys, newer):
    gone = sorted(expected)[:8]
    studio = opened()
    if newer == "only the trash":
        studio.gallery.delete(gone)
    snapshot = backups.snapshot(file, backups.START)
    studio.gallery.delete(gone)
    studio.gallery.purge(0)
    if newer == "a newer snapshot":
        backups.snapshot(file, backups.DAILY)
    studio.database.dispose()
    if newer != "the database set aside":
        file.write_bytes(b"nothing that can be read")

    code, said = restored(home, capsys, snapshot.stem)

    assert code == 0, said
    assert "8 images of the snapshot were deleted for good after it and did not come back." in said
    studio = opened()
    assert {image.id for image in studio.gallery.page().images} == set(expected) - set(gone)
    assert studio.gallery.count(trash=True) == 0
    assert studio.gallery.count(search="dragon") == PICTURES - 8


def test_pictures_that_are_lost_and_were_not_deleted_keep_their_rows(home, file, opened, expected, capsys):
    lost = min(expected)
    opened().gallery.path(lost).unlink()
    snapshot = backups.snapshot(file, backups.START)
    code, said = restored(home, capsys, snapshot.stem)
    assert code == 0
    assert f"1 image whose file is gone: {lost}" in said
    assert opened().gallery.get(lost).id == lost
