"""Upscale: pictures made larger, from files and from the gallery."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import streamlit as st

from engine.jobs.records import Job
from engine.studio import Studio
from engine.upscaling.request import DEFAULT_UPSCALER, FACTORS, Upscale
from gallery.metadata import MOST_IN_WORDS
from gallery.records import ImageRecord
from pages.animeify.photos import pick_photos
from pages.generate.actions import show_links
from pages.parts.attention import show_status
from pages.parts.before_after import show_before_after
from pages.parts.common import OWNER, open_studio, plain
from pages.parts.downloads import download_buttons, zip_button
from pages.parts.facts import size_of
from pages.parts.feed import show_feed
from pages.parts.licences import show_licence
from pages.parts.reuse import fill_form, settle_form
from pages.parts.submit import Press
from pages.upscale.pictures import pick_pictures
from pages.upscale.restore import fill_upscale

PRESS = Press(
    "upscale",
    together=[("photos", "factor", "upscaler")],
    places={"photos": "files_", "factor": "factor", "upscaler": "upscaler"},
)
CHOICES = {f"{factor}x": factor for factor in FACTORS}


def main() -> None:
    """Lay out the page."""
    studio = open_studio()
    fill_form(studio, Upscale.kind, partial(fill_upscale, studio))
    left, right = st.columns([2, 3], gap="large")
    with left:
        values = _form(studio)
        pressed = PRESS.button("Upscale", ":material/zoom_out_map:")
        show_status(studio, [Upscale.kind])
        PRESS.show_problems(values)
    if pressed:
        _submit(studio, values)
    with right:
        show_feed(studio, Upscale.kind, _empty, _show_enlarged)
    settle_form()


def _form(studio: Studio) -> dict[str, Any]:
    photos = pick_photos(studio)
    pictures = pick_pictures(studio)
    factor = st.segmented_control(
        "Factor",
        list(CHOICES),
        default="2x",
        required=True,
        key="factor",
        bind="query-params",
        width="stretch",
        help=f"The result may have {MOST_IN_WORDS}; what would have more is refused before it begins.",
    )
    return {"photos": (*photos, *pictures), "factor": CHOICES[factor or "2x"], "upscaler": _upscaler(studio)}


def _upscaler(studio: Studio) -> str:
    known = {info.name: info for info in studio.upscalers()}
    names = list(known)
    name = st.selectbox(
        "Upscaler",
        names,
        index=names.index(DEFAULT_UPSCALER),
        format_func=lambda name: known[name].title,
        key="upscaler",
        bind="query-params",
        help="Your own .safetensors files (ESRGAN, SwinIR and others) go into the folder upscalers of the studio's",
    )
    info = known[name]
    with st.container():
        if info.problem:
            st.error(plain(info.problem), icon=":material/error:")
        else:
            st.caption(plain(info.about))
            show_licence(info.licence)
    st.session_state.chosen_upscaler = DEFAULT_UPSCALER if info.problem else name  # for the buttons beside pictures
    return name


def _submit(studio: Studio, values: dict[str, Any]) -> None:
    def submit(key: str) -> None:
        studio.submit(studio.request(Upscale.kind, values), key=key, owner=OWNER)

    PRESS.ask(values, submit)


def _empty() -> None:
    st.markdown("## Choose pictures, then press Upscale")
    st.caption("2 or 4 times as wide and high. Every picture has a button for it too.")


def _show_enlarged(studio: Studio, job: Job, images: Sequence[ImageRecord]) -> None:
    if len(images) > 1:
        zip_button(studio, images, place="feed")
    for image in images:
        title = f"{image.title}, " if len(images) > 1 else ""
        if show_before_after(studio, image, place="feed"):
            st.caption(plain(f"{title}{size_of(image)}"))
            download_buttons(studio, image, place="feed")
            with st.container(horizontal=True, gap="small"):
                show_links(studio, image, "feed")


main()
