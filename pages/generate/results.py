"""The pictures that were drawn: those of the last job, and the ones before, each with the way back to its recipe."""

from collections.abc import Sequence

import streamlit as st

from engine.grids.request import Grid
from engine.jobs.records import Job
from engine.studio import Studio
from gallery.records import ImageRecord
from pages.generate.actions import open_link, show_actions
from pages.generate.details import FED, KINDS, SHEET, SHOWN
from pages.parts.common import OWNER, plain, shown_width
from pages.parts.downloads import download_buttons, zip_button
from pages.parts.feed import caption_of, expected_pictures, latest_ended, told_apart
from pages.parts.pictures import show_picture, show_thumbnail
from pages.parts.reuse import reuse_here
from pages.upscale.button import show_upscale

MOST_CELLS = 8  # pictures of a grid shown below its sheets
EARLIER = 8  # pictures shown below the last job's
LOOKED_AT = 40  # newest pictures of all kinds among which they are


def show_drawings(studio: Studio, job: Job, images: Sequence[ImageRecord]) -> None:
    """The pictures of a drawing with their downloads, two in a row."""
    if job.kind == Grid.kind:
        images = _sheets_first(studio, images)
    single = expected_pictures(studio, job) <= 1
    if len(images) > 1:
        zip_button(studio, images, place="feed")
    grid = st.grid(1 if single else 2)
    for image in images:
        with grid.container():
            shown = show_picture(studio, image, shown_width(image.width) if single else "stretch")
            st.caption(caption_of(image, told_apart(studio, job, image)))
            if shown:
                download_buttons(studio, image, place="feed")
            _next(studio, image, "feed")


def _sheets_first(studio: Studio, images: Sequence[ImageRecord]) -> Sequence[ImageRecord]:
    """The sheets of a grid at full width; returns its pictures, the first of many."""
    for sheet in (image for image in images if image.kind == Grid.kind):
        if show_picture(studio, sheet, "stretch"):
            download_buttons(studio, sheet, place="feed")
        _sheet_links(sheet)
    cells = [image for image in images if image.kind != Grid.kind]
    if len(cells) > MOST_CELLS:
        st.caption(f"The first {MOST_CELLS} of {len(cells)} pictures; all are in the Gallery.")
    return cells[:MOST_CELLS]


def _sheet_links(sheet: ImageRecord) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.button(
            "Use these settings",
            key=f"reuse_feed_{sheet.id}",
            icon=":material/replay:",
            help=SHEET.reuse,
            on_click=reuse_here,
            args=(sheet,),
        )
        open_link(sheet)


def show_earlier(studio: Studio) -> None:
    """The drawings before the last job's, small, with their recipes; they are found again after a refresh."""
    newest = studio.gallery.page(limit=LOOKED_AT, owner=OWNER).images
    drawn = [image for image in newest if image.kind in KINDS]
    shown = latest_ended(studio, FED)  # which may have brought nothing, such as one that was cancelled
    earlier = [image for image in drawn if shown is None or image.job_id != shown.id][:EARLIER]
    if not earlier:
        return
    st.markdown("**Earlier**")
    grid = st.grid(min_column_width=120)
    for image in earlier:
        with grid.container():
            show_thumbnail(studio, image, "stretch")
            with st.popover(caption_of(image), width="stretch"):
                _recipe(studio, image)


def _recipe(studio: Studio, image: ImageRecord) -> None:
    st.text(image.title)
    if image.negative_prompt:
        st.caption(f"Without: {plain(image.negative_prompt)}")
    st.table({label: plain(value) for label, value in SHOWN.details(image).items() if value not in (None, "")})
    _next(studio, image, "earlier")


def _next(studio: Studio, image: ImageRecord, place: str) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        show_actions(studio, image, place)
        show_upscale(studio, image, place)
        _again(image, place)
        open_link(image)


def _again(image: ImageRecord, place: str) -> None:
    key = f"{place}_{image.id}"
    if image.seed is not None:
        help_text = "The form stays as it is, with this picture's seed"
        st.button(
            "Same seed", key=f"seed_{key}", icon=":material/pin:", help=help_text, on_click=_take_seed, args=(image,)
        )
    st.button(
        "Use these settings",
        key=f"reuse_{key}",
        icon=":material/replay:",
        help=SHOWN.reuse,
        on_click=reuse_here,
        args=(image,),
    )


def _take_seed(image: ImageRecord) -> None:
    st.session_state.seed = str(image.seed)
