"""Explore a picture under noise: what diffusion models learn from, and what one makes of it."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from engine.jobs.records import Job
from engine.kept_photos import PhotoRef
from engine.noising.request import LEVELS, MOST_LEVELS, NoiseAndDenoise
from engine.picture_files import PHOTO_SUFFIXES
from engine.studio import Studio
from gallery.records import ImageRecord
from pages.generate.actions import show_links
from pages.generate.kept import START, address_of, kept_photo
from pages.parts.attention import show_status
from pages.parts.common import OWNER, PEOPLE_ERRORS, plain
from pages.parts.downloads import download_buttons
from pages.parts.feed import show_feed
from pages.parts.pictures import show_broken, show_picture
from pages.parts.submit import Press

PLACES = {"prompt": "noise_prompt", "levels": "noise_levels", "model": "noise_model", "image": "noise_file_"}
PRESS = Press("noise", places=PLACES)
CHOICES = [step / 10 for step in range(11)]


def show_noise(studio: Studio) -> None:
    """The form and what it made."""
    left, right = st.columns([2, 3], gap="large")
    with left:
        values = _form(studio)
        pressed = PRESS.button("Noise and denoise", ":material/grain:")
        show_status(studio, [NoiseAndDenoise.kind])
        PRESS.show_problems(values)
    if pressed:
        PRESS.ask(values, lambda key: _submit(studio, values, key))
    with right:
        show_feed(studio, NoiseAndDenoise.kind, _empty, _show_sheet)


def _form(studio: Studio) -> dict[str, Any]:
    photo = _picture(studio)
    prompt = st.text_area("What it shows", key="noise_prompt", help="The model reads this while it denoises")
    models = {info.name: info for info in studio.models() if info.available and not info.inpainting}
    usual = studio.default_model().name
    names = list(models)
    model = st.selectbox(
        "Model",
        names,
        index=names.index(usual) if usual in names else 0,
        format_func=lambda name: models[name].title,
        key="noise_model",
    )
    levels = st.multiselect(
        "Noise levels",
        CHOICES,
        default=list(LEVELS),
        format_func=lambda level: f"{level:.0%}",
        max_selections=MOST_LEVELS,
        key="noise_levels",
        help="Of the model's own noise schedule. 0 % is no noise at all: the picture as the model's autoencoder "
        "gives it back. 100 % is noise alone.",
    )
    return {"image": photo, "prompt": prompt, "model": model, "levels": tuple(sorted(levels))}


def _submit(studio: Studio, values: dict[str, Any], key: str) -> None:
    studio.submit(studio.request(NoiseAndDenoise.kind, values), key=key, owner=OWNER)


def _picture(studio: Studio) -> PhotoRef | None:
    """The picture that the address names, else a place to bring one."""
    name = st.query_params.get(START, "")
    try:
        photo = kept_photo(studio, name) if name else None
    except PEOPLE_ERRORS as error:
        show_broken(error)
        photo = None
    if photo is None:
        _upload(studio)
        return None
    st.button(
        plain(photo.name[:40]),
        key="noise_take_out",
        icon=":material/close:",
        type="tertiary",
        help="Take this picture out",
        on_click=lambda: st.query_params.pop(START, None),
        wrap=False,
    )
    return photo


def _upload(studio: Studio) -> None:
    turn = st.session_state.setdefault("noise_files", 0)
    file = st.file_uploader("Picture", type=PHOTO_SUFFIXES, key=f"noise_file_{turn}")
    if refused := st.session_state.pop("noise_file_refused", ""):
        st.warning(plain(refused), icon=":material/image_not_supported:")
    if file:
        try:
            st.query_params[START] = address_of(studio.add_photo(file.getvalue(), file.name))
        except PEOPLE_ERRORS as error:
            st.session_state.noise_file_refused = str(error)
        st.session_state.noise_files += 1  # an empty uploader: the file's bytes need not stay in memory
        st.rerun()


def _empty() -> None:
    st.markdown("## Choose a picture, then press Noise and denoise")
    st.caption(
        "A column for each noise level: the noisy latents in grey, what the model makes of them in all its steps, and "
        "what it makes of them in one step."
    )


def _show_sheet(studio: Studio, job: Job, images: Sequence[ImageRecord]) -> None:
    for image in images:
        if show_picture(studio, image, "stretch"):
            st.caption(plain(image.title))
            download_buttons(studio, image, place="feed")
            with st.container(horizontal=True, gap="small"):
                show_links(studio, image, "feed")
