"""Dialogs that stay open while the whole page runs again, as it does when a job ends, until somebody closes them.

A dialog that is drawn in the run of its button's press alone is gone with the next run. Here the session knows which
one is open; the page draws it in each run, and tells its `on_dismiss` to close it.
"""

import streamlit as st

from pages.parts.address import visit

_OPEN = "open_dialog"


def open_dialog(name: str) -> None:
    """Have this dialog drawn from now on, and no other; for a button's `on_click`."""
    st.session_state[_OPEN] = (name, visit(), st.query_params.to_dict())


def is_open(name: str) -> bool:
    """Whether the page is to draw this dialog.

    The browser's Back leads away from an open dialog and says nothing: at the next visit it is closed.
    """
    return st.session_state.get(_OPEN, ())[:2] == (name, visit())


def any_open() -> bool:
    """Whether one is open here: a run of the whole page would open it anew, without what is typed and not entered yet.

    Parts that run by themselves wait with such a run: closing the dialog is one.
    """
    return st.session_state.get(_OPEN, ())[1:] == (visit(), st.query_params.to_dict())


def close_elsewhere() -> None:
    """Close what was opened under another address; for a page whose address says what it shows, before it does."""
    if _OPEN in st.session_state and st.session_state[_OPEN][2] != st.query_params.to_dict():
        close_dialog()


def close_dialog() -> None:
    """Have it gone at the next run of the page."""
    st.session_state.pop(_OPEN, None)
