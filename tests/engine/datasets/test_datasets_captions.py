"""Keyword rules, trigger words and the file of captions."""

import pytest

from engine.datasets.captions import (
    CaptionRule,
    enriched,
    mentions,
    read_rules,
    with_trigger,
    write_captions,
)
from engine.datasets.doctor import rough_token_count
from engine.datasets.reading import read_dataset
from engine.errors import InvalidRequest, NotFound

RULES = (CaptionRule(("castle", "old fort"), "Stone walls rise."), CaptionRule(("sea",), "Waves roll in."))


@pytest.mark.parametrize(
    ("caption", "result"),
    [
        ("a Castle by the sea, painting", "a Castle by the sea, painting. Stone walls rise. Waves roll in."),
        ("an old fort.", "an old fort. Stone walls rise."),
        ("a castle! stone walls rise.", "a castle! stone walls rise."),
        ("an old wooden fort in the season of castles", "an old wooden fort in the season of castles"),
        ("", ""),
    ],
)
def test_each_fitting_rule_adds_its_sentence_once(caption, result):
    assert enriched(caption, RULES) == result
    assert enriched(result, RULES) == result


def test_shipped_rules_add_nothing_when_they_are_used_again():
    rules = read_rules()
    words = {word for rule in rules for word in rule.words}
    assert {"castle", "forest", "mist", "mountain", "sunset", "sea", "village"} <= words
    for rule in rules:
        caption = enriched(f"a picture of a {rule.words[0]}", rules)
        assert rule.sentence in caption
        assert enriched(caption, rules) == caption


def test_shipped_rules_leave_room_in_the_text_encoder():
    caption = enriched("a castle in a forest by a lake under a mountain, misty sunset, digital painting", read_rules())
    assert 40 < rough_token_count(caption) <= 77


@pytest.mark.parametrize(
    ("caption", "result"),
    [
        ("a castle", "niji style, a castle"),
        ("a castle in Niji Style", "a castle in Niji Style"),
        ("", "niji style"),
        ("niji styles", "niji style, niji styles"),
    ],
)
def test_the_trigger_word_is_put_in_front_once(caption, result):
    assert with_trigger(caption, " niji  style ") == result
    assert with_trigger(result, "niji style") == result
    assert with_trigger(caption, "") == caption


def test_words_with_signs_are_found():
    assert mentions("made by <niji>, c++", "<niji>")
    assert mentions("made by <niji>, c++", "c++")
    assert not mentions("seaside", "sea")


WRONG_RULES = {
    "no toml": ("[[rule", "rules.toml: it is no TOML"),
    "nothing": ("", "nothing else; it holds nothing"),
    "other tables": ('[other]\nx = 1\n[[rule]]\nwords=["a"]\nsentence="b"', "it holds other, rule"),
    "missing key": ('[[rule]]\nword = ["castle"]\nsentence = "x"', "rule 1 must have words and sentence; it has word"),
    "words": ('[[rule]]\nwords = "castle"\nsentence = "x"', r"rule 1: words must be a list such as .*; got 'castle'"),
    "empty word": ('[[rule]]\nwords = [" "]\nsentence = "x"', "rule 1: words must be a list"),
    "sentence": ('[[rule]]\nwords = ["a"]\nsentence = " "', "rule 1: sentence must be text of 1 to 200 characters"),
}


@pytest.mark.parametrize("kind", WRONG_RULES)
def test_wrong_rules_are_refused_in_words(tmp_path, kind):
    content, text = WRONG_RULES[kind]
    (tmp_path / "rules.toml").write_text(content)
    with pytest.raises(InvalidRequest, match=text):
        read_rules(tmp_path / "rules.toml")


def test_all_wrong_rules_are_told_together(tmp_path):
    (tmp_path / "rules.toml").write_text(
        '[[rule]]\nwords = 1\nsentence = 2\n[[rule]]\nwords = ["a"]\nsentence = "b"\n[[rule]]\n'
    )
    with pytest.raises(InvalidRequest) as refused:
        read_rules(tmp_path / "rules.toml")
    assert [problem.message.split(":")[1].strip() for problem in refused.value.problems] == [
        "rule 1",
        "rule 1",
        "rule 3 must have words and sentence; it has nothing. Correct the file.",
    ]


def test_rules_that_are_not_there(tmp_path):
    with pytest.raises(NotFound, match="no file of caption rules at"):
        read_rules(tmp_path / "rules.toml")


def test_written_captions_are_read_again_and_the_first_file_is_kept(save, tmp_path):
    pictures = [save(tmp_path / name, seed) for seed, name in enumerate(("a.png", "10_hat/ü, b.png", "c.png"))]
    own = "image,caption,author\na.png,mine,me\nc.png,too,me\n"
    (tmp_path / "captions.csv").write_text(own)
    texts = ['a "castle", mist\n', "||| a hat", ""]
    for _ in range(2):
        write_captions(tmp_path, dict(zip(pictures, texts, strict=True)))

    dataset = read_dataset(tmp_path)
    assert {picture.path: picture.caption for picture in dataset.pictures} == {
        pictures[0]: 'a "castle", mist',
        pictures[1]: "||| a hat",
        pictures[2]: "",
    }
    assert dataset.report.captions_from == "captions.csv"
    assert [picture.repeats for picture in dataset.pictures if picture.path == pictures[1]] == [10]
    assert (tmp_path / "captions.csv.original").read_text() == own


def test_captions_of_pictures_elsewhere_are_refused(save, tmp_path):
    elsewhere = save(tmp_path / "other" / "a.png")
    with pytest.raises(InvalidRequest, match=r"is not in .*set"):
        write_captions(tmp_path / "set", {elsewhere: "a castle"})
