"""Presets: the whole form under a name."""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from engine.prompting.presets import preset_of, presets_of, read_preset
from engine.studio import Studio
from pages.parts.common import PEOPLE_ERRORS, plain
from pages.parts.reuse import PRESET, fill_named
from pages.parts.submit import problems_of


def show_presets(studio: Studio) -> None:
    """Save, use, rename and delete, in a popover."""
    presets = presets_of(studio.settings.home)
    with st.popover("Presets", icon=":material/bookmark:"):
        try:
            names = list(presets.all())
        except PEOPLE_ERRORS as error:
            st.error(plain(error), icon=":material/error:")
            return
        for name in names:
            st.button(plain(name), key=f"preset_{name}", icon=":material/arrow_back:", on_click=_use, args=(name,))
        with st.form("save_preset", border=False, clear_on_submit=True):
            name = st.text_input("Save the form as")
            words = st.checkbox("with its words", True)
            start = st.checkbox("with the picture it starts from", True)
            if st.form_submit_button("Save preset", icon=":material/save:"):
                values = st.session_state.get("form_values", {})
                _act(lambda: presets.save(name, preset_of(values, words=words, start=start)))
        if names:
            chosen = st.selectbox("Preset", names, key="edited_preset")
            new = st.text_input("New name", chosen, key=f"rename_{chosen}")
            if new != chosen and st.button("Rename", icon=":material/edit:"):
                _act(lambda: presets.save(new, presets.all()[chosen], instead_of=chosen))
            sure = st.checkbox("Delete this preset for good", key=f"sure_preset_{chosen}")
            if sure and st.button("Delete preset", icon=":material/delete:"):
                _act(lambda: presets.delete(chosen))


def fill_preset(studio: Studio, fill: Callable[[Mapping[str, Any]], list[str]]) -> None:
    """Fill the form if the address names a preset; `fill` takes its values and returns what is not here."""

    def of(name: str) -> list[str]:
        entries = presets_of(studio.settings.home).all()
        return fill(read_preset(entries[name], name)) if name in entries else [f"the preset {name}"]

    fill_named(PRESET, of)


def _use(name: str) -> None:
    st.query_params[PRESET] = name


def _act(act: Callable[[], object]) -> None:
    if problems := problems_of(act):
        st.error(plain(" ".join(problems.values())), icon=":material/error:")
    else:
        st.rerun()
