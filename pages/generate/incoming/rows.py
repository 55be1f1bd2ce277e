"""The rows of a recipe on the page: what is there, what comes, and a box to pick it."""

from collections.abc import Mapping, Sequence

import streamlit as st

from engine.incoming.fields import ASKS, CANNOT, DIFFERS, SAME, Field
from pages.generate.incoming.filling import links_of
from pages.parts.common import plain

SHOWN = 600  # characters of a prompt
COLUMNS = (3, 4, 4)
BESIDE = 40  # characters that stand beside their label
LINE = "  \n"  # of Markdown
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
            _cells({"Now": row.current})
        with coming:
            _cells({"In the picture": row.incoming, "Here": row.becomes if row.becomes != row.incoming else ""})
        said = f"{row.said} Tick it to take that all the same." if row.state == ASKS else row.said
        if said:
            st.caption(f"{_ICONS.get(row.state, ':material/info:')} {plain(said)}")
        if row.links:
            st.markdown(f":small[:material/search: Look for it at {links_of(row)}]")
    return ticked


def _box(row: Field, key: str) -> bool:
    if row.state == CANNOT:
        st.markdown(f"**{plain(row.label)}** :orange-badge[{'not here' if row.links else 'stays'}]")
        return False
    return st.checkbox(plain(row.label), value=row.state == DIFFERS, key=key)


def _cells(texts: Mapping[str, str]) -> None:
    """Each text with its label: beside it where it is short, above it where it is long."""
    lines = []
    for label, text in texts.items():
        if text:
            lines.append(f":small[{label}:]{' ' if len(text) <= BESIDE else LINE}{plain(_short(text, SHOWN))}")
    st.markdown(LINE.join(lines))


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
