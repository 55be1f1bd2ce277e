"""Filling the form from the recipe of an enlarged picture."""

import streamlit as st

from engine.studio import Studio
from engine.upscaling.request import Upscale
from gallery.records import ImageRecord
from pages.animeify.photos import choose
from pages.upscale.pictures import choose_pictures


def fill_upscale(studio: Studio, record: ImageRecord) -> list[str]:
    """Fill the form from an enlarged picture; returns the names of what is not here and was left out."""
    request = studio.kinds.read(Upscale.kind, record.recipe.request)
    if request is None:
        st.warning("This recipe is of another version of the studio and cannot be used.", icon=":material/info:")
        return []
    # From the kept copy, whatever became of the picture in the gallery.
    choose("photos", request.photos)
    choose_pictures([])
    st.session_state.factor = f"{request.factor}x"
    missing = [photo.name for photo in request.photos if studio.photo(photo.id) is None]
    if request.upscaler in {info.name for info in studio.upscalers()}:
        st.session_state.upscaler = request.upscaler
    else:
        missing.append(request.upscaler)
    return missing
