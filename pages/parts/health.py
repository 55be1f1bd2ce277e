"""What is said on every page: what keeps the studio from working as it should, and which jobs have ended."""

from contextlib import suppress

import streamlit as st

from engine.studio import Studio
from pages.parts.attention import show_ends
from pages.parts.common import OWNER, PEOPLE_ERRORS, open_studio, plain

LOOK_SECONDS = 10.0
BUSY_LOOK_SECONDS = 2.0  # while jobs of the artist are unfinished


def show_health(page_title: str) -> None:
    """Say what is wrong, and which jobs have ended meanwhile.

    A studio that cannot be opened ends the page here, since nothing on it would work.
    """
    try:
        studio = open_studio()
    except PEOPLE_ERRORS as error:
        st.error(plain(error), icon=":material/healing:")
        st.stop()
    st.fragment(_look, run_every=BUSY_LOOK_SECONDS if _is_busy(studio) else LOOK_SECONDS)(studio, page_title)


def _is_busy(studio: Studio) -> bool:
    with suppress(*PEOPLE_ERRORS):
        return bool(studio.queue.unfinished(OWNER))
    return False


def _look(studio: Studio, page_title: str) -> None:
    for text in studio.health.troubles():
        st.error(plain(text), icon=":material/healing:")
    with suppress(*PEOPLE_ERRORS):  # what keeps the queue from being read is said above, or where it is shown
        show_ends(studio, page_title)
