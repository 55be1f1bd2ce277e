"""How the prompts of the form are read: their syntax, their length, and embeddings that they name."""

import streamlit as st

from engine.diffusion.prompts.counting import Length, length_of
from engine.diffusion.prompts.grammar import PLAIN, WEIGHTED, escaped
from engine.diffusion.prompts.lora_tags import with_words
from engine.prompting.parsing import literal
from engine.rules import MAX_PROMPT_CHARACTERS, counted
from engine.studio import Studio
from engine.weights.embeddings.listing import EmbeddingInfo
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


def show_length(studio: Studio, prompt: str, model: ModelInfo, syntax: str) -> None:
    """How many tokens the prompt has, and where its chunks end; nothing for a model whose files are not here."""
    if not prompt or len(prompt) > MAX_PROMPT_CHARACTERS:
        return
    if length := length_of(prompt, model, syntax, studio.embeddings()):
        st.caption(plain(_length_text(length)))


def _length_text(length: Length) -> str:
    count = sum(length.chunks)
    if len(length.chunks) == 1:
        behind = "; the rest is not read" if length.unread else ""
        return f"{count} of {length.room} tokens{behind}"
    ends = ", ".join(f"…{end}" for end in length.ends[:3])
    which = "the first ends" if len(length.ends) == 1 else "they end"
    return f"{len(length.chunks)} chunks of {length.room}: {count} tokens; {which} after “{ends}”"


def pick_embedding(studio: Studio, model: ModelInfo) -> None:
    """The embeddings that are here, and buttons that put the name of one into a prompt, where it counts."""
    files = studio.embeddings()
    usable = {info.name: info for info in files if not info.problem}
    if not files:
        st.caption(f"Embeddings: none yet. Put .safetensors files into {plain(studio.settings.embedding_dir)}")
    if usable:
        _inserter(usable, model)
    broken = [info for info in files if info.problem]
    if broken:
        with st.expander(f"{counted(len(broken), 'embedding')} cannot be used", icon=":material/warning:"):
            for info in broken:
                st.text(f"{info.name}: {info.problem}")


def _inserter(usable: dict[str, EmbeddingInfo], model: ModelInfo) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            "Embeddings",
            list(usable),
            index=None,
            format_func=lambda name: f"{name} · {counted(usable[name].vectors, 'vector')}",
            key="embedding",
            placeholder="none",
            help="Textual inversion: a file that teaches the model a word. Its name in a prompt applies it, also as "
            "(name:1.2) or <name>.",
        )
        for label, field in (("Into the prompt", "prompt"), ("Into the negative prompt", "negative_prompt")):
            st.button(label, key=f"embedding_{field}", disabled=name is None, on_click=_insert, args=(name, field))
    info = usable.get(name or "")
    if info and model.cross_attention_dim not in (0, info.width):
        text = f"It is made for {info.base}; this model is {model.base}."
        st.warning(plain(text), icon=":material/warning:")


def _insert(name: str, field: str) -> None:
    """As a word that is read as this name, also where it holds brackets."""
    state = st.session_state
    word = literal(name if state.get(KEY) == PLAIN else escaped(name))
    state[field] = with_words(state.get(field) or "", word)
