"""How the prompts of the form are read."""

import streamlit as st

from engine.diffusion.prompts.counting import Length, length_of
from engine.diffusion.prompts.grammar import PLAIN, WEIGHTED
from engine.rules import MAX_PROMPT_CHARACTERS
from engine.weights.models import ModelInfo
from pages.parts.common import plain

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


def show_length(prompt: str, model: ModelInfo, syntax: str) -> None:
    """How many tokens the prompt has, and where its chunks end; nothing for a model whose files are not here."""
    length = length_of(prompt, model, syntax) if prompt and len(prompt) <= MAX_PROMPT_CHARACTERS else None
    if length:
        st.caption(plain(_length_text(length)))


def _length_text(length: Length) -> str:
    count = sum(length.chunks)
    if len(length.chunks) == 1:
        behind = "; the rest is not read" if length.unread else ""
        return f"{count} of {length.room} tokens{behind}"
    ends = ", ".join(f"…{end}" for end in length.ends[:3])
    which = "the first ends" if len(length.ends) == 1 else "they end"
    return f"{len(length.chunks)} chunks of {length.room}: {count} tokens; {which} after “{ends}”"
