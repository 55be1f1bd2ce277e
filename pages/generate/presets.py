"""Presets: the whole form under a name."""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from engine.prompting.shelf import Shelf
from engine.studio import Studio
from pages.parts.common import PEOPLE_ERRORS, plain
from pages.parts.reuse import PRESET, fill_named
from pages.parts.submit import problems_of

FILE = "presets.json"
OF_A_START = ("kind", "image", "mask", "strength", "fit", "feather", "area", "extend", "variation_of")
WORDS = ("prompt", "negative_prompt", "styles")


def shelf(studio: Studio) -> Shelf:
    """Where they are kept."""
    return Shelf(studio.settings.home / FILE, "preset")


def show_presets(studio: Studio) -> None:
    """Save, use, rename and delete, in a popover."""
    presets = shelf(studio)
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
            if st.form_submit_button("Save preset", icon=":material/save:"):
                _act(lambda: presets.save(name, values_of(st.session_state.get("form_values", {}), words)))
        if names:
            chosen = st.selectbox("Preset", names, key="edited_preset")
            new = st.text_input("New name", chosen, key=f"rename_{chosen}")
            if new != chosen and st.button("Rename", icon=":material/edit:"):
                _act(lambda: presets.save(new, presets.all()[chosen], instead_of=chosen))
            sure = st.checkbox("Delete this preset for good", key=f"sure_preset_{chosen}")
            if sure and st.button("Delete preset", icon=":material/delete:"):
                _act(lambda: presets.delete(chosen))


def values_of(values: dict[str, Any], words: bool) -> dict[str, Any]:
    """What a preset holds: a request's values without pictures to begin with, under the names of recipes."""
    left_out = (*OF_A_START, *(() if words else WORDS))
    kept = {name: value for name, value in values.items() if name not in left_out}
    kept["loras"] = [{"name": name, "weight": weight} for name, weight in values.get("loras", ())]
    return {name: list(value) if isinstance(value, tuple) else value for name, value in kept.items()}


def fill_preset(studio: Studio, fill: Callable[[Mapping[str, Any]], list[str]]) -> None:
    """Fill the form if the address names a preset; `fill` takes its values and returns what is not here."""

    def of(name: str) -> list[str]:
        entries = shelf(studio).all()
        return fill(entries[name]) if name in entries else [f"the preset {name}"]

    fill_named(PRESET, of)


def _use(name: str) -> None:
    st.query_params[PRESET] = name


def _act(act: Callable[[], object]) -> None:
    if problems := problems_of(act):
        st.error(plain(" ".join(problems.values())), icon=":material/error:")
    else:
        st.rerun()
