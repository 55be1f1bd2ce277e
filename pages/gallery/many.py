"""What can be done with many pictures at once: the bar above the grid while pictures are selected."""

from collections.abc import Callable, Collection, Sequence

import streamlit as st

from engine.studio import Studio
from gallery.picking.rounds import FEWEST, MOST
from gallery.questions.query import Query
from gallery.records import ImageRecord
from pages.gallery import selection
from pages.gallery.listener import listen
from pages.gallery.marking import MARK, mark_dialog
from pages.gallery.taking import TAKE, take_dialog
from pages.gallery.undo import attempt, restore, trash
from pages.gallery.views import COMPARE, MOST_COMPARED, PICK, open_view, rounds_of, show_rounds
from pages.parts.common import OWNER
from pages.parts.dialogs import is_open, open_dialog


def show_selecting(studio: Studio, shown: Sequence[ImageRecord], query: Query, total: str) -> None:
    """The way into selecting, or what can be done with what is selected.

    Args:
        studio: whose pictures they are.
        shown: the pictures of this page of the grid.
        query: what the grid shows.
        total: how many pictures the filter finds, in words.
    """
    if not selection.selecting():
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(total, width="content")
            st.button("Select", key="select", icon=":material/check_box:", type="tertiary", on_click=selection.start)
            show_rounds(studio)
        return
    if (target := listen(shift=True)) and target in {record.id for record in shown}:
        selection.extend_to(studio, target, query)
    with st.container(border=True, key="selection_bar"):
        _choosing(studio, shown, query, total)
        _acting(studio, query.trash)
    _show_open(studio)


def _choosing(studio: Studio, shown: Sequence[ImageRecord], query: Query, total: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        selection.show_count(total)
        _button("This page", "select_page", "grid_view", selection.select_page, shown)
        _button("All that match", "select_matching", "select_all", attempt, selection.select_matching, studio, query)
        last = st.session_state.get("last_selected")
        st.button(
            "Click the other end …" if selection.extending() else "From here to …",
            key="range",
            icon=":material/swap_horiz:",
            type="primary" if selection.extending() else "tertiary",
            help="From the last picture that was clicked to the next one; as a click with Shift held",
            disabled=last is None,
            on_click=selection.toggle_range,
        )
        _button("None", "select_none", "deselect", selection.clear)
        st.button("Done", key="select_done", icon=":material/close:", type="tertiary", on_click=selection.stop)


def _acting(studio: Studio, in_trash: bool) -> None:
    """What acts asks for the selection when it is pressed: what is drawn may be of before the last change to it."""
    count = len(selection.selected())
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        _dialog("Mark …", MARK, "star", not count)
        _dialog("Download …", TAKE, "download", not count)
        st.button(
            "Compare",
            key="compare_many",
            icon=":material/compare:",
            disabled=not 2 <= count <= MOST_COMPARED,
            help=f"2 to {MOST_COMPARED} pictures side by side",
            on_click=_compare,
        )
        st.button(
            "Picking round",
            key="pick_many",
            icon=":material/swords:",
            disabled=not FEWEST <= count <= MOST,
            help=f"Puts {FEWEST} to {MOST} pictures in order by asking which of two is better",
            on_click=attempt,
            args=(begin_round, studio),
        )
        if in_trash:
            _act("Restore", "restore_many", "restore_from_trash", not count, restore, studio)
        else:
            _act("Delete", "trash_many", "delete", not count, trash, studio)


def _show_open(studio: Studio) -> None:
    if is_open(MARK):
        mark_dialog(studio, selection.selected())
    elif is_open(TAKE):
        take_dialog(studio, selection.selected())


def begin_round(studio: Studio) -> None:
    """Begin a picking round about the selected pictures and show it."""
    open_view(**{PICK: rounds_of(studio).begin(OWNER, selection.selected()).id})


def _compare() -> None:
    """Nothing where the selection became too small or too large since the button was drawn."""
    chosen = selection.selected()
    if 2 <= len(chosen) <= MOST_COMPARED:
        open_view(**{COMPARE: ",".join(chosen)})


def _button(label: str, key: str, icon: str, call: Callable[..., None], *args: object) -> None:
    st.button(label, key=key, icon=f":material/{icon}:", type="tertiary", on_click=call, args=args)


def _dialog(label: str, name: str, icon: str, disabled: bool) -> None:
    st.button(label, key=name, icon=f":material/{icon}:", disabled=disabled, on_click=open_dialog, args=(name,))


def _act(
    label: str,
    key: str,
    icon: str,
    disabled: bool,
    call: Callable[[Studio, Collection[str]], None],
    studio: Studio,
) -> None:
    """Do it to all that are selected, after which none is; they stay selected where it failed."""

    def act() -> None:
        if attempt(call, studio, selection.selected()):
            selection.clear()

    st.button(label, key=key, icon=f":material/{icon}:", disabled=disabled, on_click=act)
