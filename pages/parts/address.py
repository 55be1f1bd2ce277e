"""What only the address remembers, such as chosen pictures, given back to a page that is come back to.

Widgets keep their values while another page is shown; the address does not, since a click on a page's name opens it
without any.
"""

import streamlit as st

from pages.parts.reuse import PRESET, RECIPE

REMEMBERED = {
    "": ("start", "mask", "sketch"),  # Generate
    "animeify": ("photos", "style"),
    "upscale": ("photos", "pictures"),
    "train": ("dataset",),
}
_SHOWN, _LEFT, _VISITS = "shown_page", "left_addresses", "visits"


def give_back(url_path: str) -> None:
    """Have the address name what it named when this page was left; call it before the page runs.

    An address that says itself what to show, as links and refreshed pages have it, stays as it is.
    """
    entered = st.session_state.get(_SHOWN) != url_path
    st.session_state[_SHOWN] = url_path
    st.session_state[_VISITS] = visit() + entered
    fields = REMEMBERED.get(url_path, ())
    if entered and not any(name in st.query_params for name in (*fields, RECIPE, PRESET)):
        st.query_params.update(st.session_state.get(_LEFT, {}).get(url_path, {}))
    remember_address()


def visit() -> int:
    """The number of this visit to a page: another one each time that the artist comes from another page."""
    return st.session_state.get(_VISITS, 0)


def remember_address() -> None:
    """Remember what the address names now; call it where a part of a page, run without the rest, has changed it."""
    url_path = st.session_state.get(_SHOWN, "")
    named = {name: st.query_params[name] for name in REMEMBERED.get(url_path, ()) if name in st.query_params}
    st.session_state.setdefault(_LEFT, {})[url_path] = named
