"""What keeps the studio from working as it should: said above every page for as long as it lasts."""

import streamlit as st

from engine.studio import Studio
from pages.parts.common import PEOPLE_ERRORS, open_studio, plain

LOOK_SECONDS = 10.0


def show_health() -> None:
    """Say what is wrong; a studio that cannot be opened ends the page here, since nothing on it would work."""
    try:
        studio = open_studio()
    except PEOPLE_ERRORS as error:
        st.error(plain(error), icon=":material/healing:")
        st.stop()
    st.fragment(_troubles, run_every=LOOK_SECONDS)(studio)


def _troubles(studio: Studio) -> None:
    for text in studio.health.troubles():
        st.error(plain(text), icon=":material/healing:")
