"""The views of the gallery that the address names beside the grid: a comparison, a picking round, full screen."""

import streamlit as st

from engine.studio import Studio
from gallery.picking.rounds import Round, Rounds
from pages.parts.common import OWNER, when

COMPARE, PICK, FULL, IMAGE = "compare", "pick", "full", "image"
MOST_COMPARED = 6
_SHOWN_ROUNDS = 10
_BEFORE = "address_before"


def open_view(**address: str) -> None:
    """Show a view instead of the grid; the grid's filters wait for the way back."""
    # Each name with all its values: `to_dict` has only the last of several kinds or tags.
    kept = {name: st.query_params.get_all(name) for name in st.query_params if name not in (COMPARE, PICK)}
    if COMPARE not in st.query_params and PICK not in st.query_params:
        st.session_state[_BEFORE] = kept
    st.query_params.from_dict(address)


def close_view() -> None:
    """Back to the grid or the picture, as it was."""
    st.query_params.from_dict(st.session_state.pop(_BEFORE, {}))


def open_picture(image_id: str) -> None:
    """Show one picture with all its settings."""
    st.query_params.from_dict({IMAGE: image_id})


def rounds_of(studio: Studio) -> Rounds:
    """The picking rounds of this studio."""
    return Rounds(studio.settings.home)


def show_rounds(studio: Studio) -> None:
    """The way back into earlier picking rounds, where there are any."""
    rounds = rounds_of(studio).of(OWNER, limit=_SHOWN_ROUNDS)
    if not rounds:
        return
    with st.popover("Picking rounds", icon=":material/swords:", type="tertiary"):
        for each in rounds:
            address = {PICK: each.id}
            st.button(_label(each), key=f"round_{each.id}", type="tertiary", on_click=open_view, kwargs=address)


def _label(each: Round) -> str:
    return f"{len(each.images)} pictures, {when(each.created_at)}, {len(each.answers)} of {each.total} answers"
