"""What the artist asked for: the job being drawn, those waiting, and the latest result."""

from collections.abc import Callable, Sequence

import streamlit as st

from engine.diffusion.request import TextToImage, TrainLora, Translate
from engine.jobs.records import Job
from engine.jobs.schema import CANCELLED, FAILED, RUNNING
from engine.jobs.status import ABSENT, STARTING
from engine.studio import Studio
from gallery.store import ImageRecord
from pages.parts.common import GALLERY, OWNER, duration, plain, show_problems, shown_width
from pages.parts.downloads import download_buttons
from pages.parts.pictures import show_picture, show_thumbnail
from pages.parts.working import MEASURING, title_of

POLL_SECONDS = 0.5
MOST_WAITING = 10  # rows of waiting jobs; the rest is counted
RECENT = 20  # how far back the latest result is looked for


ShowImages = Callable[[Studio, Job, Sequence[ImageRecord]], None]


def show_feed(studio: Studio, kind: str, empty: Callable[[], None], show_images: ShowImages) -> None:
    """Show the artist's jobs of a kind; while one is unfinished, look again twice a second.

    Nothing here lives in the session: after a refresh the same jobs are found in the database.

    Args:
        empty: shown where nothing was asked for yet.
        show_images: shows the pictures of a job that has ended; there is at least one.
    """
    active = _first_active(studio, kind)
    watched = tuple(job.id for job in active)
    st.fragment(_active_jobs, run_every=POLL_SECONDS if active else None)(studio, kind, watched)
    latest = _latest_ended(studio, kind)
    if latest is not None:
        _ended_job(studio, latest, show_images)
    elif not active:
        empty()


def _first_active(studio: Studio, kind: str) -> list[Job]:
    """The running job and the first ones that wait, in the order in which they are drawn."""
    limit = 1 + MOST_WAITING
    jobs = studio.jobs(owner=OWNER, kind=kind, active=True, oldest_first=True, limit=limit)
    return sorted(jobs, key=lambda job: (job.state != RUNNING, job.id))


def _latest_ended(studio: Studio, kind: str) -> Job | None:
    """The job that ended last, which is not always the newest: later ones can be cancelled before it."""
    limit = _unfinished(studio, kind) + RECENT
    jobs = studio.jobs(owner=OWNER, kind=kind, limit=limit)
    return max((job for job in jobs if job.ended), key=lambda job: job.finished_at or 0.0, default=None)


def _unfinished(studio: Studio, kind: str) -> int:
    newest = studio.jobs(owner=OWNER, kind=kind, active=True, limit=1)
    return studio.ahead_of(newest[0]) + 1 if newest else 0


def _active_jobs(studio: Studio, kind: str, watched: tuple[str, ...]) -> None:
    jobs = _first_active(studio, kind)
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
    more = _unfinished(studio, kind) - shown - sum(job.state == RUNNING for job in jobs)
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
    else:
        _training_first(studio)


def _training_first(studio: Studio) -> None:
    """Say so when a training holds the device, and offer to pause it."""
    trainings = [job for kind in (TrainLora.kind, *MEASURING) for job in studio.jobs(kind=kind, active=True)]
    for job in trainings:
        if job.state == RUNNING:
            with st.container(border=True, horizontal=True, vertical_alignment="center"):
                words = f"{plain(title_of(job))} is at work; what waits begins when that ends or is stopped."
                st.info(f"{words} {_progress_text(job)}", icon=":material/model_training:")
                _cancel_button(studio, job, "Pause" if isinstance(job.request, TrainLora) else "Cancel")


def _title(job: Job) -> str:
    if isinstance(job.request, TextToImage):
        return job.request.prompt
    if isinstance(job.request, Translate):
        names = [photo.name for photo in job.request.photos]
        return names[0] if len(names) == 1 else f"{len(names)} photos: {', '.join(names[:3])}{', …' * (len(names) > 3)}"
    return "A job of another version of the studio; what it asks for cannot be read."


def _expected(job: Job) -> int:
    """How many pictures the job makes; 0 where that cannot be read."""
    if isinstance(job.request, TextToImage):
        return job.request.num_images
    return len(job.request.photos) if isinstance(job.request, Translate) else 0


def _running_job(studio: Studio, job: Job) -> None:
    with st.container(border=True):
        head, stop = st.columns([4, 1], vertical_alignment="center")
        head.text(_title(job))
        with stop:
            _cancel_button(studio, job)
        st.progress(min(job.step / job.steps, 1.0) if job.steps else 0.0, _progress_text(job))
        preview = studio.preview(job.id)
        if preview:
            st.image(
                preview, width=shown_width(job.request.width) if isinstance(job.request, TextToImage) else "stretch"
            )
        with st.container(horizontal=True):
            for image in studio.gallery.of_job(job.id):
                show_thumbnail(studio, image, 160, caption_of(image))


def _cancel_button(studio: Studio, job: Job, label: str = "Cancel") -> None:
    st.button(
        label,
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
        head.text(f"{_title(job)}\nWaiting, {place}")
        with stop:
            _cancel_button(studio, job)


def _ended_job(studio: Studio, job: Job, show_images: ShowImages) -> None:
    images = studio.gallery.of_job(job.id)
    with st.container(border=True):
        st.text(_title(job))
        if job.state == FAILED:
            show_problems({"job": job.error or "It failed without a reason."}, "job")
        elif job.state == CANCELLED:
            kept = "What was finished is kept." if images else ""
            st.info(f"Cancelled. {kept}", icon=":material/cancel:")
        for note in job.notes:
            st.warning(plain(note), icon=":material/info:")
        if images:
            show_images(studio, job, images)
            st.page_link(GALLERY, label="Open the gallery", icon=":material/photo_library:")


def show_drawings(studio: Studio, job: Job, images: Sequence[ImageRecord]) -> None:
    """The pictures of a text-to-image job with their downloads, two in a row."""
    single = _expected(job) <= 1
    grid = st.grid(1 if single else 2)
    for image in images:
        with grid.container():
            shown = show_picture(studio, image, shown_width(image.width) if single else "stretch")
            st.caption(caption_of(image))
            if shown:
                download_buttons(studio, image, place="feed")


def caption_of(image: ImageRecord) -> str:
    """What tells a picture from the others of its job."""
    return plain(image.prompt) if image.seed is None else f"Seed {image.seed}"
