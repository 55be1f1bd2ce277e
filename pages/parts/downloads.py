"""Download buttons for one picture."""

import io
import re
import zipfile
from collections.abc import Sequence
from functools import partial

import streamlit as st

from engine.studio import Studio
from gallery.errors import GalleryError
from gallery.store import ImageRecord

ZIP_BYTES = 400_000_000  # it is made in memory, and kept there while it is downloaded
LOWEST_QUALITY, DEFAULT_QUALITY, BEST_QUALITY = 50, 92, 95  # above 95 a JPG grows, but shows no more


def download_buttons(studio: Studio, image: ImageRecord, *, place: str) -> None:
    """PNG and JPG side by side; the quality of the JPG is in the menu beside it.

    Args:
        place: keeps the widgets of the same picture apart when it is shown twice on a page.
    """
    key = f"{place}_{image.id}"
    quality = st.session_state.get(f"quality_{key}", DEFAULT_QUALITY)
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            "PNG",
            partial(studio.gallery.png, image.id),
            f"{_file_name(image)}.png",
            "image/png",
            key=f"png_{key}",
            icon=":material/download:",
            on_click="ignore",
            help="The picture as it was made, with its recipe",
        )
        st.download_button(
            "JPG",
            partial(studio.gallery.jpg, image.id, quality=quality),
            f"{_file_name(image)}.jpg",
            "image/jpeg",
            key=f"jpg_{key}",
            icon=":material/download:",
            on_click="ignore",
            help=f"Smaller, quality {quality}, with its recipe",
        )
        with st.popover("Quality", icon=":material/tune:", help="Of the JPG"):
            st.slider("JPG quality", LOWEST_QUALITY, BEST_QUALITY, DEFAULT_QUALITY, key=f"quality_{key}")


def zip_button(studio: Studio, images: Sequence[ImageRecord], *, place: str) -> None:
    """All pictures in one ZIP file, as they were made, with their recipes."""
    if sum(image.size_bytes for image in images) > ZIP_BYTES:
        st.caption("Together too large for one ZIP: download them one by one, or use `gallery export`.")
        return
    st.download_button(
        f"ZIP, {len(images)} pictures",
        partial(_zipped, studio, images),
        "niji-studio.zip",
        "application/zip",
        key=f"zip_{place}_{images[0].id}",
        icon=":material/folder_zip:",
        on_click="ignore",
    )


def _zipped(studio: Studio, images: Sequence[ImageRecord]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:  # PNG is compressed already
        for image in images:
            try:
                archive.writestr(f"{_file_name(image)}.png", studio.gallery.png(image.id))
            except GalleryError as error:  # one damaged picture is no reason to keep the others
                archive.writestr(f"{_file_name(image)}.txt", str(error))
    return stream.getvalue()


def _file_name(image: ImageRecord) -> str:
    """The first words of the title, the seed where there is one, and the id's end to tell equal ones apart."""
    words = re.findall(r"\w+", image.title)[:6]
    seed = [] if image.seed is None else [str(image.seed)]
    return "-".join([*words, *seed, image.id[-6:].lower()])[-100:]
