"""Damaged and lost databases of every kind are noticed, and repaired without a loss."""

import errno
import random
import re
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from engine.__main__ import main
from engine.settings import Settings
from engine.studio import Studio
from gallery.database import Database
from gallery.errors import DatabaseDamaged
from gallery.mending import backups, repair
from gallery.store import Gallery
from tests.gallery.samples import picture, recipe

PICTURES = 12
PAGE = 4096


@pytest.fixture(scope="module")
def template(tmp_path_factory, tiny_weights) -> Path:
    """A home with pictures of long prompts and a waiting job, and no snapshot."""
    home = tmp_path_factory.mktemp("template") / "home"
    studio = Studio(Settings(home=home, weights_dir=tiny_weights, device="cpu"))
    for number in range(PICTURES):
        studio.gallery.save(picture(number), recipe(f"number {number}, " + "a red dragon " * 40))
    studio.submit(studio.request("text_to_image", {"prompt": "a castle"}))
    studio.database.dispose()
    return home


@pytest.fixture
def home(template, tmp_path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "home"))


@pytest.fixture
def file(home) -> Path:
    return home / "studio.sqlite3"


@pytest.fixture
def opened(home, tiny_weights):
    """Opens the studio of the home; everything that was opened is closed at the end."""
    studios = []

    def open_it() -> Studio:
        studios.append(Studio(Settings(home=home, weights_dir=tiny_weights, device="cpu")))
        return studios[-1]

    yield open_it
    for studio in studios:
        studio.database.dispose()


@pytest.fixture
def rebuilt(home, capsys) -> Callable[[], str]:
    """Runs the command; gives what it said."""

    def run() -> str:
        code = main(["gallery", "check", "--rebuild", "--home", str(home)])
        said = capsys.readouterr()
        assert code == 0, said.err
        return said.out

    return run


def recipes(studio: Studio) -> dict:
    return {image.id: (image.recipe, image.title, image.sha256) for image in studio.gallery.page().images}


@pytest.fixture(scope="module")
def expected(template, tiny_weights) -> dict:
    studio = Studio(Settings(home=template, weights_dir=tiny_weights, device="cpu"))
    found = recipes(studio)
    studio.database.dispose()
    assert len(found) == PICTURES
    return found


# -- the ways in which a file can be hurt


def flipped(seed: int, pages: int):
    def hurt(file: Path) -> None:
        data, draw = bytearray(file.read_bytes()), random.Random(seed)
        for page in draw.sample(range(len(data) // PAGE), pages):
            for _ in range(64):
                data[page * PAGE + draw.randrange(PAGE)] ^= 1 << draw.randrange(8)
        file.write_bytes(data)

    return hurt


def zeroed(seed: int, pages: int):
    def hurt(file: Path) -> None:
        data, draw = bytearray(file.read_bytes()), random.Random(seed)
        for page in draw.sample(range(len(data) // PAGE), pages):
            data[page * PAGE : (page + 1) * PAGE] = bytes(PAGE)
        file.write_bytes(data)

    return hurt


def cut(share: float):
    def hurt(file: Path) -> None:
        data = file.read_bytes()
        file.write_bytes(data[: int(len(data) * share)])

    return hurt


def written(data: bytes, at: int = 0):
    def hurt(file: Path) -> None:
        old = file.read_bytes()
        file.write_bytes(old[:at] + data + old[at + len(data) :])

    return hurt


def instead(data: bytes):
    return lambda file: file.write_bytes(data)


def folder_in_its_place(file: Path) -> None:
    file.unlink()
    file.mkdir()
    (file / "something").write_text("inside")


def sql(*statements: str):
    def hurt(file: Path) -> None:
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            connection.execute("PRAGMA writable_schema=ON")
            for statement in statements:
                connection.execute(statement)

    return hurt


def log_is_lost(file: Path) -> None:
    """In the mode of a write-ahead log, half of the pictures are in it only; it is deleted."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA wal_autocheckpoint=0")
        before = file.read_bytes()
        connection.execute("UPDATE images SET title = title || '!'")
    file.write_bytes(before)


def foreign_log(file: Path) -> None:
    """The database is gone; the log of another one lies beside its name."""
    file.unlink()
    file.with_name(file.name + "-wal").write_bytes(random.Random(3).randbytes(9000))
    file.with_name(file.name + "-journal").write_bytes(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + bytes(600))


def another_database(file: Path) -> None:
    file.unlink()
    sql("CREATE TABLE bookmarks (url TEXT)", "INSERT INTO bookmarks VALUES ('x')")(file)


DAMAGES = {
    **{f"{pages} flipped pages ({seed})": flipped(seed, pages) for seed, pages in enumerate((1, 1, 1, 2, 3, 5, 8, 13))},
    **{f"{pages} zeroed pages ({seed})": zeroed(seed, pages) for seed, pages in enumerate((1, 1, 1, 2, 3, 5, 8, 13))},
    **{f"cut to {share:.0%}": cut(share) for share in (0.001, 0.1, 0.3, 0.5, 0.77, 0.95)},
    "wrong header": written(b"SQLite format 9\0"),
    "page size of 0": written(b"\0\0", 16),
    "header of zeros": written(bytes(100)),
    "first page of zeros": written(bytes(PAGE)),
    "wrong text encoding": written(b"\0\0\0\x09", 56),
    "wrong size in pages": written(b"\0\0\0\x03", 28),
    "noise": instead(random.Random(1).randbytes(50_000)),
    "noise of a page": instead(random.Random(2).randbytes(PAGE)),
    "a text file": instead(b"Dear diary,\n" * 400),
    "one byte": instead(b"S"),
    "only a header": instead(b"SQLite format 3\0"),
    "empty": instead(b""),
    "deleted": Path.unlink,
    "a folder": folder_in_its_place,
    "its log lost": log_is_lost,
    "gone, with a foreign log": foreign_log,
    "another program's database": another_database,
    "no table of pictures": sql("DROP TABLE images"),
    "no table of jobs": sql("DROP TABLE jobs"),
    "no search index": sql("DELETE FROM sqlite_master WHERE name = 'images_text'"),
    "no version": sql("DELETE FROM alembic_version"),
    "a schema of nonsense": sql("UPDATE sqlite_master SET sql = 'CREATE nonsense' WHERE name = 'images'"),
    "an index of nothing": sql("UPDATE sqlite_master SET rootpage = 9999 WHERE name = 'ix_images_live'"),
    "recipes of nonsense": sql("UPDATE images SET recipe = '{' WHERE number % 2"),
    "other recipes": sql("UPDATE images SET recipe = '{\"kind\": \"other\"}', title = 'x', seed = 1"),
    "other checksums": sql("UPDATE images SET sha256 = replace(sha256, 'a', 'b')"),
    "ids of nonsense": sql("UPDATE images SET id = 'nonsense ' || number WHERE number % 3 = 0"),
    "values of other types": sql("UPDATE images SET width = 'wide', created_at = 'now', title = x'ff00', seed = 'x'"),
    "empty rows": sql("DELETE FROM images"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_every_damage_is_repaired_from_the_files(home, file, opened, rebuilt, expected, name):
    DAMAGES[name](file)

    said = rebuilt()
    studio = opened()

    assert f"{PICTURES} images were compared with their files." in said
    assert recipes(studio) == expected
    assert studio.gallery.count(search="dragon") == PICTURES
    for image_id in expected:
        studio.gallery.png(image_id)  # its checksum is the row's
    assert not any(image.unreadable for image in studio.gallery.page().images)
    assert repair.fault(file) is None
    assert studio.submit(studio.request("text_to_image", {"prompt": "next"})).state == "queued"
    assert rebuilt().startswith("0 images were taken")


def test_there_are_enough_kinds_of_damage():
    assert len(DAMAGES) >= 30


def test_what_was_damaged_is_set_aside_with_everything_beside_it(home, file, rebuilt):
    noise = random.Random(5).randbytes(10_000)
    file.write_bytes(noise)
    for suffix in repair.SIDECARS:
        file.with_name(file.name + suffix).write_bytes(suffix.encode())

    said = rebuilt()

    (aside,) = home.glob("studio.sqlite3.damaged-*Z")
    assert f"What was there is kept as {aside}." in said
    assert aside.read_bytes() == noise
    for suffix in repair.SIDECARS:
        assert aside.with_name(aside.name + suffix).read_bytes() == suffix.encode()
    assert f"{PICTURES} images were taken into the gallery." in said


def test_a_sound_database_is_not_replaced(home, file, rebuilt, opened, expected):
    before = file.read_bytes()
    assert rebuilt() == f"0 images were taken into the gallery.\n{PICTURES} images were compared with their files.\n"
    assert file.read_bytes() == before
    assert not list(home.glob("*.damaged-*"))


@pytest.mark.parametrize("name", ["noise", "a folder", "cut to 50%", "no table of jobs", "another program's database"])
def test_a_damaged_database_is_noticed_when_the_studio_opens(home, file, opened, name):
    DAMAGES[name](file)
    with pytest.raises(DatabaseDamaged, match=r"gallery restore.*gallery check --rebuild"):
        opened()


@pytest.mark.parametrize("name", ["deleted", "empty", "empty rows"])
def test_an_empty_gallery_over_pictures_is_said_until_they_are_taken_in(home, file, opened, name):
    DAMAGES[name](file)
    studio = opened()
    (said,) = studio.health.troubles()
    assert f"{PICTURES} pictures lie in" in said
    assert "gallery check --rebuild" in said

    studio.gallery.rebuild(settle_seconds=0)
    studio.health.look_again()
    assert studio.health.troubles() == []


def test_commands_say_that_the_gallery_is_empty_over_pictures(home, file, capsys):
    file.unlink()
    assert main(["gallery", "list", "--home", str(home)]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert f"{PICTURES} pictures lie in" in said.err


def test_an_empty_home_has_no_troubles(tmp_path, tiny_weights):
    studio = Studio(Settings(home=tmp_path / "new", weights_dir=tiny_weights, device="cpu"))
    assert studio.health.troubles() == []
    studio.database.dispose()


def test_pictures_of_this_minute_count_when_a_person_asks(home, file, opened, rebuilt):
    studio = opened()
    young = studio.gallery.save(picture(99), recipe("a young one"))
    assert time.time() - studio.gallery.path(young.id).stat().st_mtime < 30
    studio.database.dispose()
    file.unlink()

    assert f"{PICTURES + 1} images were taken" in rebuilt()
    assert opened().gallery.get(young.id).title == "a young one"


def test_a_file_that_changed_is_not_believed(home, file, opened, rebuilt):
    studio = opened()
    record = studio.gallery.page().images[0]
    path = studio.gallery.path(record.id)
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    sql("UPDATE images SET title = 'mine'")(file)

    rebuilt()

    assert opened().gallery.get(record.id).title == "mine"


def test_while_a_studio_runs_nothing_is_replaced(home, file, capsys):
    file.write_bytes(b"noise" * 1000)
    with FileLock(home / "worker.lock"):
        assert main(["gallery", "check", "--rebuild", "--home", str(home)]) == 1
    assert "is running" in capsys.readouterr().err
    assert file.read_bytes() == b"noise" * 1000


# -- snapshots


def restored(home: Path, capsys, *words: str) -> tuple[int, str]:
    code = main(["gallery", "restore", *words, "--home", str(home)])
    said = capsys.readouterr()
    return code, said.out + said.err


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


# -- addresses that cannot be used


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
