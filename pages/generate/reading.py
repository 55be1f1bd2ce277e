"""How the prompts of the form are read."""

import streamlit as st

from engine.diffusion.prompts.grammar import PLAIN, WEIGHTED

KEY = "prompt_syntax"


def syntax_field() -> str:
    """The syntax that the form asks for: with weights, but as an earlier version read it after such a recipe."""
    if st.query_params.get(KEY) == PLAIN:
        st.session_state.setdefault(KEY, PLAIN)
    syntax = st.session_state.get(KEY, WEIGHTED)
    if syntax != PLAIN:
        st.query_params.pop(KEY, None)
        return WEIGHTED
    st.query_params[KEY] = PLAIN
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            ":material/info: These prompts are read as by earlier versions: brackets are characters, and what exceeds "
            "the text encoder's length is not read."
        )
        st.button("Read weights", on_click=_read_weights, help="(word:1.3), [word], BREAK, and any length")
    return PLAIN


def _read_weights() -> None:
    st.session_state[KEY] = WEIGHTED
