"""The table of questions lies beside the database, is believed for its own history alone, and follows every change."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import text

from gallery import Gallery, marks
from gallery.ids import new_id, number_of
from gallery.questions import filing, fulltext, kept_table
from gallery.questions.kept_table import Position
from gallery.questions.query import OLDEST, Query
from gallery.questions.reading import Reading
from gallery.questions.table import build, new_codes, numbers_of
from tests.gallery.samples import describe, picture, postgresql_only, recipe, sqlite_only

NOTHING = build([], {}, new_codes())


def end_of_log(database) -> Position:
    with database.read() as session:
        return Position(*session.execute(text("SELECT seq, token FROM image_changes ORDER BY seq DESC LIMIT 1")).one())


@pytest.fixture
def few(gallery):
    return [gallery.save(picture(n), recipe("red fox" if n else "blue owl", seed=n)) for n in range(3)]


@sqlite_only
def test_what_is_read_from_the_file_is_what_was_written(gallery, database, few):
    marks.add_tags(database, [few[0].id], ["dusk"])
    with database.read() as session:
        table = Reading(database).table(session)
    kept_table.write(database.file, table, Position(5, -7))
    read, seen = kept_table.read(database.file)
    assert seen == Position(5, -7)
    assert {name: codes.words for name, codes in read.codes.items()} == {
        name: codes.words for name, codes in table.codes.items()
    }
    for name in kept_table.PLAIN:
        assert np.array_equal(getattr(read, name), getattr(table, name))
    for name in kept_table.CODED:
        assert np.array_equal(read.coded[name], table.coded[name])
    for name in kept_table.LISTED:
        assert np.array_equal(read.listed[name].rows, table.listed[name].rows)
        assert np.array_equal(read.listed[name].codes, table.listed[name].codes)


@sqlite_only
def test_the_file_is_believed_for_the_history_that_it_names_alone(database, tmp_path, few):
    def found() -> int:
        return Gallery(database, tmp_path, describe=describe).count(Query(sort=OLDEST, kinds=("text_to_image",)))

    end = end_of_log(database)
    kept_table.write(database.file, NOTHING, end)
    assert found() == 0  # an empty table of this very history: nothing shows that it is wrong
    marks.set_favourite(database, [few[0].id], True)
    assert found() == 1  # what changed since is taken in
    for foreign in (end._replace(token=end.token ^ 1), end._replace(seq=end.seq + 1000)):
        kept_table.write(database.file, NOTHING, foreign)
        assert found() == 3


@sqlite_only
@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data.replace(b'"form": 1', b'"form": 2'),
        lambda data: data[:-400] + bytes(200) + data[-200:],
        lambda data: b"PK\x05\x06" + bytes(18),
        lambda data: b"something else",
    ],
)
def test_a_damaged_file_is_passed_over(database, damage):
    kept_table.write(database.file, NOTHING, Position(1, 1))
    file = kept_table.file_of(database.file)
    file.write_bytes(damage(file.read_bytes()))
    assert kept_table.read(database.file) == (None, kept_table.NOWHERE)


@sqlite_only
def test_a_table_that_contradicts_itself_is_passed_over(database):
    numbers = np.array([2, 1], np.int64)
    for wrong in ({"number": numbers}, {"live": np.zeros(3, bool)}, {"seed": np.zeros(0, np.float64)}):
        kept_table.write(database.file, replace(NOTHING, **wrong), Position(1, 1))
        assert kept_table.read(database.file) == (None, kept_table.NOWHERE)


@sqlite_only
def test_a_snapshot_that_was_put_back_is_another_history_also_at_the_same_number(gallery, database, few):
    favourites = Query(favourite=True)
    copy = database.file.with_name("copy")
    database.dispose()
    shutil.copy(database.file, copy)
    marks.set_favourite(database, [few[0].id], True)
    assert gallery.ids(favourites) == (few[0].id,)
    seq = end_of_log(database).seq
    database.dispose()
    copy.replace(database.file)
    marks.set_favourite(database, [few[1].id], True)
    assert end_of_log(database).seq == seq
    assert gallery.ids(favourites) == (few[1].id,)


def test_words_that_change_in_a_title_alone_are_noticed(gallery, database, few):
    owls = Query(words="owl", sort=OLDEST)
    assert gallery.ids(owls) == (few[0].id,)
    marks.rate(database, [few[1].id], 4)
    assert gallery.ids(owls) == (few[0].id,)
    with database.write() as session:
        session.execute(text("UPDATE images SET title = 'grey owl' WHERE id = :id"), {"id": few[2].id})
        fulltext.rebuild(session)
    assert gallery.ids(owls) == (few[0].id, few[2].id)


def test_many_changes_at_once_are_all_taken_in(gallery, database, few):
    assert gallery.count(Query(tags=("dusk",))) == 0
    more = [gallery.save(picture(9 + n), recipe(seed=9 + n)).id for n in range(2)]
    gallery.delete([few[1].id])
    gallery.delete_for_good([few[1].id])
    marks.add_tags(database, [few[0].id, more[1]], ["dusk"])
    assert gallery.ids(Query(tags=("dusk",))) == (more[1], few[0].id)
    assert gallery.ids(Query(sort=OLDEST)) == (few[0].id, few[2].id, *more)


def test_numbers_of_many_ids_are_those_of_each():
    ids = [new_id() for _ in range(50)] + ["0" * 26, "7" + "Z" * 25]
    assert numbers_of(ids).tolist() == [number_of(each) for each in ids] == numbers_of([*map(str.encode, ids)]).tolist()
    wrong = ["", "0" * 25, "0" * 27, "8" + "0" * 25, "é" * 26, "I" * 26, None, 5]
    assert numbers_of(wrong).tolist() == [-1] * len(wrong)


@postgresql_only
def test_a_transaction_that_ends_after_a_later_one_is_noticed(gallery, database, few):
    favourites, set_one = Query(favourite=True, sort=OLDEST), "UPDATE images SET favourite = true WHERE id = :id"
    assert gallery.ids(favourites) == ()
    with database.write() as session:
        session.execute(text(set_one), {"id": few[0].id})
        marks.set_favourite(database, [few[1].id], True)
        assert gallery.ids(favourites) == (few[1].id,)
        filing.clear_log(database, kept=0)
    assert gallery.ids(favourites) == (few[0].id, few[1].id)


@postgresql_only
def test_the_log_is_cut_off_and_answers_stay_right(gallery, database, tmp_path, few):
    stars, early = Query(rating=1, sort=OLDEST), Gallery(database, tmp_path, describe=describe)
    assert early.ids(stars) == gallery.ids(stars) == ()
    for record in few:
        marks.rate(database, [record.id], 3)
        assert record.id in gallery.ids(stars)
    filing.clear_log(database)
    filing.clear_log(database, kept=1)
    with database.read() as session:
        assert session.scalar(text("SELECT count(*) FROM image_changes")) <= 2
    assert early.ids(stars) == gallery.ids(stars) == tuple(record.id for record in few)
