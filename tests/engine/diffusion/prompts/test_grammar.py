"""AUTOMATIC1111's grammar: its own examples, and what people really paste."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.diffusion.prompts.grammar import WEIGHT, Piece, escaped, parse, weight_problems, words_of

RUNS = st.lists(st.sampled_from([*r"()[]\:", "BREAK", " ", ":1.3)", "a", "castle,", "城"]), max_size=60).map("".join)


@pytest.mark.parametrize(
    ("prompt", "pieces"),
    [
        # The examples of `parse_prompt_attention` in its own docstring.
        ("normal text", [("normal text", 1.0)]),
        ("an (important) word", [("an ", 1.0), ("important", 1.1), (" word", 1.0)]),
        ("(unbalanced", [("unbalanced", 1.1)]),
        (r"\(literal\]", [("(literal]", 1.0)]),
        ("(unnecessary)(parens)", [("unnecessaryparens", 1.1)]),
        (
            "a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).",
            [
                ("a ", 1.0),
                ("house", 1.573),
                (" ", 1.1),
                ("on", 1.0),
                (" a ", 1.1),
                ("hill", 0.55),
                (", sun, ", 1.1),
                ("sky", 1.4641),
                (".", 1.1),
            ],
        ),
        # Others.
        ("", [("", 1.0)]),
        ("((((((", [("", 1.0)]),
        ("[word]", [("word", 0.909090909)]),
        ("[[word", [("word", 0.826446281)]),
        ("(a [b) c]", [("a ", 1.1), ("b", 1.0), (" c", 0.909090909)]),
        ("[word:1.3]", [("word:1.3", 0.909090909)]),
        ("(a: 1.3 )", [("a", 1.3)]),
        ("(a:-0.5)", [("a", -0.5)]),
        ("(a:.5) (b:2.)", [("a", 0.5), (" ", 1.0), ("b", 2.0)]),
        ("(a:b:1.3)", [("a:b", 1.3)]),
        ("(a:1.3", [("a:1.3", 1.1)]),
        ("a:1.3)", [("a:1.3)", 1.0)]),
        ("a) b] c", [("a) b] c", 1.0)]),
        (r"a \\(b\\)", [("a \\", 1.0), ("b\\", 1.1)]),
        (r"rem \(character\), \x", [("rem (character), x", 1.0)]),
        ("(:1.3)a", [("a", 1.0)]),
        ("城 (湖:1.2) 🏰", [("城 ", 1.0), ("湖", 1.2), (" 🏰", 1.0)]),
    ],
)
def test_pieces_and_their_weights(prompt, pieces):
    assert [(piece.text, piece.weight) for piece in parse(prompt)] == pieces


@pytest.mark.parametrize(
    ("prompt", "pieces"),
    [
        ("a castle BREAK a lake", [Piece("a castle"), Piece("a lake", breaks=True)]),
        ("a\nBREAK\n(b) BREAK", [Piece("a"), Piece("b", 1.1, True), Piece("", breaks=True)]),
        ("(a BREAK b:1.2)", [Piece("a", 1.2), Piece("b", 1.2, True)]),
        ("BREAKFAST, break", [Piece("BREAKFAST, break")]),
        ("BREAK a", [Piece(""), Piece("a", breaks=True)]),
    ],
)
def test_breaks(prompt, pieces):
    assert parse(prompt) == pieces


@given(st.text() | RUNS)
def test_escaped_text_is_read_as_it_stands(text):
    plain = text.replace("BREAK", "")
    assert parse(escaped(plain)) == [Piece(plain)]


@given(RUNS)
def test_anything_gives_pieces_none_twice_the_same_weight(text):
    pieces = parse(text)
    assert pieces
    assert all(a.weight != b.weight for a, b in pairwise(pieces) if not b.breaks)


@pytest.mark.parametrize("marks", ["(", "[", ")", "([", "(a:1.0)", ":1.3)", "\\", "BREAK ", ":", " "])
def test_ten_thousand_marks_are_read(marks):
    assert parse(marks * 10_000 + "word")[-1].text.endswith("word")


def test_words_without_their_marks():
    assert words_of("a (red:1.2) castle BREAK [lake]") == "a red castle lake"
    assert words_of("a (red:1.2)", "plain") == "a (red:1.2)"


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("a (castle:11)", "-10 to 10, with all their brackets multiplied; got 11 for 'castle'."),
        ("a (castle:-10.5)", "got -10.5 for 'castle'"),
        ("a (castle:1.2.3)", "got no number for 'castle'"),
        ("(" * 30 + "castle", "got 17.4494 for 'castle'"),
        ("(" * 10_000 + "castle", "got too much for 'castle'"),
        ("((a:5):5) (b:20) (c:20) (d:20)", "got 25 for 'a', 20 for 'b', 20 for 'c' and 1 more."),
    ],
)
def test_weights_beyond_the_range_are_refused_with_their_words(prompt, said):
    (problem,) = weight_problems("prompt", prompt)
    assert said in problem.message
    assert problem.message.startswith("Prompt: words may weigh")


@pytest.mark.parametrize(
    "prompt", ["(castle:10)", "(castle:-10)", "(castle:0)", "(" * 10_000, "( :99) a", "[" * 500 + "a"]
)
def test_weights_within_the_range_or_of_nothing_are_taken(prompt):
    assert weight_problems("prompt", prompt) == []
    assert 0 in WEIGHT
