"""Steps, guidance and scheduler begin as the model wants them, and follow it where the artist changed nothing."""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from engine.diffusion.defaults import FIELDS, SAVED, Defaults, in_words, ordinary, suggested
from engine.diffusion.request import LoraWeight
from engine.errors import StudioError
from engine.studio import Studio
from engine.weights.models import ModelInfo
from pages.parts.attention import toast
from pages.parts.common import plain
from pages.parts.submit import problems_of

_HELD = "defaults_held"  # what the form began with: the defaults of the model that was chosen last
_FOLLOWED = "defaults_followed"  # whether another model was chosen since the page was opened

_PROBLEMS = "defaults_problems"


def follow_model(studio: Studio, model: ModelInfo, loras: Sequence[tuple[str, float]]) -> Defaults:
    """What the model and the LoRAs want; call it before the widgets of `FIELDS`.

    A field that still holds what the former model wanted takes what this one wants; one that the artist changed stays.
    """
    wanted = _wanted(studio, model, loras)
    state, former = st.session_state, st.session_state.get(_HELD)
    if former is not None and former != wanted:
        before, now = former.values(), wanted.values()
        for field in FIELDS:
            if state.get(field) == before[field]:
                state[field] = now[field]
        state[_FOLLOWED] = True
    state[_HELD] = wanted
    return wanted


def keep_fields() -> None:
    """The fields were filled from a recipe, and are the artist's: they follow from the next model on."""
    st.session_state.pop(_HELD, None)
    st.session_state.pop(_FOLLOWED, None)


def say_defaults(model: ModelInfo, wanted: Defaults) -> None:
    """Which fields hold what the model wants, and which the artist changed; nothing where all is as always."""
    state = st.session_state
    values = wanted.values()
    held = {field: value for field, value in values.items() if state.get(field, value) == value}
    with st.container():  # what comes and goes keeps its place
        if wanted == ordinary(model) and not state.get(_FOLLOWED):
            return
        own = {field: state[field] for field in FIELDS if field not in held and state[field] is not None}
        said = [f"{in_words(held)}: {wanted.why}."] if held else []
        if own:
            said.append(f"{in_words(own)}: as you set it, not {', '.join(_short(values[field]) for field in own)}.")
        st.caption(f":material/tune: {plain(' '.join(said))}" if said else "")


def own_defaults(studio: Studio, model: ModelInfo, wanted: Defaults) -> None:
    """Buttons that save the form's values as this model's, or forget them; call it below the widgets of `FIELDS`."""
    if wanted.why not in (SAVED, Defaults().why):
        return  # a LoRA's values; those of the model lie behind it
    values = {field: st.session_state[field] for field in FIELDS}
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Save as this model's defaults",
            key=f"save_defaults_{model.name}",
            icon=":material/save:",
            help=f"Steps, guidance scale and scheduler begin with these whenever {plain(model.title)} is chosen",
            disabled=None in values.values() or values == wanted.values(),
            on_click=_do,
            args=(lambda: studio.save_defaults(model.name, values), "They are this model's defaults now."),
        )
        if wanted.why == SAVED:
            st.button(
                "Forget",
                key=f"forget_defaults_{model.name}",
                icon=":material/undo:",
                help=f"Goes back to what the model was made for: {plain(suggested(model))}",
                on_click=_do,
                args=(lambda: studio.forget_defaults(model.name), "This model's defaults are its own again."),
            )
    with st.container():
        for text in st.session_state.pop(_PROBLEMS, {}).values():
            st.error(plain(text), icon=":material/error:")


def _do(act: Callable[[], object], done: str) -> None:
    problems = problems_of(act)
    st.session_state[_PROBLEMS] = problems
    if not problems:
        toast(done)


def _wanted(studio: Studio, model: ModelInfo, loras: Sequence[tuple[str, float]]) -> Defaults:
    try:
        return studio.defaults(model, [LoraWeight(name, weight) for name, weight in loras])
    except StudioError as error:
        st.warning(plain(error), icon=":material/warning:")
        return suggested(model)


def _short(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:g}"
