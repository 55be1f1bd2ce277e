"""Which photos: upload, thumbnails, and the address that remembers them."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from engine.kept_photos import PhotoRef
from engine.picture_files import PHOTO_SUFFIXES
from engine.studio import Studio
from engine.translation.request import MOST_PHOTOS
from pages.parts.before_after import small_jpeg
from pages.parts.common import PEOPLE_ERRORS, plain
from pages.parts.pictures import show_broken

ADDRESS_CHARACTERS = 16  # of a photo's id; tells any photos apart that one person can have
THUMBNAIL = 256


def pick_photos(studio: Studio) -> tuple[PhotoRef, ...]:
    """The chosen photos. The address names them, so they survive a refresh; their files are kept already."""
    files = st.file_uploader(
        "Photos",
        type=PHOTO_SUFFIXES,
        accept_multiple_files=True,
        key=f"files_{st.session_state.setdefault('uploads', 0)}",
        help="PNG, JPEG, WebP or HEIC. They stay on this machine; places and camera data in them are dropped.",
    )
    chosen = chosen_photos(studio, "photos")
    if files:
        choose("photos", [*chosen, *added(studio, files)])
        st.session_state.uploads += 1  # an empty uploader: the files' bytes need not stay in memory
        st.rerun()
    with st.container():
        for text in st.session_state.get("refused_files", ()):
            st.warning(plain(text), icon=":material/image_not_supported:")
        show_chosen(studio, chosen, "photos")
    return tuple(chosen)


def added(studio: Studio, files: Sequence[Any]) -> list[PhotoRef]:
    """The uploaded files that can be used, kept; why others cannot is said below the photos."""
    found, refused = [], []
    with st.spinner("Reading the photos", show_time=True):
        for file in files:
            try:
                found.append(studio.add_photo(file.getvalue(), file.name))
            except PEOPLE_ERRORS as error:
                refused.append(str(error))
    st.session_state.refused_files = refused
    return found


def chosen_photos(studio: Studio, field: str) -> list[PhotoRef]:
    """The photos that the address names in this field."""
    beginnings = filter(None, st.query_params.get(field, "").split("."))
    found = {photo.id: photo for photo in map(studio.photo, beginnings) if photo}  # the same photo once
    return list(found.values())[:MOST_PHOTOS]


def choose(field: str, photos: Sequence[PhotoRef]) -> None:
    """Put the photos into the address."""
    ids = dict.fromkeys(photo.id for photo in photos)
    if len(ids) > MOST_PHOTOS:
        more = len(ids) - MOST_PHOTOS
        what = "1 photo was" if more == 1 else f"{more} photos were"
        left_out = f"{what} left out: one job takes {MOST_PHOTOS}."
        st.session_state.refused_files = [*st.session_state.get("refused_files", ()), left_out]
    st.query_params[field] = ".".join(photo_id[:ADDRESS_CHARACTERS] for photo_id in list(ids)[:MOST_PHOTOS])


def show_chosen(studio: Studio, chosen: list[PhotoRef], field: str) -> None:
    """Their thumbnails, each with a button that takes it out of the field."""
    among = "" if field == "photos" else f"{field}_"
    if not chosen:
        return
    grid = st.grid(min_column_width=110)
    for photo in chosen:
        with grid.container(key=f"{among}photo_{photo.id}"):
            _thumbnail(studio, photo)
            rest = [other for other in chosen if other != photo]
            st.button(
                _short(photo.name),
                key=f"remove_{among}{photo.id}",
                icon=":material/close:",
                type="tertiary",
                help="Take this photo out" if field == "photos" else "Take this picture out",
                on_click=choose,
                args=(field, rest),
                wrap=False,
            )
    if len(chosen) > 1:
        st.button(
            f"Take all {len(chosen)} out",
            icon=":material/clear_all:",
            type="tertiary",
            on_click=choose,
            key=f"clear_{field}",
            args=(field, []),
        )


def _thumbnail(studio: Studio, photo: PhotoRef) -> None:
    try:
        st.image(_thumbnail_bytes(studio, photo.id), width="stretch", alt=photo.name)
    except PEOPLE_ERRORS as error:
        show_broken(error)


@st.cache_data(max_entries=128, show_spinner=False)
def _thumbnail_bytes(_studio: Studio, photo_id: str) -> bytes:
    return small_jpeg(_studio.photos.png(photo_id), THUMBNAIL)


def _short(name: str) -> str:
    return plain(name if len(name) <= 18 else f"{name[:15]}…")
