"""What a press started and how it ended, said where the eye is: a toast, a line by the button, the tab's title."""

from collections.abc import Sequence

import streamlit as st

from engine.jobs.records import Job
from engine.jobs.schema import RUNNING
from engine.studio import Studio
from pages.parts.common import OWNER, duration, plain

NAME = "Niji Studio"
STATUS_SECONDS = 1.0
RESULTS = "results"  # the anchor of the place where results are shown
_TOASTS, _ENDED = "toasts", "just_ended"


def toast(words: str) -> None:
    """Say it in the next run of the page: a run that is about to begin anew may lose its own."""
    st.session_state.setdefault(_TOASTS, []).append(words)


def announce_end(studio: Studio, job_ids: Sequence[str]) -> None:
    """Say that jobs have ended, before the page runs again to show what they made."""
    for job_id in job_ids:
        job = studio.job(job_id)
        toast(f"{job.state.capitalize()}: {studio.title(job)}")
    st.session_state[_ENDED] = True


def show_attention(page_title: str) -> None:
    """The page's heading for those who hear pages, the tab's title, and the toasts; once in every run."""
    st.html(f'<h1 class="only-heard">{page_title}</h1>')
    ended = st.session_state.pop(_ENDED, False)
    _tab_title("✓ Done" if ended else "", page_title)
    for words in st.session_state.pop(_TOASTS, []):
        st.toast(plain(words), icon=":material/notifications:")


def _tab_title(*words: str) -> None:
    st.set_page_config(page_title=" · ".join(filter(None, [*words, NAME])))


def show_results_anchor() -> None:
    """Mark the place of the results, for the link beside the button."""
    st.html(f'<span id="{RESULTS}"></span>')


def active_jobs(studio: Studio, kinds: Sequence[str]) -> list[Job]:
    """The artist's unfinished jobs of these kinds, the running one first."""
    jobs = [job for kind in kinds for job in studio.jobs(kind=kind, active=True, owner=OWNER, in_order=True)]
    return sorted(jobs, key=lambda job: job.state != RUNNING)


def show_status(studio: Studio, kinds: Sequence[str], page_title: str) -> None:
    """A line by the button while jobs of these kinds are unfinished, with progress, also in the tab's title."""
    with st.container():
        if active_jobs(studio, kinds):
            st.fragment(_status, run_every=STATUS_SECONDS)(studio, kinds, page_title)


def _status(studio: Studio, kinds: Sequence[str], page_title: str) -> None:
    jobs = active_jobs(studio, kinds)
    if not jobs:
        return
    words = _at_work(jobs[0]) if jobs[0].state == RUNNING else f"In the queue, {_ahead(studio, jobs[0])}"
    more = f", {len(jobs) - 1} more waiting" if len(jobs) > 1 else ""
    st.caption(f":material/hourglass_top: {words}{more}. [Show it](#{RESULTS})")
    _tab_title(_percent(jobs[0]), page_title)


def _at_work(job: Job) -> str:
    """Short: the whole stands where the results are."""
    left = f", about {duration(job.seconds_left)} left" if job.seconds_left and job.step < job.steps else ""
    return f"At work, {_percent(job).lower()}{left}"


def _ahead(studio: Studio, job: Job) -> str:
    if job.lane in studio.queue.lanes.paused():
        return "paused"
    ahead = studio.ahead_of(job)
    return f"{ahead} ahead of it" if ahead else "next in line"


def _percent(job: Job) -> str:
    if job.state != RUNNING:
        return "Waiting"
    return f"{100 * job.step // job.steps} %" if job.steps else "Starting"
