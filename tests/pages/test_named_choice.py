"""The address holds names; a latent that cannot be kept is said in place of the button."""

import pytest
from streamlit.testing.v1 import AppTest


def page() -> None:
    import streamlit as st

    from pages.parts.named_choice import named_choice

    titles = {"one": "The first", "two": "The second"}
    st.markdown(named_choice(st.selectbox, "Kind", titles, key="kind", default="one"))


@pytest.mark.parametrize(
    ("asked", "found"), [("two", "two"), ("The second", "two"), ("TWO", "two"), ("three", "one"), ("", "one")]
)
def test_links_hold_names_and_old_ones_with_titles_still_work(asked: str, found: str) -> None:
    shown = AppTest.from_function(page)
    shown.query_params["kind"] = asked
    shown.run()
    assert shown.markdown[0].value == found
    assert ("kind" in shown.query_params) == (found != "one")
    shown.selectbox[0].set_value("one").run()
    assert shown.markdown[0].value == "one"
    assert "kind" not in shown.query_params
    shown.selectbox[0].set_value("two").run()
    assert shown.query_params["kind"] in ("two", ["two"])
    shown.query_params["kind"] = "one"  # a link pressed on the page itself
    shown.run()
    assert shown.markdown[0].value == "one"


def odd() -> None:
    import math

    from pages.explore.keeping import keep_button

    for place, begin in enumerate(((5000.0, 0.0), (math.nan,), ())):
        keep_button(None, {"explorer": "moods", "begin": begin}, "Keep it", str(place))


def test_a_latent_that_cannot_be_kept_is_said_in_place_of_the_button() -> None:
    shown = AppTest.from_function(odd).run()
    assert not shown.exception
    assert not shown.button
    said = [error.value for error in shown.error]
    assert len(said) == 3
    assert "got 5000.0. Move the sliders back" in said[0].replace("\\", "")
    assert "got nan" in said[1]
