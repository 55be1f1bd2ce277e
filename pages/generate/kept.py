"""Pictures, masks and sketches that the address names, so that they survive a refresh and a link can bring one."""

import streamlit as st

from engine.kept_photos import PhotoRef
from engine.studio import Studio
from pages.parts.address import remember_address
from pages.parts.common import OWNER, PEOPLE_ERRORS

NOTHING, PICTURE, PART, SKETCH = "Nothing", "A picture", "A part", "A sketch"
START_FROM = "start_from"  # one of these
START, MASK, DRAWN = "start", "mask", "sketch"  # in the address: a picture's id, or the beginning of a kept photo's
ADDRESS_CHARACTERS = 16  # of a photo's id; tells any photos apart that one person can have
GALLERY_CHARACTERS = 26  # of a picture's id


def start_from(photo: str, choice: str = PICTURE) -> None:
    """Start from this picture, by its id in the gallery or a kept photo's; for callbacks."""
    st.query_params[START] = photo
    st.query_params.pop(MASK, None)
    st.session_state[START_FROM] = choice


def address_of(photo: PhotoRef | None) -> str:
    """How the address names a picture: the gallery's by its id there, so that its place in the family is known."""
    return (photo.image or photo.id[:ADDRESS_CHARACTERS]) if photo else ""


def kept_photo(studio: Studio, name: str) -> PhotoRef | None:
    """The picture of this name in the address; a gallery's picture is kept the first time that it is asked for."""
    if not _is_of_gallery(name):
        return studio.photo(name)
    key = f"start_{name}"
    photo: PhotoRef | None = st.session_state.get(key)
    if photo is None or studio.photo(photo.id) is None:
        photo = st.session_state[key] = studio.start_from(name, OWNER)
    return photo


def _is_of_gallery(name: str) -> bool:
    return len(name) == GALLERY_CHARACTERS and name.isupper()


def kept_drawing(studio: Studio, field: str) -> tuple[str, bytes | None]:
    """Name and file of what the address names in this field; empty and None where it is not here."""
    name = st.query_params.get(field, "")
    photo = studio.photo(name) if name else None
    try:
        return (name, studio.photos.png(photo.id)) if photo else ("", None)
    except PEOPLE_ERRORS:
        return "", None


def keep_drawing(studio: Studio, field: str, png: bytes) -> str:
    """Keep what was drawn, or nothing; the address then names it. Returns that name, empty for nothing."""
    name = studio.add_photo(png, f"{field}.png").id[:ADDRESS_CHARACTERS] if png else ""
    if name:
        st.query_params[field] = name
    else:
        st.query_params.pop(field, None)
    remember_address()
    return name
