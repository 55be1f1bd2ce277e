"""Licences where artists choose: a badge that says what may be sold, and restrictions for visitors from elsewhere."""

import shutil

import pytest
import streamlit as st

from engine.weights.licensing.licences import RAIL_PLUS_PLUS, known
from pages.parts.licences import badge, licence_of
from tests.pages.helpers import texts
from tests.tiny import save_tiny_pipeline


@pytest.mark.parametrize(
    ("written", "words"),
    [("openrail++", ":green-badge"), ("cc-by-nc-4.0", ":red-badge"), ("what", ":gray-badge")],
)
def test_a_badge_for_each_answer(written, words):
    assert badge(known(written)).startswith(words)


def test_details_say_what_a_recipe_knows():
    assert licence_of({}) == ""
    assert licence_of({"licence": "mit"}) == "MIT. Commercial use is allowed."
    assert "not allowed" in licence_of({"licence": "mine", "commercial_use": False})
    assert "not known" in licence_of({"licence": "mine"})


def test_visitors_are_told_once_what_is_forbidden_and_see_what_may_be_sold(open_page, studio):
    (studio.settings.home / "weights").mkdir(exist_ok=True)
    save_tiny_pipeline(studio.settings.home / "weights" / "sd21", cross_attention_dim=1024)
    shutil.copytree(studio.settings.home / "weights" / "sd21", studio.settings.home / "weights" / "own")
    assert RAIL_PLUS_PLUS.id in [known(info.licence).id for info in studio.models() if info.available]
    before = st.get_option("server.address")
    st.config.set_option("server.address", "0.0.0.0")
    try:
        page = open_page("generate", model="sd21")
        assert ":green-badge" in texts(page.markdown)
        assert "defame, disparage or otherwise harass others" in texts(page.markdown)
        page.button(key="restrictions_seen_button").click().run()
        assert "defame" not in texts(page.markdown)
        assert "own" in page.selectbox(key="model").options
        page.toggle(key="commercial_use_only_generate").set_value(True).run()
        assert "own" not in page.selectbox(key="model").options
        assert page.selectbox(key="model").value == "sd21"
    finally:
        st.config.set_option("server.address", before)
