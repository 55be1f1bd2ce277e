"""Rows that cannot be read never stop the rest: worker, lists, pages, command lines, export."""

import json
import re
import shutil
from collections.abc import Iterable
from dataclasses import replace

import pytest
from sqlalchemy import text

from engine.__main__ import main
from engine.jobs.schema import DRAW, FAILED, QUEUED, SUCCEEDED
from engine.studio import Studio
from gallery.mending import repair
from gallery.metadata import read_recipe
from gallery.questions.query import Query
from tests.gallery.samples import picture, recipe
from tests.toy_kind import KINDS, Knit, lay_out_wool, worker_for

BAD_VALUES = {
    "broken JSON": '\'{"prompt": "a ca\'',
    "no JSON": "'hello'",
    "a number": "5",
    "a list": "'[1, 2]'",
    "null": "'null'",
    "empty": "''",
    "bytes": "x'00ff80'",
    "broken UTF-8": "CAST(x'7bff7d' AS TEXT)",
    "deep": "'" + "[" * 3000 + "]" * 3000 + "'",
    "a huge number": '\'{"name": "x", "rows": 1e999, "seconds_a_row": ' + "9" * 4000 + "}'",
    "other fields": '\'{"colour": "red"}\'',
}
BAD_COLUMNS = {
    "jobs": {
        "attempt": "'three'",
        "max_attempts": "'many'",
        "step": "-5",
        "steps": "'x'",
        "seconds": "9e999",
        "seconds_left": "9e999",
        "stage": "x'ff'",
        "notes": "'{'",
        "kind": "'knot'",
        "lane": "'bridge'",
        "state": "'asleep'",
        "owner": "7",
        "created_at": "'yesterday'",
        "started_at": "1e300",
        "finished_at": "'x'",
        "idempotency_key": "x'ff00'",
        "lease_token": "5",
        "id": "x'ff00ff'",
    },
    "images": {
        "number": "'first'",
        "created_at": "1e300",
        "owner": "x'ff'",
        "job_id": "5",
        "job_index": "'x'",
        "kind": "x'ff'",
        "title": "CAST(x'ff41' AS TEXT)",
        "negative_prompt": "x'00'",
        "model": "3",
        "seed": "'x'",
        "width": "'wide'",
        "height": "-1",
        "sha256": "5",
        "size_bytes": "'x'",
        "id": "'short'",
    },
}


def hurt(studio: Studio, table: str, key: str, column: str, value: str) -> None:
    with studio.database.write() as session:
        session.execute(text(f"UPDATE {table} SET {column} = {value.replace(':', chr(92) + ':')} WHERE id = '{key}'"))


@pytest.fixture
def knitting(settings, empty_database) -> Studio:
    """A studio that knits, with three jobs waiting."""
    settings.home.mkdir()
    shutil.copy(empty_database, settings.home)
    studio = Studio(settings, KINDS)
    ask_for(studio, "abc")
    yield studio
    studio.database.dispose()


def ask_for(studio: Studio, names: Iterable[str]) -> None:
    for name in names:
        request = Knit(name=name, rows=2)
        lay_out_wool(studio.settings, request)
        studio.submit(request)


def work_off(studio: Studio) -> None:
    worker, handlers = worker_for(studio.settings)
    while worker.run_one(DRAW, handlers):
        pass


def states(studio: Studio) -> dict[str, str]:
    return {job.id: job.state for job in studio.jobs()}


def test_requests_that_cannot_be_read_stop_no_other_job(knitting):
    values = [value for name, value in BAD_VALUES.items() if name != "a huge number"]  # scarves have no limit
    ask_for(knitting, map(str, range(len(values))))
    *bad, one, two, three = sorted(states(knitting))
    for key, value in zip(bad, values, strict=True):
        hurt(knitting, "jobs", key, "request", value)

    titles = [knitting.title(job) for job in knitting.jobs()]  # newest first
    assert [title.startswith("A job that cannot be read") for title in titles] == [False] * 3 + [True] * len(values)
    work_off(knitting)

    assert states(knitting) == {**dict.fromkeys(bad, FAILED), **dict.fromkeys((one, two, three), SUCCEEDED)}
    assert all("cannot be read" in knitting.job(key).error for key in bad)


def test_values_of_another_type_in_jobs_stop_no_other(knitting):
    values = BAD_COLUMNS["jobs"]
    ask_for(knitting, values)
    *bad, one, two, three = sorted(states(knitting))
    for key, column in zip(bad, values, strict=True):
        hurt(knitting, "jobs", key, column, values[column])

    knitting.queue.settle_unreadable()
    work_off(knitting)
    found = states(knitting)

    assert [found.pop(key) for key in (one, two, three)] == [SUCCEEDED] * 3
    assert set(found) <= set(bad)
    assert all(state in (SUCCEEDED, FAILED) for state in found.values())
    assert list(knitting.queue.folders()) == []
    assert knitting.queue.leases() == []


def test_an_id_that_looks_whole_and_is_not_stops_no_other_job(knitting):
    bad, *others = sorted(states(knitting))
    hurt(knitting, "jobs", bad, "id", f"CAST(x'{'7bff7d' * 8}7bff' AS TEXT)")

    assert knitting.queue.settle_unreadable() == 0
    work_off(knitting)
    assert {key: states(knitting)[key] for key in others} == dict.fromkeys(others, SUCCEEDED)


@pytest.mark.parametrize(("column", "value"), [("state", "'asleep'"), ("lane", "'bridge'"), ("request", "'{'")])
def test_a_job_that_nobody_would_begin_is_settled_in_words(knitting, column, value):
    bad = sorted(states(knitting))[0]
    hurt(knitting, "jobs", bad, column, value)

    assert knitting.queue.settle_unreadable() == 1
    assert knitting.queue.settle_unreadable() == 0
    job = knitting.job(bad)
    assert (job.state, "cannot be read" in job.error) == (FAILED, True)
    assert list(states(knitting).values()).count(QUEUED) == 2


@pytest.fixture
def images(studio) -> list[str]:
    return dragons(studio, 3)


def dragons(studio: Studio, count: int) -> list[str]:
    return [studio.gallery.save(picture(number), recipe(f"dragon {number}")).id for number in range(count)]


def commands_pass(studio: Studio, tmp_path, capsys) -> str:
    """Every command that reads rows ends well; what they said."""
    home, texts = ["--home", str(studio.settings.home)], []
    for words in (["jobs"], ["jobs", "--json"], ["gallery", "list"], ["gallery", "list", "--json"],
                  ["gallery", "export", str(tmp_path / "out")], ["gallery", "check"], ["storage"]):  # fmt: skip
        refused = main([*words, *home])
        said = capsys.readouterr()
        assert not refused or (refused == 1 and re.search(r"\d images? could not be copied", said.err)), said.err
        texts.append(said.out)
    return "".join(texts)


def test_recipes_that_cannot_be_read_stop_no_other_picture(studio, tmp_path, capsys):
    first, *bad, last = images = dragons(studio, len(BAD_VALUES) + 2)
    for key, value in zip(bad, BAD_VALUES.values(), strict=True):
        hurt(studio, "images", key, "recipe", value)

    assert {image.id for image in studio.gallery.page().images} == set(images)
    assert not any(studio.gallery.get(key).unreadable for key in (first, last))
    for key in bad:
        record = studio.gallery.get(key)
        if record.unreadable:
            assert "gallery check --rebuild" in record.recipe.notes[0]
        assert read_recipe(studio.gallery.jpg(key)) is not None
    commands_pass(studio, tmp_path, capsys)
    rows = [json.loads(line) for line in (tmp_path / "out" / "metadata.jsonl").read_text().splitlines()]
    assert {row["id"] for row in rows} == set(images)
    assert len(list((tmp_path / "out").glob("*.png"))) == len(images)

    assert studio.gallery.renew() == len(bad)
    assert [studio.gallery.get(key).recipe for key in bad] == [recipe(f"dragon {n + 1}") for n in range(len(bad))]


def test_a_row_that_is_written_anew_says_what_its_own_licences_allow(studio, images):
    made = replace(recipe("a free dragon"), model={"name": "mini", "commercial_use": True}, loras=())
    free = studio.gallery.save(picture(), made).id
    hurt(studio, "images", free, "recipe", "'{'")
    hurt(studio, "images", free, "commercial_use", "0")
    assert studio.gallery.renew() == 1
    assert studio.gallery.get(free).commercial_use is True
    assert studio.gallery.count(query=Query(commercial_use=True)) == 1


def test_an_unreadable_recipe_is_shown_as_such_in_lists_and_jpgs_carry_the_files_own(studio, images, tmp_path, capsys):
    hurt(studio, "images", images[1], "recipe", "'{'")
    said = commands_pass(studio, tmp_path, capsys)
    assert said.count("its recipe cannot be read") == 1
    assert "The recipes of 1 cannot be read" in said
    assert "1 image whose row cannot be read" in said
    assert read_recipe(studio.gallery.jpg(images[1])) == recipe("dragon 1")


def test_values_of_another_type_in_pictures_stop_no_other(studio, tmp_path, capsys):
    values = BAD_COLUMNS["images"]
    first, *bad, last = images = dragons(studio, len(values) + 2)
    for key, column in zip(bad, values, strict=True):
        hurt(studio, "images", key, column, values[column])

    found = {image.id for image in studio.gallery.page(limit=2).images}
    found |= {image.id for image in studio.gallery.page().images}
    assert {first, last} <= found <= set(images)
    commands_pass(studio, tmp_path, capsys)
    assert main(["gallery", "check", "--rebuild", "--home", str(studio.settings.home)]) == 0

    assert sorted(image.id for image in studio.gallery.page().images) == images
    assert not any(image.unreadable for image in studio.gallery.page().images)
    assert repair.fault(studio.database.file) is None


def test_a_page_of_rows_without_a_name_leads_to_those_behind_it(studio, images):
    for image_id in images[1:]:
        hurt(studio, "images", image_id, "id", f"'x{image_id[-4:]}'")
    page = studio.gallery.page(limit=1)
    assert [image.id for image in page.images] == images[:1]
