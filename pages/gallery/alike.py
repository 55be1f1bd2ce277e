"""What looks alike: a row below a picture, and a view of near duplicates."""

from collections.abc import Callable

import streamlit as st

from engine.studio import Studio
from gallery.looks.similar import near_duplicates, records
from gallery.records import ImageRecord
from pages.gallery.marks import line
from pages.gallery.selection import deselect
from pages.gallery.undo import attempt, trash
from pages.parts.common import OWNER
from pages.parts.pictures import show_thumbnail

MOST_LIKE = 8
GROUPS = 10  # on one page of the view
MOST_OF_GROUP = 24
TILE_WIDTH, NEAR_WIDTH = 110, 150
REMEMBERED_SECONDS = 60.0
_ALIKE = (
    "By colours, where they lie, and which way the lines run, nearest first. What is shown, and the prompt, do not "
    "count: a red ship may be like a red castle."
)
_NOT_LOOKED_AT = (
    "Nobody has looked at this picture yet, or its file cannot be read. Earlier pictures are looked at while the "
    "studio runs."
)
_KEEP = "The others of this group that are shown go to the trash; that can be undone"


def show_more_like(studio: Studio, record: ImageRecord, open_picture: Callable[[str], None]) -> None:
    """The pictures that look most like this one, or that none does."""
    st.markdown("**More like this**")
    found = studio.gallery.more_like(record, OWNER, MOST_LIKE)
    if not found:
        st.caption(_NOT_LOOKED_AT if found is None else "No other picture of yours looks like this one.")
        return
    st.caption(_ALIKE)
    grid = st.grid(min_column_width=TILE_WIDTH)
    for each in found:
        with grid.container():
            show_thumbnail(studio, each, "stretch")
            st.button("Open", key=f"alike_{each.id}", on_click=open_picture, args=(each.id,), width="stretch")


def show_near_duplicates(
    studio: Studio, open_picture: Callable[[str], None], delete: Callable[[Studio, str], None]
) -> None:
    """Groups of pictures that look the same, the newest first, with a way to the trash for each."""
    st.button("Back to the gallery", icon=":material/arrow_back:", on_click=_leave, type="tertiary")
    groups = _groups(studio, studio.gallery.count(owner=OWNER))
    if not groups:
        st.markdown("## No two pictures look the same")
        st.caption("Earlier pictures are looked at while the studio runs; with many of them that takes a while.")
        return
    begin = min(st.session_state.get("near_page", 0) * GROUPS, (len(groups) - 1) // GROUPS * GROUPS)
    st.markdown("## Near duplicates")
    number = "1 group" if len(groups) == 1 else f"{len(groups)} groups"
    st.caption(f"{number} of pictures that look the same; deleted ones go to the trash.")
    for numbers in groups[begin : begin + GROUPS]:
        _group(studio, numbers, open_picture, delete)
    with st.container(horizontal=True, horizontal_alignment="center"):
        page = begin // GROUPS
        st.button("Newer", disabled=begin == 0, on_click=_turn, args=(page - 1,), key="near_newer")
        st.button("Older", disabled=begin + GROUPS >= len(groups), on_click=_turn, args=(page + 1,), key="near_older")


def _group(studio: Studio, numbers: list[int], open_picture: Callable, delete: Callable) -> None:
    found = records(studio.gallery.database, numbers[:MOST_OF_GROUP], OWNER)
    if len(found) < 2:
        return
    with st.container(border=True):
        if len(numbers) > MOST_OF_GROUP:
            st.caption(f"The newest {MOST_OF_GROUP} of {len(numbers)}")
        grid = st.grid(min_column_width=NEAR_WIDTH)
        for each in found:
            with grid.container():
                show_thumbnail(studio, each, "stretch")
                size = f"{each.width} × {each.height}"
                st.caption(f"{size} · {marked}" if (marked := line(each)) else size)
                st.button("Open", key=f"near_{each.id}", on_click=open_picture, args=(each.id,), width="stretch")
                away = {"on_click": delete, "args": (studio, each.id), "width": "stretch"}
                st.button("Delete", key=f"near_gone_{each.id}", icon=":material/delete:", **away)
                others = [other.id for other in found if other is not each]
                keep = {"on_click": _keep_only, "args": (studio, others), "width": "stretch", "help": _KEEP}
                st.button("Keep only this", key=f"near_keep_{each.id}", icon=":material/done_all:", **keep)


def _keep_only(studio: Studio, others: list[str]) -> None:
    attempt(trash, studio, others)
    deselect(others)


# With 100,000 pictures it takes seconds, and a page runs again with every press.
@st.cache_data(ttl=REMEMBERED_SECONDS, max_entries=4, show_spinner="Looking for what looks the same …")
def _groups(_studio: Studio, count: int) -> list[list[int]]:
    """`count` has a new picture or a deleted one looked at anew."""
    return near_duplicates(_studio.gallery.database, OWNER)


def _turn(page: int) -> None:
    st.session_state.near_page = page


def _leave() -> None:
    st.query_params.pop("view", None)
