"""The Studies page, and what participants see of a study."""

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from engine.__main__ import main
from engine.opinions.pictures import match
from engine.opinions.studies import Studies
from engine.opinions.study import BEST, RATINGS
from engine.opinions.trials import trials_for
from engine.settings import PROJECT
from tests.pages.helpers import jumps, texts


@pytest.fixture
def studies(studio):
    return Studies(studio.settings.home)


@pytest.fixture
def folders(tmp_path):
    for number, method in enumerate(["soft", "hard", "photos"]):
        (tmp_path / method).mkdir()
        for content in "ab":
            Image.new("RGB", (24, 16), (80 * number, 60, 90)).save(tmp_path / method / f"{content}.png")
    return tmp_path


def made(studies, folders, kind, **values):
    matched = match({name: folders / name for name in ("soft", "hard")}, folders / "photos", False)
    return studies.create("Which?", kind, matched, least_seconds=0.0, seed=3, **values)


def door(**address: str) -> AppTest:
    page = AppTest.from_file(str(PROJECT / "pages" / "studies" / "door.py"), default_timeout=120)
    page.query_params.update(address)
    page.run()
    assert not page.exception
    return page


def keyed(page, key: str):
    return next(element for element in page.button if element.key == key)


def test_a_participant_rates_goes_on_by_the_link_and_is_thanked(open_page, studies, folders):
    study = made(studies, folders, RATINGS)
    page = door(study=study.token)
    assert "random number" in texts(page.markdown)
    assert not studies.participants(study)  # nobody takes part before agreeing
    page.button[0].click().run()
    (me,) = studies.participants(study)
    for score in (4, 3):
        keyed(page, f"say_{score}").click().run()
    next(button for button in page.button if button.label == "Back").click().run()
    assert texts(page.markdown).startswith("## How well is what the original shows kept?")
    for score in (2, 5):
        keyed(page, f"say_{score}").click().run()
    assert studies.participant(study, me.id).answers[0].values == {"style": 4, "content": 2, "overall": 5}

    again = door(study=study.token, me=me.id)  # the same link, on another day
    for _ in range(3 * 3):
        keyed(again, "say_1").click().run()
    assert len(studies.participant(study, me.id).answers) == 4
    assert "Thank you" in texts(again.markdown)


def test_what_an_original_shows_is_not_asked_about_where_none_is_shown(studies, folders):
    study = studies.create("Which?", RATINGS, match({name: folders / name for name in ("soft", "hard")}, None, False))
    assert list(study.questions) == ["style", "overall"]


def test_a_closed_study_a_wrong_link_and_a_wrong_number(open_page, studies, folders):
    study = made(studies, folders, BEST)
    me = studies.join(study)
    studies.close(study.id)
    assert "takes no more answers" in texts(door(study=study.token).info)
    assert "has ended" in texts(door(study=study.token, me=me.id).info)
    assert "opens no study" in texts(door(study="guessed").info)
    assert "opens no study" in texts(door().info)
    assert "Nobody takes part" in texts(door(study=study.token, me="guessed-one").info)


def test_the_artist_makes_a_study_from_folders_and_reads_it(open_page, studies, folders):
    page = open_page("studies")
    page.text_input(key="study_title").set_value("Soft or hard?")
    page.selectbox(key="study_kind").set_value(BEST)
    page.selectbox(key="study_source").set_value("folders")
    page.run()
    lines = f"soft = {folders / 'soft'}\nhard = {folders / 'nowhere'}"
    page.text_area(key="study_folders").set_value(lines).run()
    assert "must be a folder that can be read" in texts(page.info)
    page.text_area(key="study_folders").set_value(lines.replace("nowhere", "hard"))
    page.number_input(key="study_repeats").set_value(1).run()
    keyed(page, "make_study").click().run()
    (study,) = studies.all()
    assert (study.kind, study.repeats, study.contents) == (BEST, 1, ("a", "b"))
    assert "Nobody has answered yet" in texts(page.info)

    for _ in range(2):
        me = studies.join(study)
        for trial in trials_for(study, me.id):
            studies.answer(study, me.id, trial.position, {BEST: "hard"}, 2.0)
    page.run()
    assert "hard is better than soft" in texts(page.markdown)
    page.selectbox(key="delete_whom").set_value(me.id).run()
    keyed(page, "delete_person").click().run()
    assert me.id not in [each.id for each in studies.participants(study)]
    assert page.selectbox(key="delete_whom").value is None  # a double click deletes nobody else
    assert keyed(page, "delete_person").disabled

    (other,) = studies.participants(study)
    studies.delete_participant(study, other.id)  # as many answers as before, of somebody else
    me = studies.join(study)
    for trial in trials_for(study, me.id):
        studies.answer(study, me.id, trial.position, {BEST: "soft"}, 2.0)
    page.run()
    assert page.selectbox(key="delete_whom").options == [me.id]
    assert "soft" in page.table[0].value["Method"][0]


def test_what_the_form_cannot_use_is_said(open_page, studies, folders):
    page = open_page("studies")
    keyed(page, "make_study").click().run()  # the gallery is empty, so there are no methods to choose
    assert "(#field-study_source)" in texts(page.info)
    assert jumps(page) == ["study_source"]
    page.selectbox(key="study_source").set_value("folders").run()
    page.text_area(key="study_folders").set_value(f"soft = {folders / 'soft'}\nhard = ~nobody-of-this-name/x").run()
    assert "must be a folder that can be read" in texts(page.info)
    assert "(#field-study_folders)" in texts(page.info)
    keyed(page, "make_study").click().run()
    assert jumps(page) == ["study_folders"]
    page.text_area(key="study_folders").set_value(f"soft = {folders / 'soft'}\nhard = {folders / 'hard'}").run()
    keyed(page, "make_study").click().run()
    assert jumps(page) == ["study_title"]


def test_commands(studio, studies, folders, monkeypatch, capsys, tmp_path):
    for name, value in studio.settings.to_environment().items():
        if name.startswith("STUDIO_"):
            monkeypatch.setenv(name, value)
    sets = ["--method", f"soft={folders / 'soft'}", "--method", f"hard={folders / 'hard'}", "--repeats", "1"]
    assert main(["study", "create", "Which?", "--kind", "best", *sets]) == 0
    (study,) = studies.all()
    me = studies.join(study)
    assert main(["study", "results", study.id]) == 0
    assert "Nobody has answered yet." in capsys.readouterr().out
    assert main(["study", "export", study.id, "--out", str(tmp_path / "answers.csv")]) == 0
    assert (tmp_path / "answers.csv").read_text().startswith("participant,position")
    assert main(["study", "delete-participant", study.id, me.id]) == 0
    assert main(["study", "close", study.id]) == 0
    assert main(["study", "delete", study.id]) == 1  # nobody is there to be asked
    assert "Say --yes" in capsys.readouterr().err
    capsys.readouterr()
    assert main(["study", "list"]) == 0
    assert "closed   0 participants  Which?" in capsys.readouterr().out
    for words, said in (
        (["create", "x", "--method", "soft"], "written NAME=FOLDER"),
        (["create", "x", *sets[:2], *sets[:2]], "two of them are the same"),
        (["results", "nothing"], "There is no study"),
        (["export", study.id, "--out", "a.txt"], ".csv or .json"),
        (["serve", "--port", "0"], "A port is 1 to 65535"),
    ):
        assert main(["study", *words]) == 1
        assert said in capsys.readouterr().err
    assert main(["study", "delete", study.id, "--yes"]) == 0
    assert studies.all() == []
