"""Download buttons for one picture."""

import io
from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from engine import __version__
from engine.errors import StudioError
from engine.signing import available, require_key, signed
from engine.studio import Studio
from gallery.exporting.archive import FORMS, Form, Wanted, picture_bytes, write_zip
from gallery.exporting.names import NamePattern, Names
from gallery.foreign import imported
from gallery.metadata import read_digital_source
from gallery.records import ImageRecord
from pages.parts.common import plain

ZIP_BYTES = 400_000_000  # it is made in memory, and kept there while it is downloaded
LOWEST_QUALITY, DEFAULT_QUALITY, BEST_QUALITY = 50, 92, 95  # above 95 a file grows, but shows no more
PROVES = (
    "It proves that the file is as it was when this studio signed it, and, for pictures that were made here, that a "
    "model made them or a part of them. It does not prove who you are: nobody vouches for the key, so programs say "
    "“unknown signer”. A picture that was brought in is signed as opened here, with nothing about how it was made. "
    "Saving a picture anew takes the signature off."
)


def download_buttons(studio: Studio, image: ImageRecord, *, place: str) -> None:
    """PNG, JPG and WebP side by side; the quality of the last two is in the menu beside them.

    Args:
        place: keeps the widgets of the same picture apart when it is shown twice on a page.
    """
    key = f"{place}_{image.id}"
    quality = st.session_state.get(f"quality_{key}", DEFAULT_QUALITY)
    sign = bool(st.session_state.get(f"sign_{key}")) and not _cannot_sign(studio)
    png, jpg, webp = (partial(_file, studio, image, form, quality, sign) for form in FORMS)
    more = ", signed" if sign else ""
    with st.container(horizontal=True, gap="small"):
        _button("PNG", png, image, "png", key, f"The picture as it was made, with its recipe{more}")
        _button("JPG", jpg, image, "jpeg", key, f"Smaller, quality {quality}, with its recipe{more}")
        _button("WebP", webp, image, "webp", key, f"Smallest, quality {quality}, with its recipe{more}")
        with st.popover("Options", icon=":material/tune:", help="Quality of JPG and WebP, signature"):
            st.slider("Quality of JPG and WebP", LOWEST_QUALITY, BEST_QUALITY, DEFAULT_QUALITY, key=f"quality_{key}")
            if available():
                _offer_signature(studio, key)


def _offer_signature(studio: Studio, key: str) -> None:
    """Off by default: the key is made at the first signature."""
    if st.toggle("Sign with C2PA", key=f"sign_{key}", help="A manifest that programs for checking pictures read"):
        if problem := _cannot_sign(studio):
            st.error(plain(problem), icon=":material/error:")
        else:
            st.caption(PROVES)


def _cannot_sign(studio: Studio) -> str:
    try:
        require_key(studio.settings.home)
    except StudioError as error:
        return str(error)
    return ""


def _file(studio: Studio, image: ImageRecord, form: Form, quality: int, sign: bool) -> bytes:
    data = picture_bytes(studio.gallery, image.id, form, quality)
    if not sign:
        return data
    source, elsewhere = read_digital_source(data), image.kind == imported.KIND
    return signed(studio.settings.home, data, source, image.title, __version__, brought_in=elsewhere)


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
