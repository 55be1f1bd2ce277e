import pytest
from hypothesis import given
from hypothesis import strategies as st
from ulid import ULID

from gallery.ids import is_id, new_id, number_of, seconds_of


def test_ids_and_their_numbers_strictly_rise():
    ids = [new_id() for _ in range(5000)]
    assert ids == sorted(set(ids))
    numbers = [number_of(i) for i in ids]
    assert numbers == sorted(set(numbers))


@given(st.integers(0, 2**128 - 1), st.integers(0, 2**128 - 1))
def test_numbers_sort_like_ids_and_fit_a_signed_column(one, other):
    first, second = sorted(str(ULID.from_int(value)) for value in (one, other))
    assert 0 <= number_of(first) <= number_of(second) < 2**63


def test_an_id_says_when_it_was_drawn():
    assert seconds_of(str(ULID.from_timestamp(1_700_000_000.25))) == 1_700_000_000.25


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "../../etc/passwd",
        "0" * 25,
        "0" * 27,
        "8" + "0" * 25,
        "0" * 25 + "I",
        "0" * 25 + "\n",
        "0" * 25 + "a",
        7,
        None,
    ],
)
def test_only_the_one_spelling_is_an_id(wrong):
    assert not is_id(wrong)


def test_a_real_id_is_one():
    assert is_id(new_id())
