"""Many captions changed at once, and the way back."""

from pathlib import Path

import pytest

from engine.datasets.caption_edits import History, Replace, edited
from engine.datasets.captions import CaptionRule, enriched, read_rules
from engine.datasets.pictures import CaptionedPicture
from engine.datasets.reading import read_dataset
from engine.datasets.rule_files import OWN, keep_rules, rule_files
from engine.errors import InvalidRequest, NotFound
from tests.captioned import save_captioned

RULES = b'[[rule]]\nwords = ["castle"]\nsentence = "It is old."\n'


@pytest.mark.parametrize(
    ("change", "caption", "expected"),
    [
        (Replace("castle", "tower"), "A Castle, castles", "A tower, castles"),
        (Replace("castle", "tower", whole_words=False), "castles", "towers"),
        (Replace("castle", "tower", match_case=True), "Castle", "Castle"),
        (Replace("red"), "a, red, hill", "a, hill"),
        (Replace("blurry"), "blurry, a hill, blurry", "a hill"),
        (Replace("a.c", r"\\1"), "abc a.c", r"abc \\1"),  # no pattern, and no back reference
        (Replace("hill"), "a, , hill b", "a, b"),
        (Replace("sea"), "left,, as it is ", "left,, as it is "),
    ],
)
def test_words_are_replaced_as_they_stand(change, caption, expected):
    assert change.of(caption) == expected


def test_wrong_words_are_refused():
    for find, replace in (("", ""), ("  ", ""), ("x" * 1001, ""), ("x", "y" * 1001)):
        with pytest.raises(InvalidRequest, match="1000 characters"):
            Replace(find, replace)


def test_what_would_change_is_told_and_pictures_without_caption_stay_so():
    pictures = [CaptionedPicture(Path(f"{text}.png"), text) for text in ("a castle", "a hill", "", "ink, a fort")]
    rules = (CaptionRule(("tower",), "It is old."),)
    changes = edited(pictures, rules=rules, replace=Replace("castle", "tower"), trigger="ink")
    assert changes == {Path("a castle.png"): "ink, a tower. It is old.", Path("a hill.png"): "ink, a hill"}
    assert edited(pictures) == {}


def test_a_landscape_gets_its_sentence():
    for word in ("landscape", "scenery", "view"):
        assert enriched(f"a {word}", read_rules()) == f"a {word}. Wide country lies open under a broad sky."


def captions(folder):
    return [picture.caption for picture in read_dataset(folder).pictures]


def test_every_change_can_be_undone_and_done_again(tmp_path):
    folder = save_captioned(tmp_path / "pictures", 2)
    history = History(tmp_path / "home", folder)
    assert not history.can_undo()
    with pytest.raises(NotFound, match="none can be undone"):
        history.undo(read_dataset(folder).pictures)
    states = [captions(folder)]
    for find, replace in (("castle", "tower"), ("tower", "fort")):
        pictures = read_dataset(folder).pictures
        history.apply(pictures, edited(pictures, replace=Replace(find, replace)))
        states.append(captions(folder))
    assert [state[0] for state in states] == ["a castle number 0", "a tower number 0", "a fort number 0"]
    for expected in (states[1], states[0]):
        history.undo(read_dataset(folder).pictures)
        assert captions(folder) == expected
    assert not history.can_undo()
    history.redo(read_dataset(folder).pictures)
    assert captions(folder) == states[1]

    pictures = read_dataset(folder).pictures
    history.apply(pictures, {pictures[0].path: "by hand"})
    assert not history.can_redo()  # what was undone is put aside
    assert len(list((tmp_path / "home" / "captions").glob("*/undone-*.json"))) == 1
    history.undo(read_dataset(folder).pictures)
    assert captions(folder) == states[1]


def test_what_was_written_elsewhere_in_between_is_not_lost(tmp_path):
    folder = save_captioned(tmp_path / "pictures", 2)
    history = History(tmp_path / "home", folder)
    pictures = read_dataset(folder).pictures
    history.apply(pictures, {pictures[0].path: "mine"})
    table = folder / "captions.csv"
    table.write_text(table.read_text().replace("mine", "by another program"))
    history.undo(read_dataset(folder).pictures)
    assert captions(folder)[0] == "mine"
    history.redo(read_dataset(folder).pictures)
    assert captions(folder)[0] == "by another program"


def test_rules_of_ones_own_are_kept_when_they_are_rules(tmp_path):
    assert list(rule_files(tmp_path)) == [OWN]
    assert keep_rules(tmp_path, "mine.toml", RULES) == "mine"
    assert read_rules(rule_files(tmp_path)["mine"])[0].sentence == "It is old."
    keep_rules(tmp_path, "mine.toml", RULES.replace(b"old", b"new"))
    assert (tmp_path / "caption-rules" / "mine.toml.1").read_bytes() == RULES
    for name, data in (
        ("mine.toml", b"no toml ["),
        ("../a.toml", RULES),
        ("rules.txt", RULES),
        ("b.toml", b"x" * 2**21),
    ):
        with pytest.raises(InvalidRequest):
            keep_rules(tmp_path, name, data)
    assert list(rule_files(tmp_path)) == [OWN, "mine"]
