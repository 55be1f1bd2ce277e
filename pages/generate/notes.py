"""What the model cannot use of what stands in the form, said by the field before anything is drawn."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from engine.diffusion.notes import Note, drawing_notes, negative_notes, prompt_notes, size_notes
from engine.diffusion.prompts.embeddings import Names
from engine.rules import MAX_PROMPT_CHARACTERS
from engine.studio import Studio
from engine.weights.models import ModelInfo
from pages.generate.loras import offer_tags
from pages.generate.reading import show_length
from pages.parts.common import plain


def show_prompt_notes(studio: Studio, values: dict[str, Any], model: ModelInfo) -> None:
    """About the words, also the negative prompt's."""
    names = {name for name, _ in values["loras"]}
    loras = [lora for lora in studio.loras() if lora.name in names] if names else []
    syntax = values["prompt_syntax"]
    show_length(studio, values["prompt"], model, syntax)
    short = len(values["prompt"]) <= MAX_PROMPT_CHARACTERS
    words = Names(studio.embeddings()).without(values["prompt"]) if short else values["prompt"]
    _show(
        [
            *prompt_notes(words, model, loras, syntax),
            *negative_notes(values["negative_prompt"], syntax),
        ]
    )
    with st.container():  # as in show_problems
        offer_tags(studio, values["prompt"], syntax)


def show_size_notes(model: ModelInfo, width: int | None, height: int | None) -> None:
    """About width and height; an empty field is said when the button is pressed."""
    _show(size_notes(width, height, model) if width and height else [])


def show_drawing_notes(studio: Studio, model: ModelInfo, values: dict[str, Any]) -> None:
    """About steps, guidance and scheduler that the model or a LoRA was not made for; not of an empty field."""
    chosen = (values["num_inference_steps"], values["guidance_scale"], values["scheduler"])
    active = {name for name, weight in values["loras"] if weight}
    loras = [lora for lora in studio.loras() if lora.name in active] if active else []
    _show([] if None in chosen else drawing_notes(*chosen, model, loras))


def _show(notes: Sequence[Note]) -> None:
    with st.container():  # as in show_problems: what comes and goes keeps its place
        for note in notes:
            st.caption(f":material/info: {plain(note.text)}")
