"""Which pictures are selected: by click, from one to another, by the filter; through all pages of the grid."""

from collections.abc import Collection, Iterable, Sequence

import streamlit as st

from engine.studio import Studio
from gallery.questions.query import Query
from gallery.records import ImageRecord
from pages.gallery.undo import said
from pages.parts.common import plain

MOST = 1000  # pictures at once
_ALL = 1_000_000  # pictures; more than there are
_MODE, _SELECTED, _LAST, _RANGE = "selecting", "selected", "last_selected", "range_next"
_DRAWN = "selection_drawn"


def selecting() -> bool:
    """Whether clicks on the grid select."""
    return bool(st.session_state.get(_MODE))


def selected() -> list[str]:
    """Ids of the selected pictures, in the order in which they were selected."""
    return list(st.session_state.get(_SELECTED, ()))


def select(image_ids: Collection[str]) -> None:
    """Add pictures; what is beyond the most that are handled at once is said."""
    chosen = dict.fromkeys([*selected(), *image_ids])
    if len(chosen) > MOST:
        said(
            f"Up to {MOST:,} pictures are selected at once; the first {MOST:,} are. Work on these, then on the others."
        )
    _keep(list(chosen)[:MOST])
    _draw_anew()


def deselect(image_ids: Collection[str]) -> None:
    """Take pictures out of the selection."""
    _keep(each for each in selected() if each not in image_ids)
    _draw_anew()


def toggle_one(image_id: str) -> None:
    """Select a picture, or no longer."""
    (deselect if image_id in selected() else select)([image_id])
    st.session_state[_LAST] = image_id


def clear() -> None:
    """Nothing is selected."""
    for name in (_SELECTED, _LAST, _RANGE):
        st.session_state.pop(name, None)
    _draw_anew()


def start() -> None:
    """From now on, clicks select."""
    st.session_state[_MODE] = True


def stop() -> None:
    """Clicks open pictures again; what was selected is no longer."""
    st.session_state[_MODE] = False
    clear()


def extending() -> bool:
    """Whether the next click selects everything from the last one on."""
    return bool(st.session_state.get(_RANGE)) and st.session_state.get(_LAST) is not None


def show_checkbox(studio: Studio, record: ImageRecord, query: Query, title: str) -> None:
    """The tile's checkbox; the whole tile is its label."""
    # The browser may send back what it showed before the page selected for itself; a new key makes a new checkbox.
    drawn = st.session_state.get(_DRAWN, 0)
    key = f"chosen_{drawn}_{record.id}"
    on = record.id in st.session_state.get(_SELECTED, ())
    known = (studio, key, drawn, record.id, query)
    st.checkbox(title or "Without a title", on, key=key, on_change=_clicked, args=known)


def extend_to(studio: Studio, image_id: str, query: Query) -> None:
    """Select everything between the last click and this picture, through the pages of the grid between them."""
    first = st.session_state.get(_LAST)
    select([image_id] if first is None else between(studio, first, image_id, query))
    st.session_state[_LAST] = image_id
    st.session_state[_RANGE] = False


def select_page(records: Sequence[ImageRecord]) -> None:
    """All that are shown."""
    select([record.id for record in records])


def select_matching(studio: Studio, query: Query) -> None:
    """The first 1,000 that are found; of folded stacks all their pictures."""
    select(studio.gallery.ids(query, MOST + 1))


def between(studio: Studio, first: str, last: str, query: Query) -> Sequence[str]:
    """The ids from one picture to another, both included, in the order of what is shown."""
    found = studio.gallery.ids(query, _ALL, folded=True)  # a folded one of another stack may lie between
    if first not in found or last not in found:  # the one of before is not among what is shown now
        return [last]
    begin, end = sorted((found.index(first), found.index(last)))
    return found[begin : end + 1]


def _clicked(studio: Studio, key: str, drawn: int, image_id: str, query: Query) -> None:
    """A box says how it stands: by a click, or since the browser still shows it after the page took it away."""
    if drawn != st.session_state.get(_DRAWN, 0) or key not in st.session_state:
        return
    on = bool(st.session_state[key])
    if on == (image_id in selected()):
        return
    if on and extending():
        extend_to(studio, image_id, query)
        return
    chosen = [each for each in selected() if each != image_id]
    _keep([*chosen, image_id] if on else chosen)
    st.session_state[_LAST] = image_id


def _keep(image_ids: Iterable[str]) -> None:
    st.session_state[_SELECTED] = dict.fromkeys(image_ids)


def _draw_anew() -> None:
    st.session_state[_DRAWN] = st.session_state.get(_DRAWN, 0) + 1


def toggle_range() -> None:
    """Have the next click select everything from the last one on, or no longer."""
    st.session_state[_RANGE] = not st.session_state.get(_RANGE)


def show_count(total: str) -> None:
    """How many of how many are selected."""
    st.markdown(f"**{len(selected()):,} selected**  of {plain(total)}", width="content")
