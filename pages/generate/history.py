"""Earlier prompts, newest first, from the pictures that were made of them."""

import streamlit as st

from engine.prompting.parsing import literal
from engine.studio import Studio
from gallery.recipe import Recipe
from pages.parts.common import OWNER, plain

LOOKED_AT = 100  # pictures
SHOWN = 12


def show_history(studio: Studio) -> None:
    """A popover with a search; a press puts a prompt into the form."""
    with st.popover("History", icon=":material/history:"):
        words = st.text_input("Search earlier prompts", key="history_search", placeholder="words of the prompt")
        found = _typed(studio, words or "")
        if not found:
            st.caption("No picture has these words in its prompt." if words else "Prompts that were drawn stand here.")
        for number, (prompt, negative) in enumerate(found):
            short = prompt if len(prompt) <= 90 else prompt[:88] + "…"
            st.button(
                plain(" ".join(short.split())),
                key=f"history_{number}",
                type="tertiary",
                icon=":material/arrow_back:",
                on_click=_use,
                args=(prompt, negative),
            )


def _typed(studio: Studio, words: str) -> list[tuple[str, str]]:
    """Prompt and negative prompt as they were typed, each prompt once."""
    found: dict[str, str] = {}
    for record in studio.gallery.page(limit=LOOKED_AT, search=words, owner=OWNER).images:
        prompt, negative = (_of(record.recipe, name) for name in ("prompt", "negative_prompt"))
        if prompt:
            found.setdefault(prompt, negative)
    return [*found.items()][:SHOWN]


def _of(recipe: Recipe, name: str) -> str:
    template = recipe.request.get(f"{name}_template")
    return template if isinstance(template, str) else literal(getattr(recipe, name))


def _use(prompt: str, negative: str) -> None:
    st.session_state.prompt = prompt
    st.session_state.negative_prompt = negative
