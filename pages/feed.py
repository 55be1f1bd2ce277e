"""What the artist asked for: the job being drawn, those waiting, and the latest result."""

from collections.abc import Callable, Sequence

import streamlit as st

from engine.jobs.records import Job
from engine.jobs.schema import CANCELLED, FAILED, RUNNING
from engine.jobs.status import ABSENT, STARTING
from engine.requests import TextToImage
from engine.studio import Studio
from gallery.store import ImageRecord
from pages.common import GALLERY, OWNER, duration, plain, show_problems, shown_width
from pages.downloads import download_buttons
from pages.pictures import show_picture, show_thumbnail

POLL_SECONDS = 0.5
MOST_WAITING = 10  # rows of waiting jobs; the rest is counted
RECENT = 20  # how far back the latest result is looked for


def show_feed(studio: Studio, empty: Callable[[], None]) -> None:
    """Show the artist's jobs; while one is unfinished, look again twice a second.

    Nothing here lives in the session: after a refresh the same jobs are found in the database.
    """
    active = _first_active(studio)
    watched = tuple(job.id for job in active)
    st.fragment(_active_jobs, run_every=POLL_SECONDS if active else None)(studio, watched)
    latest = _latest_ended(studio)
    if latest is not None:
        _ended_job(studio, latest)
    elif not active:
        empty()


def _first_active(studio: Studio) -> list[Job]:
    """The running job and the first ones that wait, in the order in which they are drawn."""
    limit = 1 + MOST_WAITING
    jobs = studio.jobs(owner=OWNER, kind=TextToImage.kind, active=True, oldest_first=True, limit=limit)
    return sorted(jobs, key=lambda job: (job.state != RUNNING, job.id))


def _latest_ended(studio: Studio) -> Job | None:
    """The job that ended last, which is not always the newest: later ones can be cancelled before it."""
    limit = _unfinished(studio) + RECENT
    jobs = studio.jobs(owner=OWNER, kind=TextToImage.kind, limit=limit)
    return max((job for job in jobs if job.ended), key=lambda job: job.finished_at or 0.0, default=None)


def _unfinished(studio: Studio) -> int:
    newest = studio.jobs(owner=OWNER, kind=TextToImage.kind, active=True, limit=1)
    return studio.ahead_of(newest[0]) + 1 if newest else 0


def _active_jobs(studio: Studio, watched: tuple[str, ...]) -> None:
    jobs = _first_active(studio)
    if not set(watched) <= {job.id for job in jobs}:
        st.rerun()  # one of them has ended: its result is shown outside of this part of the page
    if jobs:
        _engine_state(studio)
    shown = 0
    for job in jobs:
        if job.state == RUNNING:
            _running_job(studio, job)
        elif shown < MOST_WAITING:
            _waiting_job(studio, job)
            shown += 1
    more = _unfinished(studio) - shown - sum(job.state == RUNNING for job in jobs)
    if more > 0:
        st.caption(f"… and {more} more waiting")


def _engine_state(studio: Studio) -> None:
    engine = studio.engine()
    if engine.problem:
        st.error(plain(engine.problem), icon=":material/error:")
    elif engine.state == STARTING:
        st.info("The engine is starting. Your picture begins in a few seconds.", icon=":material/hourglass_top:")
    elif engine.state == ABSENT:
        st.warning(
            "The engine is not running yet. Your picture is kept in the queue and begins as soon as it does.",
            icon=":material/hourglass_disabled:",
        )


def _prompt(job: Job) -> str:
    if job.request is None:
        return "A job of another version of the studio; its prompt cannot be read."
    return job.request.prompt


def _running_job(studio: Studio, job: Job) -> None:
    with st.container(border=True):
        head, stop = st.columns([4, 1], vertical_alignment="center")
        head.text(_prompt(job))
        with stop:
            _cancel_button(studio, job)
        st.progress(min(job.step / job.steps, 1.0) if job.steps else 0.0, _progress_text(job))
        preview = studio.preview(job.id)
        if preview:
            st.image(preview, width=shown_width(job.request.width) if job.request else "stretch")
        with st.container(horizontal=True):
            for image in studio.gallery.of_job(job.id):
                show_thumbnail(studio, image, 160, f"Seed {image.seed}")


def _cancel_button(studio: Studio, job: Job) -> None:
    st.button(
        "Cancel",
        key=f"cancel_{job.id}",
        on_click=studio.cancel,
        args=(job.id,),
        disabled=job.cancel_requested,
        width="stretch",
    )


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
    with st.container(border=True):
        head, stop = st.columns([4, 1], vertical_alignment="center")
        ahead = studio.ahead_of(job)
        place = f"{ahead} ahead of you" if ahead else "next in line"
        head.text(f"{_prompt(job)}\nWaiting, {place}")
        with stop:
            _cancel_button(studio, job)


def _ended_job(studio: Studio, job: Job) -> None:
    images = studio.gallery.of_job(job.id)
    with st.container(border=True):
        st.text(_prompt(job))
        if job.state == FAILED:
            show_problems({"job": job.error or "It failed without a reason."}, "job")
        elif job.state == CANCELLED:
            kept = "What was finished is kept." if images else ""
            st.info(f"Cancelled. {kept}", icon=":material/cancel:")
        for note in job.notes:
            st.warning(plain(note), icon=":material/info:")
        _images(studio, images, job.request.num_images if job.request else len(images))
        if images:
            st.page_link(GALLERY, label="Open the gallery", icon=":material/photo_library:")


def _images(studio: Studio, images: Sequence[ImageRecord], expected: int) -> None:
    if not images:
        return
    grid = st.grid(1 if expected == 1 else 2)
    for image in images:
        with grid.container():
            shown = show_picture(studio, image, "stretch" if expected > 1 else shown_width(image.width))
            st.caption(f"Seed {image.seed}")
            if shown:
                download_buttons(studio, image, place="feed")
