"""The rows of a recipe on the page: what is there, what comes, and a box to pick it."""

from collections.abc import Sequence

import streamlit as st

from engine.incoming.diff import ASKS, CANNOT, DIFFERS, SAME, Field
from pages.generate.incoming.filling import links_of
from pages.parts.common import plain

SHOWN = 600  # characters of a prompt
COLUMNS = (3, 4, 4)
_ICONS = {ASKS: ":material/help:", CANNOT: ":material/block:"}


def show_rows(rows: Sequence[Field], name: str) -> list[str]:
    """Show what differs, each with a box; returns the names of the rows that are ticked.

    Args:
        name: of what was brought. Each begins with boxes of its own, and a row that is found to be another begins anew.
    """
    differing = [row for row in rows if row.state != SAME]
    ticked = [row.name for row in differing if _row(row, f"incoming_{name}_{row.name}_{row.state}")]
    if same := [f"{row.label} {_short(row.incoming, 60)}" for row in rows if row.state == SAME]:
        st.caption(f":material/check: The same already: {plain('; '.join(same))}")
    return ticked


def _row(row: Field, key: str) -> bool:
    with st.container(border=True, gap="xsmall"):
        box, now, coming = st.columns(COLUMNS, gap="small")
        with box:
            ticked = _box(row, key)
        with now:
            _cell("Now", row.current)
        with coming:
            _cell("In the picture", row.incoming)
            if row.becomes and row.becomes != row.incoming:
                _cell("Here", row.becomes)
        if row.said:
            st.caption(f"{_ICONS.get(row.state, ':material/info:')} {plain(row.said)}")
        if row.links:
            st.markdown(f"It may be at {links_of(row)}")
    return ticked


def _box(row: Field, key: str) -> bool:
    if row.state == CANNOT:
        st.markdown(f"**{plain(row.label)}**  \n:orange-badge[stays as it is]")
        return False
    return st.checkbox(plain(row.label), value=row.state == DIFFERS, key=key)


def _cell(label: str, text: str) -> None:
    if text:
        st.caption(label)
        st.markdown(plain(_short(text, SHOWN)))


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
