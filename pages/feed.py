"""What the artist asked for: the job being drawn, those waiting, and the latest result."""

from collections.abc import Callable, Sequence

import streamlit as st

from engine.jobs.queue import Job
from engine.jobs.schema import CANCELLED, FAILED, RUNNING
from engine.jobs.status import ABSENT, STARTING
from engine.requests import TextToImage
from engine.studio import Studio
from gallery.store import ImageRecord
from pages.common import GALLERY, OWNER, duration, plain, show_problems, shown_width
from pages.downloads import download_buttons

POLL_SECONDS = 0.5


def show_feed(studio: Studio, empty: Callable[[], None]) -> None:
    """Show the artist's jobs; while one is unfinished, look again twice a second.

    Nothing here lives in the session: after a refresh the same jobs are found in the database.
    """
    jobs = [job for job in studio.jobs(owner=OWNER, limit=20) if isinstance(job.request, TextToImage)]
    active = [job for job in jobs if not job.ended]
    watched = tuple(job.id for job in active)
    st.fragment(_active_jobs, run_every=POLL_SECONDS if active else None)(studio, watched)
    latest = next((job for job in jobs if job.ended), None)
    if latest is not None:
        _ended_job(studio, latest)
    elif not active:
        empty()


def _active_jobs(studio: Studio, watched: tuple[str, ...]) -> None:
    jobs = [studio.job(job_id) for job_id in watched]
    if any(job.ended for job in jobs):
        st.rerun()
    if jobs:
        _engine_state(studio)
    for job in sorted(jobs, key=lambda job: (job.state != RUNNING, job.id)):
        if job.state == RUNNING:
            _running_job(studio, job)
        else:
            _waiting_job(studio, job)


def _engine_state(studio: Studio) -> None:
    engine = studio.engine()
    if engine.problem:
        st.error(plain(engine.problem), icon=":material/error:")
    elif engine.state == STARTING:
        st.info(
            "The engine is starting. Your picture begins in a few seconds.", icon=":material/hourglass_top:"
        )
    elif engine.state == ABSENT:
        st.warning(
            "The engine is not running yet. Your picture is kept in the queue and begins as soon as it does.",
            icon=":material/hourglass_disabled:",
        )


def _running_job(studio: Studio, job: Job) -> None:
    with st.container(border=True):
        head, stop = st.columns([4, 1], vertical_alignment="center")
        head.text(job.request.prompt)
        stop.button(
            "Cancel",
            key=f"cancel_{job.id}",
            on_click=studio.cancel,
            args=(job.id,),
            disabled=job.cancel_requested,
            width="stretch",
        )
        st.progress(min(job.step / job.steps, 1.0) if job.steps else 0.0, _progress_text(job))
        preview = studio.preview(job.id)
        if preview:
            st.image(preview, width=shown_width(job.request.width))
        _thumbnails(studio, studio.gallery.of_job(job.id))


def _progress_text(job: Job) -> str:
    if job.cancel_requested:
        return "Stopping at the next step"
    text = plain(job.stage or "Starting")
    if job.steps:
        text += f", step {job.step} of {job.steps}"
    if job.seconds_left is not None and job.step < job.steps:
        text += f", about {duration(job.seconds_left)} left"
    return text


def _waiting_job(studio: Studio, job: Job) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        ahead = studio.ahead_of(job)
        place = f"{ahead} ahead of you" if ahead else "next in line"
        st.text(f"{job.request.prompt}\nWaiting, {place}")
        st.button("Cancel", key=f"cancel_{job.id}", on_click=studio.cancel, args=(job.id,))


def _ended_job(studio: Studio, job: Job) -> None:
    images = studio.gallery.of_job(job.id)
    with st.container(border=True):
        st.text(job.request.prompt)
        if job.state == FAILED:
            show_problems({"job": job.error or "It failed without a reason."}, "job")
        elif job.state == CANCELLED:
            kept = "What was finished is kept." if images else ""
            st.info(f"Cancelled. {kept}", icon=":material/cancel:")
        for note in job.notes:
            st.warning(plain(note), icon=":material/info:")
        _images(studio, images, job.request.num_images)
        if images:
            st.page_link(GALLERY, label="Open the gallery", icon=":material/photo_library:")


def _thumbnails(studio: Studio, images: Sequence[ImageRecord]) -> None:
    """The finished pictures of a running job: small, since they are drawn anew twice a second."""
    with st.container(horizontal=True):
        for image in images:
            st.image(studio.gallery.thumbnail(image.id), caption=f"Seed {image.seed}", width=160)


def _images(studio: Studio, images: Sequence[ImageRecord], expected: int) -> None:
    if not images:
        return
    grid = st.grid(1 if expected == 1 else 2)
    for image in images:
        with grid.container():
            st.image(studio.gallery.png(image.id), width="stretch" if expected > 1 else shown_width(image.width))
            st.caption(f"Seed {image.seed}")
            download_buttons(studio, image, place="feed")
