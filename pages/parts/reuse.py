"""How the settings of a picture come back into a form: the address names the picture, the form is filled from it."""

from collections.abc import Callable, Collection

import streamlit as st

from engine.studio import Studio
from gallery.errors import ImageNotFound
from gallery.records import ImageRecord
from pages.parts.common import OWNER, PEOPLE_ERRORS, plain

RECIPE = "recipe"  # in the address: whose picture's settings
PRESET = "preset"  # in the address: the name of saved settings
INCOMING = "incoming"  # in the address: what was chosen of a recipe that was brought
AGAIN_SECONDS = 0.2
_FILLED = "filled_from"


def reuse_link(record: ImageRecord, page: str, label: str, why: str) -> None:
    """A link to that page's form, filled with what made this picture; it may be opened in a tab of its own."""
    st.page_link(page, label=label, icon=":material/replay:", help=why, query_params={RECIPE: record.id})


def reuse_here(record: ImageRecord) -> None:
    """Fill the form of the page that is shown; for a button's callback."""
    st.query_params[RECIPE] = record.id


def fill_form(studio: Studio, kinds: str | Collection[str], fill: Callable[[ImageRecord], list[str]]) -> None:
    """Fill the form if the address names a picture; call it before the form's widgets, and `settle_form` after them.

    The form is filled in two runs of the page. A value that is given to a widget before the page has shown it is not
    written into the address, and would be lost at the next refresh; the second time it is.

    Args:
        kinds: whose pictures' settings the form takes, one or several.
        fill: puts the picture's settings where the widgets take them; returns what of them is not on this machine.
    """
    image_id = st.query_params.get(RECIPE)
    if not image_id:
        return
    try:
        record = studio.gallery.get(image_id, OWNER)
    except ImageNotFound as error:
        _forget()
        st.error(plain(error), icon=":material/image_not_supported:")
        return
    if record.kind not in ((kinds,) if isinstance(kinds, str) else kinds):
        _forget()
        st.error("These settings are of another page: choose “Use these settings” beside the picture in the Gallery.")
        return
    missing = fill(record)
    if st.session_state.get(_FILLED) == image_id:
        _forget()
    if missing:
        st.warning(f"Not on this machine and left out: {plain(', '.join(missing))}.")


def fill_named(key: str, fill: Callable[[str], list[str]]) -> None:
    """As `fill_form`, from what the address has under `key`; `fill` takes that and returns what is not here."""
    name = st.query_params.get(key)
    if not name:
        return
    try:
        missing = fill(name)
    except PEOPLE_ERRORS as error:
        _forget(key)
        st.error(plain(error), icon=":material/error:")
        return
    if st.session_state.get(_FILLED) == name:
        _forget(key)
    if missing:
        st.warning(f"Not on this machine and left out: {plain(', '.join(missing))}.")


def settle_form() -> None:
    """Have the page run once more after its first filling; call it at the page's end."""
    for key in (RECIPE, PRESET, INCOMING):
        if key in st.query_params:
            st.fragment(_run_again, run_every=AGAIN_SECONDS)(st.query_params[key])
            return


def _run_again(image_id: str) -> None:
    """The first time is within the page's own run; then the browser asks, which settles what the widgets hold."""
    if st.session_state.get(_FILLED) == image_id:
        st.rerun()
    st.session_state[_FILLED] = image_id


def _forget(key: str = RECIPE) -> None:
    st.session_state.pop(_FILLED, None)
    st.query_params.pop(key, None)
