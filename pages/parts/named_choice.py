"""A choice of which people read the title, while the address holds the name.

Streamlit's own binding writes what is shown into the address, so a link would break when a title is worded anew.
"""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st


def named_choice(
    widget: Callable[..., Any], label: str, titles: Mapping[str, str], *, key: str, default: str, **more: Any
) -> str:
    """The name that was chosen.

    Args:
        widget: such as `st.segmented_control` or `st.selectbox`.
        titles: what people read, by name.
        key: of the widget and in the address, which leaves the default out.
        more: for the widget.
    """
    seen = f"{key}_in_address"
    asked = st.query_params.get(key)
    if asked is not None and asked != st.session_state.get(seen):
        st.session_state[key] = _name(titles, asked) or default
    st.session_state.setdefault(key, default)
    chosen: str = widget(label, list(titles), format_func=titles.__getitem__, key=key, **more) or default
    if chosen == default:
        st.query_params.pop(key, None)
    else:
        st.query_params[key] = chosen
    st.session_state[seen] = st.query_params.get(key)
    return chosen


def _name(titles: Mapping[str, str], asked: str) -> str:
    """By name, or as in links of before by title; empty where it is neither."""
    if asked in titles:
        return asked
    return next((name for name, title in titles.items() if asked.casefold() in (name.casefold(), title.casefold())), "")
