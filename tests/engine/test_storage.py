"""What takes how much disk, what is swept, and what is cleared when a person asks."""

import json
import os
import time
from pathlib import Path

import pytest
from sqlalchemy import text
from ulid import ULID

from engine import leftovers
from engine.__main__ import main
from engine.kept_photos import PhotoRef
from engine.leftovers import GRACE_SECONDS
from engine.prompting.presets import preset_of, presets_of
from engine.studio import Studio
from gallery.mending import backups
from gallery.metadata import png_bytes
from tests.gallery.samples import picture, recipe

OLD = time.time() - GRACE_SECONDS - 3600


def aged(path: Path, moment: float = OLD) -> Path:
    for file in [*path.rglob("*"), path]:
        os.utime(file, (moment, moment))
    return path


def photo(studio: Studio, number: int) -> str:
    photo_id = studio.photos.keep(png_bytes(picture(number), recipe()), f"beach {number}.png")
    for suffix in (".png", ".txt"):
        aged(studio.photos.path(photo_id).with_suffix(suffix))
    return photo_id


def archive(studio: Studio, stem: str = "castles-") -> Path:
    folder = studio.settings.home / "datasets" / f"{stem}{ULID()}"
    folder.mkdir(parents=True)
    (folder / "a.txt").write_text("a castle")
    return aged(folder)


def naming(photo_id: str):
    return recipe("a beach", request={"prompt": "a beach", "photo": {"id": photo_id, "name": "beach.png"}})


def kept_photos(studio: Studio) -> set[str]:
    return {path.stem for path in studio.photos.folder.glob("??/*.png")}


def by_kind(studio: Studio) -> dict:
    return {use.kind: use for use in studio.storage.usage()}


def clear(studio: Studio, *words: str) -> int:
    return main(["storage", "clear", *words, "--home", str(studio.settings.home)])


# -- leftovers


def test_a_photo_that_anything_names_is_kept(studio):
    shown, trashed, unreadable, orphan, asked, trained, saved, unused = (photo(studio, number) for number in range(8))
    studio.gallery.save(picture(), naming(shown))
    studio.gallery.delete([studio.gallery.save(picture(), naming(trashed)).id])
    hurt = studio.gallery.save(picture(), naming(unreadable)).id
    lost = studio.gallery.save(picture(), naming(orphan)).id
    job = studio.submit(studio.request("text_to_image", {"prompt": f"like {asked}"}))
    with studio.database.write() as session:
        session.execute(text(f"UPDATE images SET recipe = substr(recipe, 1, length(recipe) - 3) WHERE id = '{hurt}'"))
        session.execute(text(f"UPDATE images SET id = 'x', number = 1 WHERE id = '{lost}'"))
        session.execute(text("UPDATE images SET recipe = '5' WHERE id = 'x'"))
    studio.cancel(job.id)
    run = studio.settings.runs_dir / "01M8GA9CTCY11BWYHPJ5GNPAPS"
    run.mkdir(parents=True)
    (run / "run.json").write_text(json.dumps({"style": trained}))
    form = {"prompt": "a lake", "image": PhotoRef(saved, "a.png")}
    presets_of(studio.settings.home).save("mine", preset_of(form))

    leftovers.sweep(studio.gallery, studio.settings.home)

    assert kept_photos(studio) == {shown, trashed, unreadable, orphan, asked, trained, saved}
    assert not studio.photos.path(unused).with_suffix(".txt").exists()


def test_a_photo_that_only_a_job_of_a_snapshot_names_is_kept(studio):
    asked, unused = photo(studio, 1), photo(studio, 2)
    studio.submit(studio.request("text_to_image", {"prompt": f"like {asked}"}))
    backups.snapshot(studio.database.file, backups.START)
    with studio.database.write() as session:
        session.execute(text("DELETE FROM jobs"))
    leftovers.sweep(studio.gallery, studio.settings.home)
    assert kept_photos(studio) == {asked}
    assert not studio.photos.path(unused).exists()


def test_a_photo_that_was_just_brought_waits(studio):
    photo_id = photo(studio, 1)
    studio.photos.keep(png_bytes(picture(1), recipe()), "again.png")  # the same one again
    leftovers.sweep(studio.gallery, studio.settings.home)
    assert kept_photos(studio) == {photo_id}
    assert clear(studio, "photos") == 0
    assert kept_photos(studio) == {photo_id}


@pytest.mark.parametrize(
    "place", ["runs/r/run.json", "evaluations/e/request.json", "prepared/p/a/run.json", "loras/x.json"]
)
def test_an_archive_that_a_training_names_is_kept(studio, place):
    used, unused = archive(studio), archive(studio)
    file = studio.settings.home / place
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"folder": str(used)}))

    leftovers.sweep(studio.gallery, studio.settings.home)

    assert (used.exists(), unused.exists()) == (True, False)


def test_captions_that_an_artist_may_have_written_are_not_swept(studio):
    folder = archive(studio)
    (folder / "captions.csv").write_text("file_name,text\na.png,my own words")
    aged(folder)
    leftovers.sweep(studio.gallery, studio.settings.home)
    assert folder.exists()


def test_a_disk_that_is_away_removes_nothing(studio):
    photo_id, folder = photo(studio, 1), archive(studio)
    (studio.settings.home / "runs").symlink_to(studio.settings.home / "away")
    with pytest.raises(FileNotFoundError):
        leftovers.sweep(studio.gallery, studio.settings.home)
    assert folder.exists()
    assert kept_photos(studio) == {photo_id}
    assert clear(studio, "photos") == 1
    assert kept_photos(studio) == {photo_id}


def test_a_database_that_was_lost_sweeps_nothing(studio):
    for _ in range(3):
        studio.gallery.save(picture(), recipe())
    photo_id = photo(studio, 1)
    file = studio.database.file
    studio.database.dispose()
    file.unlink()
    again = Studio(studio.settings)
    again._keep_up()
    assert kept_photos(again) == {photo_id}


def test_what_was_uploaded_anew_since_it_was_looked_at_stays(studio):
    photo_id = photo(studio, 1)
    found = list(leftovers.unused_photos(studio.gallery, studio.settings.home))
    studio.photos.path(photo_id).touch()
    assert leftovers.remove(found, GRACE_SECONDS) == (0, 0)
    assert kept_photos(studio) == {photo_id}


def test_the_second_question_is_asked_whatever_the_rows_say(studio):
    record = studio.gallery.save(picture(), recipe())
    studio.gallery.delete([record.id])
    with studio.database.write() as session:
        session.execute(text("UPDATE images SET size_bytes = 'abc'"))
    assert clear(studio, "trash") == 1
    assert studio.gallery.count(trash=True) == 1


def test_folders_that_are_not_the_studios_and_young_ones_stay(studio):
    mine = studio.settings.home / "datasets" / "castles"
    mine.mkdir(parents=True)
    aged(mine)
    link = studio.settings.home / "datasets" / f"linked-{ULID()}"
    link.symlink_to(mine)
    young = archive(studio)
    (young / "a.txt").write_text("a caption that was just corrected")

    leftovers.sweep(studio.gallery, studio.settings.home)

    assert all(path.exists() for path in (mine, link, young))


def test_a_studio_that_starts_makes_a_snapshot_and_sweeps(studio):
    unused = archive(studio)
    supervisor = studio.supervisor()
    supervisor._keep_up()
    assert not unused.exists()
    (made,) = (studio.settings.home / "backups").iterdir()
    assert made.stem.endswith("-start")
    supervisor._keep_up()
    assert list((studio.settings.home / "backups").iterdir()) == [made]  # the next one is due tomorrow
    made.rename(made.with_name(made.name.replace(made.stem.split("-")[1], "20200101T000000000000Z")))
    supervisor._keep_up()
    assert sorted(path.stem.rsplit("-")[-1] for path in (studio.settings.home / "backups").iterdir()) == ["daily"]


# -- usage and clearing


def test_everything_is_counted_once(studio):
    record = studio.gallery.save(picture(), recipe())
    thrown = studio.gallery.save(picture(1), recipe())
    studio.gallery.delete([thrown.id])
    (studio.settings.home / "logs").mkdir()
    (studio.settings.home / "logs" / "worker.log").write_bytes(b"x" * 100)
    (studio.settings.home / "logs" / "worker.log.1").write_bytes(b"x" * 50)
    unused = photo(studio, 5)
    use = by_kind(studio)

    assert use["trash"].size_bytes == use["trash"].clearable_bytes == thrown.size_bytes
    marker = studio.gallery.files.marker.stat().st_size
    assert use["pictures"].size_bytes == record.size_bytes + marker
    assert (use["logs"].size_bytes, use["logs"].clearable_bytes) == (150, 50)
    assert use["photos"].clearable_bytes == use["photos"].size_bytes > studio.photos.path(unused).stat().st_size
    assert use["thumbnails"].clearable_bytes > 0
    assert use["pictures"].clearable_bytes == use["database"].clearable_bytes == 0


@pytest.mark.parametrize(("kind", "more"), [("thumbnails", []), ("logs", []), ("photos", []), ("archives", ["--yes"])])
def test_what_can_go_is_cleared_and_the_rest_stays(studio, capsys, kind, more):
    record = studio.gallery.save(picture(), recipe())
    photo(studio, 1)
    archive(studio)
    (studio.settings.home / "logs").mkdir()
    (studio.settings.home / "logs" / "worker.log.1").write_bytes(b"x" * 50)
    before = by_kind(studio)[kind].clearable_bytes

    assert clear(studio, kind, *more) == 0

    assert before > 0
    assert by_kind(studio)[kind].clearable_bytes == 0
    assert "were cleared" in capsys.readouterr().out
    assert studio.gallery.png(record.id)
    assert studio.gallery.thumbnail(record.id)


def test_the_trash_is_emptied_for_good_after_a_second_question(studio, capsys):
    kept = studio.gallery.save(picture(), recipe()).id
    gone = studio.gallery.save(picture(1), recipe()).id
    studio.gallery.delete([gone])

    assert clear(studio, "trash") == 1  # nobody is there to answer
    assert "Say --yes" in capsys.readouterr().err
    assert studio.gallery.count(trash=True) == 1

    assert clear(studio, "trash", "--yes") == 0
    assert studio.gallery.count(trash=True) == 0
    assert [path.stem for path in studio.gallery.files.images.rglob("*.png")] == [kept]
    assert by_kind(studio)["trash"].size_bytes == 0


def test_what_cannot_be_cleared_is_refused_with_what_can(studio, capsys):
    assert clear(studio, "pictures") == 1
    assert "one of trash, photos, archives" in capsys.readouterr().err


def test_usage_is_listed_for_people_and_programs(studio, capsys):
    studio.gallery.save(picture(), recipe())
    home = str(studio.settings.home)
    assert main(["storage", "--home", home]) == 0
    assert "in the gallery" in capsys.readouterr().out
    assert main(["storage", "--json", "--home", home]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row["kind"] for row in rows} >= {
        "pictures",
        "trash",
        "photos",
        "runs",
        "archives",
        "models",
        "backups",
        "logs",
    }
