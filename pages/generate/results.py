"""The pictures that a drawing job made."""

from collections.abc import Sequence

import streamlit as st

from engine.jobs.records import Job
from engine.studio import Studio
from gallery.records import ImageRecord
from pages.parts.common import shown_width
from pages.parts.downloads import download_buttons
from pages.parts.feed import caption_of, expected_pictures
from pages.parts.pictures import show_picture


def show_drawings(studio: Studio, job: Job, images: Sequence[ImageRecord]) -> None:
    """The pictures of a text-to-image job with their downloads, two in a row."""
    single = expected_pictures(studio, job) <= 1
    grid = st.grid(1 if single else 2)
    for image in images:
        with grid.container():
            shown = show_picture(studio, image, shown_width(image.width) if single else "stretch")
            st.caption(caption_of(image))
            if shown:
                download_buttons(studio, image, place="feed")
