"""Two to six pictures side by side; two also by a slider and by their difference; and how their recipes differ."""

from collections.abc import Sequence

import streamlit as st

from engine.studio import Studio
from gallery import thumbnails
from gallery.errors import GalleryError
from gallery.records import ImageRecord
from pages.gallery.difference import Difference, difference
from pages.gallery.recipe_table import show_recipes
from pages.gallery.views import COMPARE, MOST_COMPARED, close_view, open_picture
from pages.parts.before_after import show_two
from pages.parts.common import OWNER, plain
from pages.parts.pictures import show_broken, show_picture

SIDE_BY_SIDE, SLIDER, DIFFERENCE = "Side by side", "Slider", "Difference"
MOST_AMPLIFIED = 32


def show_compare(studio: Studio) -> None:
    """Compare the pictures that the address names."""
    names = dict.fromkeys(st.query_params.get(COMPARE, "").split(",")[: 2 * MOST_COMPARED])
    st.button("Back to the gallery", icon=":material/arrow_back:", on_click=close_view, type="tertiary", shortcut="Esc")
    records = studio.gallery.several(names, OWNER)[:MOST_COMPARED]
    if len(records) < len([name for name in names if name]):
        st.warning("Some of these pictures are not there any more, or there are more than six of them.")
    if len(records) < 2:
        st.info("Two to six pictures are compared: select them in the gallery, then choose “Compare”.")
        return
    _pictures(studio, records)
    show_recipes(records)


def _pictures(studio: Studio, records: Sequence[ImageRecord]) -> None:
    mode = SIDE_BY_SIDE
    if len(records) == 2:
        modes = [SIDE_BY_SIDE, SLIDER, DIFFERENCE]
        mode = st.segmented_control(
            "Compare by", modes, default=SIDE_BY_SIDE, required=True, key="compare_by", label_visibility="collapsed"
        )
    if mode == SLIDER:
        _slider(studio, *records)
    elif mode == DIFFERENCE:
        _difference(studio, *records)
    else:
        _side_by_side(studio, records)


def _side_by_side(studio: Studio, records: Sequence[ImageRecord]) -> None:
    grid = st.grid(len(records) if len(records) < 4 else (len(records) + 1) // 2)
    for number, record in enumerate(records, 1):
        with grid.container():
            show_picture(studio, record, "stretch")
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{number}**", width="content")
                st.button("Open", key=f"open_compared_{record.id}", on_click=open_picture, args=(record.id,))
                if len(records) > 2:
                    rest = ",".join(each.id for each in records if each is not record)
                    st.button("Leave out", key=f"leave_{record.id}", type="tertiary", on_click=_compare, args=(rest,))


def _compare(names: str) -> None:
    st.query_params[COMPARE] = names


def _slider(studio: Studio, first: ImageRecord, second: ImageRecord) -> None:
    if _shape(first) != _shape(second):
        st.info(f"They have other shapes, so the first is stretched: {_sizes(first, second)}.", icon=":material/info:")
    show_two(studio, first, second, ("1", "2"))


def _difference(studio: Studio, first: ImageRecord, second: ImageRecord) -> None:
    try:
        found = _difference_of(studio, first.id, second.id)
    except GalleryError as error:
        show_broken(error)
        return
    if found is None:
        st.info(f"A difference is of pictures of the same size. These have {_sizes(first, second)}.")
        return
    same = f"{found.equal:.1%} of the pixels are the same."
    st.markdown(f"Largest difference **{found.largest}** of 255, mean **{found.mean:.2f}**. {same}")
    if not found.largest:
        st.success("The two pictures are the same in every pixel.")
        return
    usual = max(1, min(MOST_AMPLIFIED, 255 // found.largest))
    factor = st.slider("Amplified", 1, MOST_AMPLIFIED, usual, key=f"amplified_{first.id}_{second.id}", format="%d×")
    st.image(found.amplified(factor), width="stretch", alt="The difference between the two pictures")


@st.cache_data(max_entries=4, show_spinner=False)
def _difference_of(_studio: Studio, first: str, second: str) -> Difference | None:
    pictures = [thumbnails.decode(_studio.gallery.png(image_id)) for image_id in (first, second)]
    return difference(*pictures)


def _shape(record: ImageRecord) -> float:
    return round(record.width / record.height, 2) if record.height else 0.0


def _sizes(first: ImageRecord, second: ImageRecord) -> str:
    return plain(f"{first.width} × {first.height} and {second.width} × {second.height} pixels")
