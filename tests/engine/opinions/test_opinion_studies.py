"""Studies: what they are made from, that they stay blind, and that every answer counts once."""

import csv
import io
import json
import math
import os
import re
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from engine import leftovers
from engine.opinions import results
from engine.opinions import studies as opinion_studies
from engine.opinions.export import as_csv, as_values
from engine.opinions.pictures import match
from engine.opinions.records import Answer, Participant
from engine.opinions.results import results_of
from engine.opinions.studies import Studies
from engine.opinions.study import BEST, EQUAL, ORIGINAL, PAIRS, RATINGS, REAL, StudyRefused
from engine.opinions.trials import trials_for

METHODS = ("classical", "nijigan", "cut")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Three methods and the originals: four contents, each method's pictures with its name in a text chunk."""
    place = tmp_path_factory.mktemp("sets")
    for number, method in enumerate([*METHODS, "photos"]):
        (place / method).mkdir()
        for content in range(4):
            note = PngInfo()
            note.add_text("parameters", f"made by {method}")
            size = (96, 64) if method == "cut" else (48, 32)
            color = (40 * number, 50 * content, 90)
            Image.new("RGB", size, color).save(place / method / f"{method[0]}-{content}.png", pnginfo=note)
            (place / method / f"{method[0]}-{content}.png").rename(place / method / f"photo{content}.png")
    return place


def sets(folders, names=METHODS):
    return {name: folders / name for name in names}


@pytest.fixture
def studies(tmp_path):
    return Studies(tmp_path)


def made(studies, folders, kind, **values):
    values = {"least_seconds": 0.0, "seed": 7, **values}
    control = kind == REAL or values.pop("control", False)
    return studies.create("Which?", kind, match(sets(folders), folders / "photos", control), **values)


# ---------------------------------------------------------------- blind


def test_what_is_served_says_nothing_of_who_made_it(studies, folders):
    study = made(studies, folders, RATINGS)
    names = [name for of_content in study.pictures.values() for name in of_content.values()]
    assert len(set(names)) == 12
    for content, of_content in study.pictures.items():
        files = [studies.picture(study, name) for name in of_content.values()]
        assert not any(method.encode() in data for data in files for method in [*METHODS, "made by"])
        assert len({Image.open(io.BytesIO(data)).size for data in files}) == 1, content
    assert not any(method in name for name in names for method in METHODS)


def test_a_link_opens_neither_what_is_closed_nor_what_is_judged_at_home(studies, folders):
    made(studies, folders, PAIRS, at_home=True)
    closed, open_one = made(studies, folders, BEST), made(studies, folders, PAIRS)
    studies.close(closed.id)
    assert [study.id for study in studies.open_to_others()] == [open_one.id]


@pytest.mark.parametrize("kind", [RATINGS, BEST, PAIRS, REAL])
def test_everyone_is_asked_the_same_in_an_order_of_their_own(studies, folders, kind):
    study = made(studies, folders, kind, repeats=2)
    orders = [trials_for(study, f"participant {number}") for number in range(20)]
    assert trials_for(study, "participant 3") == orders[3]
    asked = [Counter((t.content, frozenset(t.shown)) for t in order if t.repeat_of is None) for order in orders]
    assert all(each == asked[0] for each in asked)
    assert set(asked[0].values()) == {1}
    assert len({tuple((t.content, t.shown) for t in order) for order in orders}) == 20
    for order in orders:
        again = [t for t in order if t.repeat_of is not None]
        assert len(again) == 2
        assert all(set(order[t.repeat_of].shown) == set(t.shown) for t in again)
        first = [t for t in order if t.repeat_of is None]
        assert all(one.content != other.content for one, other in pairwise(first))


def test_the_place_of_a_picture_tells_nothing_about_its_method(studies, folders):
    study = made(studies, folders, PAIRS)
    first = Counter(t.shown[0] for number in range(200) for t in trials_for(study, str(number)))
    # 200 participants x 12 pairs: each method is in 1,600 of them, half of the time first; five standard errors.
    assert all(abs(count - 800) < 5 * math.sqrt(1600 / 4) for count in first.values()), first


# ---------------------------------------------------------------- answers


def test_an_answer_counts_once_and_survives(studies, folders, tmp_path):
    study = made(studies, folders, PAIRS)
    me = studies.join(study)
    first, second = trials_for(study, me.id)[:2]
    studies.answer(study, me.id, 0, {PAIRS: first.shown[0]}, 2.0)
    studies.answer(study, me.id, 0, {PAIRS: first.shown[1]}, 2.0)  # another tab, or a double click
    studies.answer(study, me.id, 5, {PAIRS: EQUAL}, 2.0)  # a question that was not asked yet
    again = Studies(tmp_path).participant(study, me.id)
    assert [answer.values for answer in again.answers] == [{PAIRS: first.shown[0]}]
    studies.answer(study, me.id, 1, {PAIRS: second.shown[1]}, 2.0)
    assert len(studies.participant(study, me.id).answers) == 2


def test_answers_that_are_none(studies, folders):
    study = made(studies, folders, RATINGS, least_seconds=1.0)
    me = studies.join(study)
    good = {"style": 3, "content": 4, "overall": 5}
    for values in ({}, {**good, "style": 6}, {**good, "style": "5"}, {**good, "more": 1}, {"overall": 3}):
        with pytest.raises(StudyRefused, match="one of the offered values"):
            studies.answer(study, me.id, 0, values, 3.0)
    with pytest.raises(StudyRefused, match="at least 1 s"):
        studies.answer(study, me.id, 0, good, 0.5)
    assert studies.participant(study, me.id).answers == ()


def test_after_the_end_nothing_is_counted(studies, folders):
    study = made(studies, folders, BEST)
    me = studies.join(study)
    closed = studies.close(study.id)
    assert studies.close(study.id).closed_at == closed.closed_at
    with pytest.raises(StudyRefused, match="has ended"):
        studies.answer(study, me.id, 0, {BEST: "cut"}, 3.0)  # by a page that was opened before
    with pytest.raises(StudyRefused, match="has ended"):
        studies.join(closed)


def test_links_cannot_be_guessed(studies, folders):
    study = made(studies, folders, BEST)
    assert studies.by_token(study.token).id == study.id
    for guess in ("", study.id, study.token[:-1], "../../etc", "ü"):
        with pytest.raises(StudyRefused, match="opens no study"):
            studies.by_token(guess)
    for guess in ("", "../study", "a" * 12, "ü" * 12):
        with pytest.raises(StudyRefused, match="Nobody takes part"):
            studies.participant(study, guess)


def test_a_participant_can_be_deleted(studies, folders):
    study = made(studies, folders, BEST)
    me, other = studies.join(study), studies.join(study)
    studies.answer(study, me.id, 0, {BEST: "cut"}, 3.0)
    studies.delete_participant(study, me.id)
    assert [each.id for each in studies.participants(study)] == [other.id]
    assert me.id not in as_csv(study, studies.participants(study))


# ---------------------------------------------------------------- what cannot be a study


def test_sets_that_do_not_fit(studies, folders, tmp_path):
    lonely, empty = tmp_path / "lonely", tmp_path / "empty"
    lonely.mkdir()
    empty.mkdir()
    Image.new("RGB", (48, 32)).save(lonely / "other.png")
    one = match({"classical": folders / "classical"}, None, False)
    with pytest.raises(StudyRefused, match="2 to 12 methods; got 1"):
        studies.create("Which?", RATINGS, one)
    with pytest.raises(StudyRefused, match=r"no name is in all of them \(classical: 4 pictures, other: 1 picture\)"):
        match({"classical": folders / "classical", "other": lonely}, None, False)
    with pytest.raises(StudyRefused, match="1 to 5,000 pictures"):
        match({"classical": folders / "classical", "other": empty}, None, False)
    with pytest.raises(StudyRefused, match="must be a folder"):
        match({"classical": folders / "classical", "other": tmp_path / "nowhere"}, None, False)
    with pytest.raises(StudyRefused, match="a and b are both"):
        match({"a": folders / "cut", "b": folders / "nijigan" / ".." / "cut"}, None, False)
    with pytest.raises(StudyRefused, match="hides the originals"):
        studies.create("Which?", REAL, match(sets(folders), None, False))
    many = replace(one, files={f"{n}": dict.fromkeys("abcdef", lonely / "other.png") for n in range(60)})
    with pytest.raises(StudyRefused, match="300 times at most"):
        studies.create("Which?", PAIRS, many)
    tall = tmp_path / "tall"
    tall.mkdir()
    for number in range(4):
        Image.new("RGB", (32, 48)).save(tall / f"photo{number}.png")
    with pytest.raises(StudyRefused, match="same shape"):
        studies.create("Which?", BEST, match({"classical": folders / "classical", "tall": tall}, None, False))
    (lonely / "photo0.png").write_bytes(b"no picture")
    with pytest.raises(StudyRefused, match="must open"):
        studies.create("Which?", BEST, match({"classical": folders / "classical", "other": lonely}, None, False))
    called_equal = match({"classical": folders / "classical", EQUAL: folders / "cut"}, None, False)
    with pytest.raises(StudyRefused, match="'equal': it is an answer"):
        studies.create("Which?", PAIRS, called_equal)
    with pytest.raises(StudyRefused, match="must be a folder"):
        match({"classical": folders / "classical", "other": Path("no\0path")}, None, False)
    assert studies.all() == []
    assert not [path for path in (tmp_path / "studies").iterdir() if path.name != ".lock"]


def test_names_are_the_same_however_a_computer_writes_them(studies, tmp_path):
    for method, name in (("mac", "e\u0301te\u0301"), ("linux", "\u00e9t\u00e9")):
        (tmp_path / method).mkdir()
        for stem in (name, "no\udcfftext"):
            Image.new("RGB", (48, 32)).save(tmp_path / method / f"{stem}.png")
    study = studies.create("Which?", BEST, match({m: tmp_path / m for m in ("mac", "linux")}, None, False))
    assert studies.get(study.id).contents == ("no?text", "\u00e9t\u00e9")


def test_a_number_is_no_option_and_no_formula(studies, folders):
    study = made(studies, folders, BEST)
    assert re.fullmatch("[0-9a-f]{18}", studies.join(study).id)


def test_a_file_that_somebody_changed_hides_only_itself(studies, folders, tmp_path):
    study, other = made(studies, folders, BEST), made(studies, folders, PAIRS)
    path = tmp_path / "studies" / study.id / "study.json"
    values = json.loads(path.read_text())
    content = study.contents[0]
    values["pictures"][content]["cut"] = "../../../secret.png"
    path.write_text(json.dumps(values))
    assert [each.id for each in studies.all()] == [other.id]
    me = studies.join(other)
    (tmp_path / "studies" / other.id / "participants" / "broken-one.json").write_text("{")
    assert [each.id for each in studies.participants(other)] == [me.id]


# ---------------------------------------------------------------- results


def taken_by(study, people, say):
    """Everybody answers everything; `say` takes the person's number, a generator, and the trial."""
    found = []
    for number in range(people):
        chance, me = np.random.default_rng(number), f"participant-{number}"
        trials = trials_for(study, me)
        answers = tuple(Answer(trial.position, say(number, chance, trial), 2.0) for trial in trials)
        found.append(Participant(me, float(number), answers))
    return found


def test_known_ratings_come_out_and_a_careless_one_is_seen(studies, folders):
    study = made(studies, folders, RATINGS, control=True, repeats=4)
    truth = {"classical": 4.4, "nijigan": 2.6, "cut": 2.0, ORIGINAL: 3.0}

    def say(number, chance, trial):
        if number == 5:
            return dict.fromkeys(study.questions, 1 if trial.repeat_of is None else 5)
        score = truth[trial.shown[0]] + chance.normal(0, 0.3)
        return {name: int(np.clip(round(score), 1, 5)) for name in study.questions}

    people = taken_by(study, 6, say)
    found = results_of(study, people)
    assert [person.careless for person in found.people].count(True) == 1
    question = found.questions[0]
    assert [row.method for row in question.rows] == ["classical", "nijigan", "cut", ORIGINAL]
    assert question.verdict.startswith("classical is better than nijigan")
    assert question.rows[0].score.answers == 6 * 4  # the repeats are not counted
    without = results_of(study, people, without_careless=True)
    assert without.left_out == 1
    assert without.questions[0].rows[0].score.answers == 5 * 4
    assert abs(without.questions[0].rows[0].score.mean - 4.4) < 0.5
    assert without.questions[0].alpha > max(0.7, question.alpha)
    values = as_values(found)
    assert values["questions"][0]["methods"][0]["to_best"] is None
    assert json.loads(json.dumps(values, allow_nan=False)) == values


def test_pairs_give_shares_and_strengths(studies, folders, monkeypatch):
    monkeypatch.setattr(results, "STRENGTH_RESAMPLES", 40)
    study = made(studies, folders, PAIRS)
    order = {"cut": 2, "classical": 1, "nijigan": 0}

    def say(number, chance, trial):
        better = max(trial.shown, key=order.__getitem__)
        worse = min(trial.shown, key=order.__getitem__)
        return {PAIRS: better if chance.random() < 0.85 else worse}

    found = results_of(study, taken_by(study, 8, say))
    rows = found.questions[0].rows
    assert [row.method for row in rows] == ["cut", "classical", "nijigan"]
    assert math.isclose(sum(row.score.mean for row in rows), 1.5)
    assert rows[0].strength[1] > rows[2].strength[2]
    assert rows[0].strength[0] > rows[1].strength[0] > rows[2].strength[0]
    share, chance = found.first_place
    assert chance == 0.5
    assert abs(share - 0.5) < 0.2


def test_level_methods_are_called_so(studies, folders):
    study = made(studies, folders, BEST)

    def say(number, chance, trial):
        return {BEST: study.methods[(number + study.contents.index(trial.content)) % 3]}

    found = results_of(study, taken_by(study, 4, say))
    assert "cannot be told with 4 participants" in found.questions[0].verdict
    assert "would be needed" in found.questions[0].verdict
    nobody = results_of(study, [])
    assert nobody.questions[0].verdict == "Nobody has answered yet."


def test_real_or_made_counts_what_was_taken_for_real(studies, folders):
    study = made(studies, folders, REAL)

    def say(number, chance, trial):
        return {REAL: "real" if trial.shown[0] in (ORIGINAL, "cut") else "made"}

    rows = {row.method: row.score.mean for row in results_of(study, taken_by(study, 2, say)).questions[0].rows}
    assert rows == {ORIGINAL: 1.0, "cut": 1.0, "classical": 0.0, "nijigan": 0.0}


def test_csv_has_every_answer_and_no_formula(studies, folders, tmp_path):
    evil = tmp_path / "evil"
    evil.mkdir()
    for number in range(4):
        Image.new("RGB", (48, 32)).save(evil / f"photo{number}.png")
    matched = match({"=HYPERLINK(1)": evil, "cut": folders / "cut"}, None, False)
    study = studies.create("Which?", BEST, matched, repeats=1, least_seconds=0.0)

    def say(number, chance, trial):
        return {BEST: "=HYPERLINK(1)"}

    people = taken_by(study, 2, say)
    rows = list(csv.DictReader(io.StringIO(as_csv(study, people))))
    assert len(rows) == 2 * 5
    assert sum(bool(row["repeat_of"]) for row in rows) == 2
    assert not any(cell.startswith("=") for row in rows for cell in row.values())


# ---------------------------------------------------------------- gone


def test_a_deleted_study_is_gone_with_its_answers_and_comes_back_by_no_late_answer(studies, folders, tmp_path):
    study, other = made(studies, folders, BEST), made(studies, folders, PAIRS)
    me = studies.join(study)
    studies.answer(study, me.id, 0, {BEST: "cut"}, 2.0)
    studies.delete(study.id)
    late = (
        lambda: studies.answer(study, me.id, 1, {BEST: "cut"}, 2.0),  # by a page that was open
        lambda: studies.join(study),
        lambda: studies.delete_participant(study, me.id),
        lambda: studies.close(study.id),
        lambda: studies.delete(study.id),  # in another tab
    )
    for act in late:
        with pytest.raises(StudyRefused, match="or it was deleted"):
            act()
    with pytest.raises(StudyRefused, match="was deleted"):
        studies.by_token(study.token)
    assert {path.name for path in (tmp_path / "studies").iterdir()} == {".lock", other.id}


def test_who_never_answered_gives_their_place_when_a_study_is_full(studies, folders, monkeypatch):
    monkeypatch.setattr(opinion_studies, "MOST_PARTICIPANTS", 3)
    study = made(studies, folders, BEST)
    first, silent, last = (studies.join(study) for _ in range(3))
    for each in (first, last):
        studies.answer(study, each.id, 0, {BEST: "cut"}, 2.0)
    fourth = studies.join(study)
    assert {each.id for each in studies.participants(study)} == {first.id, last.id, fourth.id}
    with pytest.raises(StudyRefused, match="Begin anew"):
        studies.answer(study, silent.id, 0, {BEST: "cut"}, 2.0)
    studies.answer(study, fourth.id, 0, {BEST: "cut"}, 2.0)
    with pytest.raises(StudyRefused, match="has them all"):
        studies.join(study)


def test_what_a_killed_process_left_of_a_study_is_swept(studio, folders):
    studies = Studies(studio.settings.home)
    study = made(studies, folders, BEST)
    half = studio.settings.home / "studies" / ".01ARZ3NDEKTSV4RRFFQ69G5FAV.tmp"
    (half / "pictures").mkdir(parents=True)
    leftovers.sweep(studio.gallery, studio.settings.home)
    assert half.exists()  # it may be growing just now
    for path in (half / "pictures", half):
        os.utime(path, (0, 0))
    leftovers.sweep(studio.gallery, studio.settings.home)
    assert not half.exists()
    assert studies.get(study.id) == study
