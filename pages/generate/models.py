"""A model whose weights are not on this machine: what it is, and how to get it."""

import streamlit as st

from engine.errors import StudioError
from engine.jobs.records import Job
from engine.studio import Studio
from engine.weights.models import ModelInfo
from engine.weights.request import FetchModel
from pages.parts.common import OWNER, duration, plain, size_text
from pages.parts.submit import Press


def show_missing_model(studio: Studio, info: ModelInfo) -> None:
    """Describe the model and offer to download it or to use a copy that the artist has."""
    with st.container(border=True):
        st.markdown(f"**{plain(info.title)}** is not on this machine.")
        if info.about:
            st.caption(plain(info.about))
        if info.problem:
            st.warning(plain(info.problem))
        if info.hub_id:
            st.caption(f"Download: about {size_text(info.size_bytes)}. Licence: {plain(info.licence)}.")
            _download(studio, info)
        _own_copy(studio, info)


def _download(studio: Studio, info: ModelInfo) -> None:
    job = _latest_fetch(studio, info)
    if job is None or job.ended:
        if job is not None and job.error:
            st.error(plain(job.error), icon=":material/cloud_off:")
        label = "Try the download again" if job is not None and job.error else "Download"
        press = Press(f"download_{info.name}")
        press.show_problems()
        fetch = FetchModel(model=info.name)
        st.button(
            label,
            icon=":material/download:",
            on_click=press.now,
            args=(lambda key: studio.submit(fetch, owner=OWNER),),
        )
        return
    st.fragment(_progress, run_every=0.5)(studio, job.id)


def _progress(studio: Studio, job_id: str) -> None:
    job = studio.job(job_id)
    if job.ended:
        st.rerun()
    share = job.step / job.steps if job.steps else 0.0
    left = f", about {duration(job.seconds_left)} left" if job.seconds_left else ""
    st.progress(min(share, 1.0), f"{plain(job.stage or 'Waiting')}{left}")
    st.caption("It goes on when you close this page, and continues where it was after a restart.")
    st.button("Stop the download", on_click=studio.cancel, args=(job_id,), disabled=job.cancel_requested)


def _latest_fetch(studio: Studio, info: ModelInfo) -> Job | None:
    wanted = FetchModel(model=info.name)
    jobs = studio.jobs(owner=OWNER, kind=FetchModel.kind)
    return next((job for job in jobs if job.request == wanted), None)


def show_add_model(studio: Studio) -> None:
    """A small menu to add a model of the artist's own."""
    with st.popover("", icon=":material/add:", help="Add a model"):
        st.markdown("**Add a model**")
        st.caption("A Stable Diffusion folder in diffusers layout, a .safetensors file, or a hub id such as org/name.")
        _add_form(studio, "Path or hub id", "Add", None)


def _own_copy(studio: Studio, info: ModelInfo) -> None:
    _add_form(studio, "Or use your own copy: a diffusers folder or a .safetensors file", "Use it", info.name)


def _add_form(studio: Studio, label: str, button: str, name: str | None) -> None:
    with st.form(f"add_{name}", border=False):
        source = st.text_input(label, key=f"source_{name}")
        pressed = st.form_submit_button(button, key=f"use_{name}")
    if not pressed:
        return
    try:
        info = studio.add_model(source, name)
    except StudioError as error:
        st.error(plain(error), icon=":material/error:")
    else:
        st.session_state.added_model = info.name
        st.rerun()
