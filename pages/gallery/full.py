"""One picture over the whole window, and everything by keyboard: turning, marking, comparing, deleting."""

from collections.abc import Callable

import streamlit as st

from engine.studio import Studio
from gallery.marks import RATINGS
from gallery.records import ImageRecord
from pages.gallery import selection
from pages.gallery.listener import listen
from pages.gallery.marking import favourite, rate, show_boards
from pages.gallery.undo import attempt, offer_undo, trash
from pages.gallery.views import COMPARE, FULL, IMAGE, MOST_COMPARED, open_view
from pages.parts.dialogs import close_dialog, is_open, open_dialog
from pages.parts.pictures import show_picture

_BOARD = "board"
_STYLE = """<style>
.st-key-full { position: fixed; inset: 0; z-index: 999990; padding: 0.5rem 0.75rem; overflow: auto; gap: 0.5rem;
  background: light-dark(#f4f2ee, #121110); }
.st-key-full_picture { flex: 1 1 auto; min-height: 0; align-items: center; }
.st-key-full_picture [data-testid="stFullScreenFrame"] > div, .st-key-full_picture [data-testid="stImage"],
.st-key-full_picture [data-testid="stImageContainer"],
.st-key-full_picture [data-testid="stFullScreenFrame"] { width: 100%; }
.st-key-full_picture img { width: 100% !important; max-width: none !important; height: calc(100dvh - 8.5rem);
  object-fit: contain; margin-inline: auto; }
@media (max-width: 640px) { .st-key-full_picture img { height: calc(100dvh - 16rem); } }
</style>"""


def open_full() -> None:
    """Show the picture over the whole window."""
    st.query_params[FULL] = "1"


def show_full(
    studio: Studio,
    record: ImageRecord,
    newer: str | None,
    older: str | None,
    labels: tuple[str, str] = ("Newer", "Older"),
) -> None:
    """The picture, and a bar of buttons with their keys.

    Args:
        studio: whose picture it is.
        record: the picture.
        newer, older: ids of its neighbours before and after it in the order, where there are any.
        labels: how the ways to them are called in that order.
    """
    st.html(_STYLE)
    with st.container(key="full"):
        offer_undo()
        with st.container(key="full_picture"):
            show_picture(studio, record, "stretch")
        with st.container(horizontal=True, horizontal_alignment="center", vertical_alignment="center", gap="small"):
            _button("Close", "close", "Esc", lambda: st.query_params.pop(FULL, None))
            _turn(labels[0], "chevron_left", "Left", newer)
            _turn(labels[1], "chevron_right", "Right", older)
            show_marks(studio, record)
            show_tray(record)
            after = older or newer
            _button("Delete", "delete", "Delete", lambda: _delete(studio, record, after))
    listen({"c": "to_compare"})


def show_marks(studio: Studio, record: ImageRecord) -> None:
    """Favourite, stars and boards of one picture, each with its key."""
    icon = "heart_check" if record.favourite else "favorite"
    label = "Favourite, take away" if record.favourite else "Favourite"
    _button(label, icon, "F", lambda: favourite(studio, [record.id], not record.favourite), kind="favourite")
    for stars in RATINGS:
        chosen = record.rating == stars
        _button(
            "★" * stars,
            "",
            str(stars),
            lambda stars=stars, chosen=chosen: rate(studio, [record.id], None if chosen else stars),
            strong=record.rating is not None and stars <= record.rating,
            kind=f"stars_{stars}",
        )
    board = {"on_click": open_dialog, "args": (_BOARD,)}
    st.button("Board", key="full_board", icon=":material/dashboard:", shortcut="B", **board)
    if is_open(_BOARD):
        board_dialog(studio, record.id)


def show_tray(record: ImageRecord) -> None:
    """Take a picture into what is compared, or out of it; and the way to the comparison."""
    chosen = selection.selected()
    label = "Do not compare (C)" if record.id in chosen else "Compare (C)"
    st.button(
        label,
        key="to_compare",
        icon=":material/library_add_check:" if record.id in chosen else ":material/library_add:",
        help="Key C: adds the picture to those that are selected",
        on_click=selection.toggle_one,
        args=(record.id,),
    )
    if 2 <= len(chosen) <= MOST_COMPARED:
        label = f"See {len(chosen)} compared"
        st.button(
            label, key="see_compared", icon=":material/compare:", shortcut="Enter", on_click=_compare, args=(chosen,)
        )
    elif chosen:
        st.caption(f"{len(chosen)} selected", width="content")


@st.dialog("Put the picture on a board", on_dismiss=close_dialog)
def board_dialog(studio: Studio, image_id: str) -> None:
    """Choose a board for one picture."""
    show_boards(studio, lambda: [image_id], "full")


def _turn(label: str, icon: str, key: str, target: str | None) -> None:
    _button(label, icon, key, lambda: st.query_params.update({IMAGE: str(target)}), disabled=target is None)


def _delete(studio: Studio, record: ImageRecord, after: str | None) -> None:
    """Into the trash, and on to the next picture."""
    trash(studio, [record.id])
    selection.deselect([record.id])
    st.query_params.pop(IMAGE, None)
    if after:
        st.query_params[IMAGE] = after
    else:
        st.query_params.pop(FULL, None)


def _compare(chosen: list[str]) -> None:
    open_view(**{COMPARE: ",".join(chosen)})


def _button(
    label: str,
    icon: str,
    shortcut: str,
    call: Callable[[], object],
    *,
    disabled: bool = False,
    strong: bool = False,
    kind: str = "",
) -> None:
    st.button(
        label,
        key=f"full_{kind or label.lower()}",
        icon=f":material/{icon}:" if icon else None,
        type="primary" if strong else "tertiary",
        disabled=disabled,
        shortcut=shortcut,
        on_click=attempt,
        args=(call,),
    )
