"""Damaged and lost databases of every kind are noticed, and repaired without a loss."""

import random
import time

import pytest
from filelock import FileLock

from engine.__main__ import main
from engine.settings import Settings
from engine.studio import Studio
from gallery.errors import DatabaseDamaged
from gallery.mending import repair
from tests.engine.mending.damages import DAMAGES, PICTURES, recipes, sql
from tests.gallery.samples import picture, recipe


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
