"""Marks for many pictures at once, each with its undo."""

from collections.abc import Callable, Sequence

import streamlit as st

from engine.studio import Studio
from gallery import marks
from pages.gallery import selection
from pages.gallery.undo import attempt, marked, pictures
from pages.parts.common import OWNER, plain
from pages.parts.dialogs import close_dialog

STARS = {number: "★" * number for number in marks.RATINGS} | {None: "No stars"}
_NEW = "A new board"
MARK = "mark_many"


@st.dialog("Mark the selected pictures", on_dismiss=close_dialog)
def mark_dialog(studio: Studio, chosen: Sequence[str]) -> None:
    """Favourites, stars, tags and boards for these pictures; any of them closes the dialog."""
    st.caption(f"{pictures(len(chosen))}; each change can be undone")
    with st.container(horizontal=True):
        _do("Favourite", "favorite", lambda: favourite(studio, chosen, True))
        _do("Not a favourite", "heart_minus", lambda: favourite(studio, chosen, False))
    stars = st.selectbox("Stars", list(STARS), index=4, format_func=STARS.__getitem__, key="many_stars")
    _do("Give stars", "star", lambda: rate(studio, chosen, stars))
    tags = st.text_input("Tags", key="many_tags", placeholder="such as castle, evening", help="Commas between them")
    with st.container(horizontal=True):
        _do("Add tags", "label", lambda: tag(studio, chosen, tags, marks.add_tags, "tagged."), not tags.strip())
        _do(
            "Remove tags",
            "label_off",
            lambda: tag(studio, chosen, tags, marks.remove_tags, "untagged."),
            not tags.strip(),
        )
    show_boards(studio, lambda: selection.selected(), "many")


def show_boards(studio: Studio, chosen: Callable[[], Sequence[str]], place: str, *, rerun: bool = True) -> None:
    """A choice of boards, with a name for a new one, and the button that puts pictures on it.

    Args:
        studio: whose boards they are.
        chosen: gives the pictures' ids.
        place: keeps the widgets apart.
        rerun: whether the whole page runs again, which closes a dialog.
    """
    names = {board.id: board.name for board in marks.boards(studio.database, OWNER)}
    options = [*names, ""]
    board = st.selectbox("Board", options, format_func=lambda each: names.get(each, _NEW), key=f"board_{place}")
    name = "" if board else st.text_input("Name of the new board", key=f"board_name_{place}", max_chars=60)
    _do("Put on the board", "dashboard", lambda: put(studio, chosen(), board, name), not (board or name.strip()), rerun)


def favourite(studio: Studio, chosen: Sequence[str], on: bool) -> None:
    """Make them favourites, or no longer."""
    text = "favourites now." if on else "no favourites any more."
    marked(studio, f"marked: {text}", marks.set_favourite(studio.database, chosen, on, OWNER))


def rate(studio: Studio, chosen: Sequence[str], stars: int | None) -> None:
    """Give them stars."""
    words = f"rated {STARS[stars]}." if stars else "without stars now."
    marked(studio, words, marks.rate(studio.database, chosen, stars, OWNER))


def tag(studio: Studio, chosen: Sequence[str], text: str, change: Callable[..., marks.Undo], words: str) -> None:
    """Add or remove the tags that are written between commas."""
    tags = [each for each in text.split(",") if each.strip()]
    marked(studio, words, change(studio.database, chosen, tags, OWNER))


def put(studio: Studio, chosen: Sequence[str], board_id: str, name: str) -> None:
    """Put them on a board, a new one where `board_id` is empty."""
    if board_id:
        names = {board.id: board.name for board in marks.boards(studio.database, OWNER)}
        name = names.get(board_id, "")
        undo = marks.put_on_board(studio.database, board_id, chosen, OWNER)
    else:
        board, undo = marks.put_on_new_board(studio.database, OWNER, name, chosen, OWNER)
        name = board.name
    marked(studio, f"put on the board “{name}”.", undo)


def _do(label: str, icon: str, change: Callable[[], None], disabled: bool = False, rerun: bool = True) -> None:
    if st.button(plain(label), icon=f":material/{icon}:", disabled=disabled, key=f"do_{label}"):
        attempt(change)
        if rerun:
            close_dialog()
            st.rerun()
