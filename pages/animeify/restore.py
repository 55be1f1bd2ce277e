"""Filling the form from the recipe of an earlier translation."""

import streamlit as st

from engine.studio import Studio
from engine.translation.pace import STYLED_SIDE, STYLED_SIDE_LIMIT
from engine.translation.request import Translate
from gallery.records import ImageRecord
from pages.animeify.painting import fill_painting
from pages.animeify.photos import choose
from pages.animeify.style import fill_style

KEEP, FIT, CHOSEN = "As the photo", "Fit 1024", "Choose"
SIDES = {KEEP: None, FIT: 1024}
DEFAULT_SIDE = 1536
OWN_SOLVER = "The translator's own"


def fill_animeify(studio: Studio, record: ImageRecord) -> list[str]:
    """Fill the form from a translated photo; returns the names of what is not here and was left out."""
    state, request = st.session_state, studio.kinds.read(Translate.kind, record.recipe.request)
    if request is None:
        st.warning("This recipe is of another version of the studio and cannot be used.", icon=":material/info:")
        return []
    known = {info.name for info in studio.translators()}
    choose("photos", request.photos)
    styles = [request.style, *request.styling.more_styles] if request.style else []
    fill_style(styles, request.styling)
    fill_painting(request.painting)
    state.strength = round(100 * request.strength)
    state.output, state.long_side = _output_of(request.long_side), request.long_side or DEFAULT_SIDE
    state.style_side = min(request.long_side or STYLED_SIDE, STYLED_SIDE_LIMIT)
    state.style_steps, state.solver = request.style_steps, request.solver or OWN_SOLVER
    state.solver_steps = request.solver_steps
    missing = [photo.name for photo in (*request.photos, *styles) if studio.photo(photo.id) is None]
    if request.translator in known:
        state.translator = request.translator
    else:
        missing.append(request.translator)
    return missing


def _output_of(long_side: int | None) -> str:
    return next((label for label, side in SIDES.items() if side == long_side), CHOSEN)
