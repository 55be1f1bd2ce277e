"""Pictures on a page: shown from a small memory, and said in words when their file cannot be read."""

import streamlit as st

from engine.studio import Studio
from gallery.errors import GalleryError
from gallery.store import ImageRecord
from pages.parts.common import plain


def show_picture(studio: Studio, image: ImageRecord, width: int | str) -> bool:
    """Show a picture in full; returns whether its file could be read, so that it can be downloaded too."""
    try:
        st.image(_png(studio, image.id), width=width, alt=image.title)
    except GalleryError as error:
        show_broken(error)
        return False
    return True


def show_thumbnail(studio: Studio, image: ImageRecord, width: int | str, caption: str | None = None) -> None:
    """Show a picture small."""
    try:
        st.image(studio.gallery.thumbnail(image.id), caption=caption, width=width, alt=image.title)
    except GalleryError as error:
        show_broken(error)


def show_broken(error: GalleryError) -> None:
    """Say why there is no picture in this place."""
    st.error(plain(error), icon=":material/broken_image:")


# A page runs again with every change of a widget; reading and checking megabytes each time makes it slow.
@st.cache_data(max_entries=32, show_spinner=False)
def _png(_studio: Studio, image_id: str) -> bytes:
    return _studio.gallery.png(image_id)
