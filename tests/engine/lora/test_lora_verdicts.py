"""Figures in an artist's words."""

import pytest

from engine.lora.verdicts import answer, gain, headline


def change(value, low, high, lower_is_better=True):
    return {
        "base": {"lower_is_better": lower_is_better},
        "difference": {"value": value, "low": low, "high": high},
    }


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (change(2.0, 1.0, 3.0), "probably"),  # a distance fell
        (change(-2.0, -3.0, -1.0), "no, further from them"),
        (change(2.0, -1.0, 3.0), "cannot be told"),
        (change(-2.0, -3.0, -1.0, lower_is_better=False), "probably"),  # a score rose
        (change(2.0, 1.0, 3.0, lower_is_better=False), "no, further from them"),
        (change(0.5, 1.0, 3.0), "cannot be told"),  # an interval that does not hold its value
        (change("nan", "nan", "nan", lower_is_better=False), "cannot be told"),
        (change("inf", 1.0, "inf"), "cannot be told"),
    ],
)
def test_the_answer_is_about_the_pictures_not_about_the_sign(found, words):
    assert answer(found) == words
    assert headline({"changes": [found]}) == f"Closer to your pictures than without the LoRA: {words}."


def test_better_is_above_zero_for_every_measure():
    assert gain(change(2.0, 1.0, 4.0)) == {"value": 2.0, "low": 1.0, "high": 4.0}
    assert gain(change(2.0, 1.0, 4.0, lower_is_better=False)) == {"value": -2.0, "low": -4.0, "high": -1.0}
