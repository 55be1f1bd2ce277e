import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery import Recipe
from tests.gallery.samples import recipe

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def test_round_trip_through_json():
    assert Recipe.from_json(recipe().to_json()) == recipe()


@given(st.text(st.characters()), st.dictionaries(st.text(max_size=8), json_values, max_size=5))
def test_any_text_and_any_values_round_trip(prompt, model):
    made = recipe(prompt, model=model)
    assert Recipe.from_json(made.to_json()) == made


def test_unknown_fields_of_another_version_are_kept():
    values = {**recipe().to_dict(), "version": 7, "upscaler": {"name": "x4"}}
    read = Recipe.from_dict(values)
    assert read.version == 7
    assert read.to_dict() == values


@given(json_values)
def test_hostile_json_gives_a_recipe_or_a_value_error(value):
    for values in (value, {"kind": value, "request": value, "loras": value, "seed": value, "notes": value}):
        try:
            assert isinstance(Recipe.from_json(json.dumps(values)), Recipe)
        except ValueError:
            assert not isinstance(values, dict)


def test_nesting_without_end_is_refused():
    with pytest.raises(ValueError, match="deep"):
        Recipe.from_json('{"a":' * 100 + "1" + "}" * 100)
    with pytest.raises(ValueError, match="deep"):
        Recipe.from_json('{"a":' + "[" * 200_000)


def test_numbers_that_json_lacks_become_their_names():
    made = recipe(model={"loss": math.inf, "scale": math.nan})
    assert made.model == {"loss": "inf", "scale": "nan"}


def test_half_characters_and_nul_become_the_replacement_character():
    assert "\ufffd" in recipe("a\ud800b").prompt
    assert recipe("a\0b").prompt == "a\ufffdb"


def test_short_cuts():
    assert (recipe().prompt, recipe().negative_prompt, recipe().model_name) == ("a red dragon", "blurry", "mini")
    assert Recipe(kind="translate").prompt == ""


@pytest.mark.parametrize(
    ("seed", "read"), [(2**64 - 1, 2**64 - 1), (2**64, None), (-1, None), (True, None), ("1", None)]
)
def test_a_seed_has_up_to_64_bits(seed, read):
    assert Recipe.from_dict({"kind": "x", "seed": seed}).seed == read
