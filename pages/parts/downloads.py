"""Download buttons for one picture."""

import io
from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from engine.studio import Studio
from gallery.exporting.archive import Wanted, write_zip
from gallery.exporting.names import NamePattern, Names
from gallery.records import ImageRecord

ZIP_BYTES = 400_000_000  # it is made in memory, and kept there while it is downloaded
LOWEST_QUALITY, DEFAULT_QUALITY, BEST_QUALITY = 50, 92, 95  # above 95 a file grows, but shows no more


def download_buttons(studio: Studio, image: ImageRecord, *, place: str) -> None:
    """PNG, JPG and WebP side by side; the quality of the last two is in the menu beside them.

    Args:
        place: keeps the widgets of the same picture apart when it is shown twice on a page.
    """
    key = f"{place}_{image.id}"
    quality = st.session_state.get(f"quality_{key}", DEFAULT_QUALITY)
    png = partial(studio.gallery.png, image.id)
    jpg = partial(studio.gallery.jpg, image.id, quality=quality)
    webp = partial(studio.gallery.webp, image.id, quality=quality)
    with st.container(horizontal=True, gap="small"):
        _button("PNG", png, image, "png", key, "The picture as it was made, with its recipe")
        _button("JPG", jpg, image, "jpeg", key, f"Smaller, quality {quality}, with its recipe")
        _button("WebP", webp, image, "webp", key, f"Smallest, quality {quality}, with its recipe")
        with st.popover("Quality", icon=":material/tune:", help="Of JPG and WebP"):
            st.slider("Quality of JPG and WebP", LOWEST_QUALITY, BEST_QUALITY, DEFAULT_QUALITY, key=f"quality_{key}")


def _button(label: str, data: Callable[[], bytes], image: ImageRecord, kind: str, key: str, words: str) -> None:
    suffix = label.lower()
    st.download_button(
        label,
        data,
        Names(NamePattern()).of(image, f".{suffix}"),
        f"image/{kind}",
        key=f"{suffix}_{key}",
        icon=":material/download:",
        on_click="ignore",
        help=words,
    )


def zip_button(studio: Studio, images: Sequence[ImageRecord], *, place: str) -> None:
    """All pictures in one ZIP file, as they were made, with their recipes in a list beside them."""
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
    write_zip(stream, studio.gallery, images, Wanted(recipes="json"))
    return stream.getvalue()
