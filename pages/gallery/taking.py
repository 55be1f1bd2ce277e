"""Pictures taken out of the studio: a ZIP with their recipes, and a contact sheet."""

import io
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from engine.studio import Studio
from gallery.errors import BadPattern
from gallery.exporting.archive import FORMS, RECIPES, Wanted, write_zip
from gallery.exporting.contact_sheet import MOST_PICTURES, PER_PAGE, png_pages, write_pdf
from gallery.exporting.names import DEFAULT, FIELDS, NamePattern
from gallery.records import ImageRecord
from pages.gallery.undo import pictures
from pages.parts.common import OWNER, plain, size_text
from pages.parts.dialogs import close_dialog
from pages.parts.downloads import BEST_QUALITY, DEFAULT_QUALITY, LOWEST_QUALITY, ZIP_BYTES

TAKE = "take_many"
_KEPT = "taking"  # choices outlive the dialog
_NAMES = {
    "png": "PNG, as they were made",
    "jpg": "JPG, smaller",
    "webp": "WebP, smallest",
    "csv": "CSV",
    "json": "JSON",
}


@st.dialog("Download the selected pictures", on_dismiss=close_dialog)
def take_dialog(studio: Studio, chosen: Sequence[str]) -> None:
    """A ZIP of these pictures, or their contact sheet."""
    records = studio.gallery.several(chosen, OWNER)
    if not records:
        st.info("None of these pictures is there any more.")
        return
    st.caption(f"{pictures(len(records))}, {size_text(sum(record.size_bytes for record in records))}")
    archive, sheet = st.tabs(["ZIP with recipes", "Contact sheet"])
    with archive:
        _archive(studio, records)
    with sheet:
        _sheet(studio, records)


def _archive(studio: Studio, records: Sequence[ImageRecord]) -> None:
    form = st.selectbox("Pictures as", FORMS, format_func=_NAMES.__getitem__, key="zip_form")
    quality = DEFAULT_QUALITY
    if form != "png":
        quality = st.slider("Quality", LOWEST_QUALITY, BEST_QUALITY, DEFAULT_QUALITY, key="zip_quality")
    recipes = st.segmented_control(
        "Recipes as", RECIPES, format_func=_NAMES.__getitem__, default="csv", key="zip_recipes"
    )
    fields = " ".join(f"{{{name}}}" for name in (*FIELDS, "number"))
    text = st.text_input(
        "File names", st.session_state.get(_KEPT, DEFAULT), key="zip_pattern", help=f"These are filled in: {fields}"
    )
    try:
        pattern = NamePattern(text)
    except BadPattern as error:
        st.error(plain(error), icon=":material/error:")
        return
    st.session_state[_KEPT] = text
    st.caption(plain(f"Such as {pattern.name(records[0], 1)}.{form}"))
    if sum(record.size_bytes for record in records) > ZIP_BYTES:
        limit = size_text(ZIP_BYTES)
        st.info(
            f"Together they have more than {limit}, too much for the browser. Select fewer, or use the command "
            "`gallery export --zip`, which takes all.",
            icon=":material/info:",
        )
        return
    wanted = Wanted(form=form, quality=quality, pattern=pattern, recipes=recipes or "csv")
    _download("ZIP", "zip", "folder_zip", "application/zip", partial(_zipped, studio, records, wanted))


def _sheet(studio: Studio, records: Sequence[ImageRecord]) -> None:
    if len(records) > MOST_PICTURES:
        st.info(f"A contact sheet has up to {MOST_PICTURES} pictures. Select fewer.", icon=":material/info:")
        return
    pages = -(-len(records) // PER_PAGE)
    st.caption(
        f"A4, {PER_PAGE} pictures a page with title, seed and model: {pages} {'page' if pages == 1 else 'pages'}"
    )
    with st.container(horizontal=True):
        _download("PDF", "pdf", "picture_as_pdf", "application/pdf", partial(_pdf, studio, records))
        if pages == 1:
            _download("PNG", "png", "image", "image/png", lambda: next(png_pages(studio.gallery, records)))
        else:
            _download("PNG pages", "pages.zip", "image", "application/zip", partial(_pages, studio, records))


def _download(label: str, suffix: str, icon: str, mime: str, data: Callable[[], bytes]) -> None:
    st.download_button(
        label,
        data,
        f"niji-studio.{suffix}",
        mime,
        key=f"take_{suffix}",
        icon=f":material/{icon}:",
        on_click="ignore",
    )


def _zipped(studio: Studio, records: Sequence[ImageRecord], wanted: Wanted) -> bytes:
    with tempfile.TemporaryFile() as file:  # picture by picture; only the finished file is read as a whole
        write_zip(file, studio.gallery, records, wanted)
        file.seek(0)
        return file.read()


def _pdf(studio: Studio, records: Sequence[ImageRecord]) -> bytes:
    with tempfile.TemporaryFile() as file:
        write_pdf(file, studio.gallery, records)
        file.seek(0)
        return file.read()


def _pages(studio: Studio, records: Sequence[ImageRecord]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for number, page in enumerate(png_pages(studio.gallery, records), 1):
            archive.writestr(f"contact-sheet-{number}.png", page)
    return stream.getvalue()
