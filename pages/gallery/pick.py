"""A picking round: two pictures at a time, which one is better; at the end the order, and marks for its first ones."""

from collections.abc import Sequence

import streamlit as st

from engine.studio import Studio
from gallery.errors import RoundRefused
from gallery.picking.ranking import Place
from gallery.picking.rounds import Choice, Question, Round
from gallery.records import ImageRecord
from pages.gallery.marking import STARS, favourite, rate, show_boards
from pages.gallery.undo import attempt, pictures
from pages.gallery.views import PICK, close_view, open_view, rounds_of
from pages.parts.common import OWNER, plain
from pages.parts.pictures import show_picture, show_thumbnail

_ORDER = "order"  # in the address: the order so far is shown, not the next question
TILE_WIDTH = 150


def show_round(studio: Studio) -> None:
    """The round that the address names: its next question, or its order."""
    st.button("Back to the gallery", icon=":material/arrow_back:", on_click=close_view, type="tertiary", shortcut="Esc")
    try:
        round_ = rounds_of(studio).get(st.query_params.get(PICK, ""), OWNER)
    except RoundRefused as error:
        st.error(plain(error), icon=":material/error:")
        return
    records = {record.id: record for record in studio.gallery.several(round_.images, OWNER)}
    gone = [image_id for image_id in round_.images if image_id not in records]
    if gone:
        st.caption(f"{pictures(len(gone))} of this round deleted for good; the others go on.")
    question = round_.question(gone)
    if question is None or _ORDER in st.query_params:
        _order(studio, round_, records, question)
    else:
        _ask(studio, round_, question, records)


def _ask(studio: Studio, round_: Round, question: Question, records: dict[str, ImageRecord]) -> None:
    st.progress(question.number / question.total, f"Question {question.number + 1} of about {question.total}")
    st.markdown("## Which of these two?")
    grid = st.grid(2)
    left, right = records[question.left], records[question.right]
    for record, side, label, key in ((left, "left", "This one", "Left"), (right, "right", "This one", "Right")):
        with grid.container(key=f"pick_{side}"):
            show_picture(studio, record, "stretch")
            _answer_button(studio, round_, question, label, side, key)
    with st.container(horizontal=True, horizontal_alignment="center"):
        _answer_button(studio, round_, question, "Cannot tell", "equal", "Down")
        st.button(
            "Take back",
            key="take_back",
            icon=":material/undo:",
            disabled=not round_.answers,
            shortcut="Backspace",
            on_click=attempt,
            args=(rounds_of(studio).take_back, round_.id, OWNER, len(round_.answers)),
        )
        shown = {PICK: round_.id, _ORDER: "1"}
        st.button("Stop and see the order", key="stop", type="tertiary", on_click=_show, args=(shown,))


def _answer_button(
    studio: Studio, round_: Round, question: Question, label: str, choice: Choice, shortcut: str
) -> None:
    st.button(
        label,
        key=f"answer_{choice}",
        width="content" if choice == "equal" else "stretch",
        shortcut=shortcut,
        on_click=attempt,
        args=(rounds_of(studio).answer, round_.id, OWNER, question, choice),
    )


def _show(address: dict[str, str]) -> None:
    st.query_params.from_dict(address)


def _order(studio: Studio, round_: Round, records: dict[str, ImageRecord], question: Question | None) -> None:
    st.markdown("## The order")
    answers = len(round_.answers)
    st.caption(
        f"From {answers} {'answer' if answers == 1 else 'answers'}. The number is the place; in brackets are the "
        "places that the answers leave open, with 90% certainty."
    )
    if question is not None:
        label = f"Go on asking, about {question.total - question.number} more"
        st.button(label, key="go_on", icon=":material/arrow_forward:", on_click=_show, args=({PICK: round_.id},))
    places = [(records[image_id], place) for image_id, place in round_.ranking() if image_id in records]
    if not places:
        st.info("None of these pictures is there any more.")
        return
    _mark_first(studio, [record for record, _ in places])
    grid = st.grid(min_column_width=TILE_WIDTH)
    for number, (record, place) in enumerate(places, 1):
        with grid.container():
            show_thumbnail(studio, record, "stretch", f"**{number}** {_open_places(place)}")


def _open_places(place: Place) -> str:
    return "for certain" if place.best == place.worst else f"({place.best} to {place.worst})"


def _mark_first(studio: Studio, records: Sequence[ImageRecord]) -> None:
    with st.container(border=True):
        most = len(records)
        first = st.number_input("The first", 1, most, min(5, most), key="first_of_round", help="How many are marked")
        chosen = [record.id for record in records[: int(first)]]
        with st.container(horizontal=True, vertical_alignment="bottom"):
            args = (favourite, studio, chosen, True)
            st.button("Favourite", key="favourite_first", icon=":material/favorite:", on_click=attempt, args=args)
            stars = st.selectbox(
                "Stars", list(STARS), index=4, format_func=STARS.__getitem__, key="stars_first", width=140
            )
            args = (rate, studio, chosen, stars)
            st.button("Give stars", key="rate_first", icon=":material/star:", on_click=attempt, args=args)
            with st.popover("Put on a board", icon=":material/dashboard:"):
                show_boards(studio, lambda: chosen, "round")
            st.button(
                "Picking round of these",
                key="again_first",
                disabled=len(chosen) < 2,
                on_click=attempt,
                args=(_begin, studio, chosen),
            )


def _begin(studio: Studio, chosen: Sequence[str]) -> None:
    open_view(**{PICK: rounds_of(studio).begin(OWNER, chosen).id})
