"""What the artist asked for: the job being drawn, those waiting, and the latest result."""

from collections.abc import Callable, Sequence

import streamlit as st

from engine.jobs.records import Job
from engine.jobs.schema import CANCELLED, DEVICE_LANES, FAILED, RUNNING
from engine.jobs.status import ABSENT, STARTING
from engine.rules import shortened
from engine.studio import Studio
from gallery.store import ImageRecord
from pages.parts.attention import active_jobs, announce_end, show_results_anchor
from pages.parts.common import GALLERY, OWNER, plain, show_problems, shown_width
from pages.parts.dialogs import any_open
from pages.parts.paused import show_paused
from pages.parts.pictures import show_thumbnail
from pages.parts.progress import progress_text, show_bar, stop_button

POLL_SECONDS = 0.5  # between looks at how far a job is
END_SECONDS = 0.1  # between looks whether one has ended: where nothing changed, SQLite says so in microseconds
MOST_WAITING = 10  # rows of waiting jobs; the rest is counted
RECENT = 20  # how far back the latest result is looked for


ShowImages = Callable[[Studio, Job, Sequence[ImageRecord]], None]


def show_feed(studio: Studio, kinds: str | Sequence[str], empty: Callable[[], None], show_images: ShowImages) -> None:
    """Show the artist's jobs of these kinds; while one is unfinished, look again twice a second.

    Nothing here lives in the session: after a refresh the same jobs are found in the database.

    Args:
        kinds: one, or several that a page has in one feed.
        empty: shown where nothing was asked for yet.
        show_images: shows the pictures of a job that has ended; there is at least one.
    """
    show_results_anchor()
    kinds = (kinds,) if isinstance(kinds, str) else tuple(kinds)
    active = _first_active(studio, kinds)
    watched = tuple(job.id for job in active)
    st.fragment(_active_jobs, run_every=POLL_SECONDS if active else None)(studio, kinds)
    if watched:
        every = END_SECONDS if studio.database.is_sqlite else POLL_SECONDS
        st.fragment(_End(studio, kinds, watched, show_images).look, run_every=every)()
    latest = latest_ended(studio, kinds)
    if latest is not None:
        _ended_job(studio, latest, show_images)
    elif not active:
        empty()


def _first_active(studio: Studio, kinds: Sequence[str]) -> list[Job]:
    """The running job and the first ones that wait, in the order in which they are drawn."""
    return active_jobs(studio, kinds, limit=1 + MOST_WAITING)


def latest_ended(studio: Studio, kinds: Sequence[str]) -> Job | None:
    """The job that ended last, which is not always the newest: later ones can be cancelled before it."""
    among = studio.queue.count_unfinished(OWNER, kinds) + RECENT
    return studio.queue.latest_ended(OWNER, kinds, among)


class _End:
    """Waits for the end of one of the jobs that the page watches, and shows what it made before the page runs again.

    One is made in each run of the page; between two runs the browser asks it.
    """

    def __init__(self, studio: Studio, kinds: Sequence[str], watched: Sequence[str], show_images: ShowImages):
        self._studio, self._kinds, self._watched, self._show_images = studio, kinds, watched, show_images
        self._version: int | None = None
        self._looks = 0
        self._shown = False

    def look(self) -> None:
        """The first look is within the page's own run, which shows what has ended until then itself."""
        self._looks += 1
        version = self._studio.database.data_version()
        if self._looks == 1 or (version == self._version and not self._shown):
            return
        ended = set(self._watched).difference(job.id for job in _first_active(self._studio, self._kinds))
        if not ended:
            self._version = version  # read before the jobs were: what changes meanwhile is seen at the next look
            return
        latest = latest_ended(self._studio, self._kinds)
        waits = any_open()  # a look draws its place anew, so what it showed is shown again
        if (waits or not self._shown) and latest is not None and latest.id in ended:
            self._shown = True
            _ended_job(self._studio, latest, self._show_images)
            return
        if not waits:
            announce_end(self._studio, sorted(ended))
            st.rerun()


def _active_jobs(studio: Studio, kinds: Sequence[str]) -> None:
    jobs = _first_active(studio, kinds)
    if jobs:
        _engine_state(studio, kinds)
        show_paused(studio, jobs)
    shown = 0
    for job in jobs:
        if job.state == RUNNING:
            _running_job(studio, job)
        elif shown < MOST_WAITING:
            _waiting_job(studio, job)
            shown += 1
    more = studio.queue.count_unfinished(OWNER, kinds) - shown - sum(job.state == RUNNING for job in jobs)
    if more > 0:
        st.caption(f"… and {more} more waiting")


def _engine_state(studio: Studio, kinds: Sequence[str]) -> None:
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
        _others_first(studio, kinds)


def _others_first(studio: Studio, kinds: Sequence[str]) -> None:
    """Say so when a training or another job without pictures holds the device, and offer to stop it."""
    for job in studio.jobs(running=True):
        if job.kind not in kinds and job.lane in DEVICE_LANES and not expected_pictures(studio, job):
            with st.container(border=True, horizontal=True, vertical_alignment="center"):
                words = f"{plain(studio.title(job))} is at work; what waits begins when that ends or is stopped."
                st.info(f"{words} {progress_text(studio, job)}", icon=":material/model_training:")
                stop_button(studio, job)


def expected_pictures(studio: Studio, job: Job) -> int:
    """How many pictures the job makes; 0 where that cannot be read."""
    return studio.kinds[job.kind].pictures(job.request) if job.request else 0


def _heading(studio: Studio, job: Job) -> str:
    """The job's title, cut where it would push the progress and the picture out of sight."""
    return shortened(studio.title(job))


def _running_job(studio: Studio, job: Job) -> None:
    with st.container(border=True):
        head, stop = st.columns([4, 1], vertical_alignment="center")
        head.text(_heading(studio, job))
        with stop:
            stop_button(studio, job)
        show_bar(job, progress_text(studio, job))
        preview = studio.preview(job.id)
        if preview:
            width = studio.kinds[job.kind].preview_width(job.request) if job.request else None
            st.image(preview, width=shown_width(width) if width else "stretch", alt="Preview")
        with st.container(horizontal=True):
            for image in studio.gallery.of_job(job.id):
                show_thumbnail(studio, image, 160, caption_of(image, told_apart(studio, job, image)))


def _waiting_job(studio: Studio, job: Job) -> None:
    with st.container(border=True):
        head, stop = st.columns([4, 1], vertical_alignment="center")
        ahead = studio.ahead_of(job)
        place = f"{ahead} ahead of you" if ahead else "next in line"
        head.text(f"{_heading(studio, job)}\nWaiting, {place}")
        with stop:
            stop_button(studio, job)


def _ended_job(studio: Studio, job: Job, show_images: ShowImages) -> None:
    images = studio.gallery.of_job(job.id)
    with st.container(border=True):
        st.text(_heading(studio, job))
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


def told_apart(studio: Studio, job: Job, image: ImageRecord) -> str:
    """What its job says that tells a picture from the others; mostly nothing, for its seed does."""
    if job.request is None or image.job_index is None:
        return ""
    return studio.kinds[job.kind].caption(job.request, image.job_index)


def caption_of(image: ImageRecord, told: str = "") -> str:
    """What tells a picture from the others of its job: what that job says, or its seed, or its title."""
    return plain(told or image.title) if told or image.seed is None else f"Seed {image.seed}"
