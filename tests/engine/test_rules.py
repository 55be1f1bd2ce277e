"""Rules for single values."""

import math

import pytest

from engine.rules import LONGEST_HEADING, Real, Whole, finite, shortened


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (3, 3.0),
        (0.5, 0.5),
        (-(2**60), -(2.0**60)),
        (10**400, None),
        (-(10**400), None),
        (math.inf, None),
        (math.nan, None),
        (True, None),
        ("3", None),
        (None, None),
        ([3], None),
    ],
)
def test_only_numbers_that_a_float_can_hold_are_finite(value, number):
    assert finite(value) == number


@pytest.mark.parametrize("value", [10**400, -(10**400), math.inf, math.nan, True, "1", None])
def test_what_is_no_number_of_the_range_is_a_problem_in_words(value):
    (problem,) = Real(-2, 2).problems("weight", value)
    assert "Weight must be a number from -2 to 2" in str(problem)
    (problem,) = Whole(-2, 2).problems("weight", value)
    assert "Weight must be a whole number from -2 to 2" in str(problem)


def test_long_titles_are_cut() -> None:
    assert shortened("a" * LONGEST_HEADING) == "a" * LONGEST_HEADING
    cut = shortened("a word " * LONGEST_HEADING)
    assert len(cut) <= LONGEST_HEADING
    assert cut.endswith("…")
