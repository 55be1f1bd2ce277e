"""The artist's marks of one picture: favourite, stars, tags and boards, by mouse and by key."""

from collections.abc import Callable, Sequence

import streamlit as st

from engine.rules import counted
from engine.studio import Studio
from gallery import marks
from gallery.errors import GalleryError
from gallery.records import ImageRecord
from pages.gallery.undo import attempt, changed
from pages.parts.common import OWNER, plain


def line(record: ImageRecord, stacked: int = 1) -> str:
    """What stands below a small picture; empty where it has no mark."""
    parts = ["♥" if record.favourite else "", "★" * (record.rating or 0), f"{stacked} seeds" if stacked > 1 else ""]
    return " · ".join(filter(None, parts))


def show_marks(studio: Studio, record: ImageRecord) -> None:
    """F makes it a favourite, 1 to 5 gives stars and 0 takes them away, B puts it on boards."""
    with st.container(horizontal=True, vertical_alignment="center", key="marks"):
        st.button(
            "Favourite",
            key="favourite",
            icon=":material/favorite:",
            type="primary" if record.favourite else "secondary",
            help="No longer a favourite" if record.favourite else "Make it a favourite",
            shortcut="F",
            on_click=_set_favourite,
            args=(studio, record.id, not record.favourite),
        )
        st.button("Boards", key="boards", icon=":material/dashboard:", shortcut="B", on_click=_show_or_hide_boards)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="stars"):
        for stars in marks.RATINGS:
            _star(studio, record, stars)
        _no_star(studio, record)
    _tags(studio, record)
    on = marks.boards_of(studio.database, record.id, OWNER)
    if on or st.session_state.get("boards_shown"):
        _boards(studio, record, on)


def _star(studio: Studio, record: ImageRecord, stars: int) -> None:
    st.button(
        "★" * stars,
        key=f"star_{stars}",
        type="primary" if record.rating == stars else "tertiary",
        help=f"{stars} star{'s' if stars > 1 else ''}",
        shortcut=str(stars),
        on_click=_rate,
        args=(studio, record.id, stars),
    )


def _no_star(studio: Studio, record: ImageRecord) -> None:
    none = {"on_click": _rate, "args": (studio, record.id, None), "disabled": record.rating is None}
    st.button("No stars", key="star_0", type="tertiary", shortcut="0", **none)


def _set_favourite(studio: Studio, image_id: str, on: bool) -> None:
    text = "The picture is a favourite now." if on else "The picture is no favourite any more."
    _change(studio, text, lambda: [marks.set_favourite(studio.database, [image_id], on, OWNER)])


def _rate(studio: Studio, image_id: str, stars: int | None) -> None:
    text = f"The picture has {counted(stars, 'star')} now." if stars else "The picture has no stars now."
    _change(studio, text, lambda: [marks.rate(studio.database, [image_id], stars, OWNER)])


def _change(studio: Studio, text: str, change: Callable[[], Sequence[marks.Undo]]) -> bool:
    """Say what was done above the page, with its undo; whether it could be done."""
    return attempt(lambda: changed(studio, text, change()))


# -- tags


def _tags(studio: Studio, record: ImageRecord) -> None:
    key = f"tags_{record.id}"
    st.session_state[key] = list(record.tags)
    st.multiselect(
        "Tags",
        _known_tags(studio, record),
        key=key,
        accept_new_options=True,
        placeholder="Add a tag",
        help=f"Kept in lower case, 1 to {marks.TAG_LENGTH} characters each.",
        on_change=_set_tags,
        args=(studio, record, key),
    )
    _say_refused("tags_refused")


def _known_tags(studio: Studio, record: ImageRecord) -> list[str]:
    return sorted({*marks.tags(studio.database, OWNER), *record.tags})


def _set_tags(studio: Studio, record: ImageRecord, key: str) -> None:
    try:
        wanted, had = {marks.tag_of(text) for text in st.session_state[key]}, set(record.tags)
        added = marks.add_tags(studio.database, [record.id], wanted - had, OWNER)
        removed = marks.remove_tags(studio.database, [record.id], had - wanted, OWNER)
        changed(studio, "The picture's tags are changed.", [added, removed])
    except GalleryError as error:
        st.session_state.tags_refused = str(error)


def _say_refused(key: str) -> None:
    if refused := st.session_state.pop(key, None):
        st.error(plain(refused), icon=":material/error:")


# -- boards


def _show_or_hide_boards() -> None:
    st.session_state.boards_shown = not st.session_state.get("boards_shown")


def _boards(studio: Studio, record: ImageRecord, on: tuple[str, ...]) -> None:
    """By name: the names of an owner's boards differ, and a new one makes a board."""
    boards = {board.id: board.name for board in marks.boards(studio.database, OWNER)}
    key = f"boards_{record.id}"
    st.session_state[key] = [boards[board] for board in on if board in boards]
    st.multiselect(
        "Boards",
        list(boards.values()),
        key=key,
        accept_new_options=True,
        placeholder="Choose a board, or name a new one",
        on_change=_set_boards,
        args=(studio, record.id, key, {boards[board]: board for board in on if board in boards}),
    )
    _say_refused("boards_refused")


def _set_boards(studio: Studio, image_id: str, key: str, shown: dict[str, str]) -> None:
    """`shown`: the boards that it was on when the page was drawn, by name; what was done since elsewhere stays."""
    database = studio.database
    known = {board.name: board.id for board in marks.boards(database, OWNER)} | shown
    try:
        wanted = {
            known.get(marks.board_name(name)) or marks.create_board(database, OWNER, name).id
            for name in st.session_state[key]
        }
        on = set(shown.values())
        undos = [marks.put_on_board(database, board_id, [image_id], OWNER) for board_id in wanted - on]
        undos += [marks.take_off_board(database, board_id, [image_id], OWNER) for board_id in on - wanted]
        changed(studio, "The picture's boards are changed.", undos)
    except GalleryError as error:
        st.session_state.boards_refused = str(error)
