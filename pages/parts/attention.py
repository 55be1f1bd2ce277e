"""What a press started and how it ended, said where the eye is: a toast, a line by the button, the tab's title."""

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress

import streamlit as st

from engine.errors import NotFound
from engine.jobs.records import Job
from engine.jobs.schema import FAILED, RUNNING, SUCCEEDED
from engine.studio import Studio
from pages.parts.common import OWNER, duration, plain

NAME = "Niji Studio"
STATUS_SECONDS = 1.0
MOST_TOASTS = 3  # at once
RESULTS = "results"  # the anchor of the place where results are shown
_TOASTS, _MARK = "toasts", "mark_of_the_end"
_UNFINISHED, _TOLD = "unfinished_jobs", "ends_that_were_told"


def toast(words: str) -> None:
    """Say it in the next run of the page: a run that is about to begin anew may lose its own."""
    st.session_state.setdefault(_TOASTS, []).append(words)


def _show_toasts(place: str, toasts: Iterable[str]) -> None:
    """In the page: where Streamlit has its own, they stand in the places of dialogs, and an open one would close.

    Their place is there in each run, since one that comes and goes moves all that follows: lists would close, and what
    is typed and not entered would be lost.
    """
    shown = st.container(key=f"{_TOASTS}_{place}")
    for words in toasts:
        shown.toast(plain(words), icon=":material/notifications:")


def announce_end(studio: Studio, job_ids: Iterable[str]) -> None:
    """Say that jobs have ended, before the page runs again to show what they made."""
    jobs = _untold(studio, job_ids)
    for words in _ends(studio, jobs):
        toast(words)
    if jobs:
        st.session_state[_MARK] = _mark(jobs)


def show_attention(page_title: str) -> None:
    """The page's heading for those who hear pages, the tab's title, and the toasts; once in every run."""
    st.html(f'<h1 class="only-heard">{page_title}</h1>')
    _tab_title(st.session_state.pop(_MARK, ""), page_title)
    _show_toasts("asked", st.session_state.pop(_TOASTS, []))


def show_ends(studio: Studio, page_title: str) -> bool:
    """Say on any page, also while nothing is pressed, which of the artist's jobs have ended since the last look.

    Each is said once in a browser session, on whichever page that is; the tab's title shows how far the others are.

    Returns:
        Whether some are unfinished.
    """
    unfinished = studio.queue.unfinished(OWNER)
    jobs = _untold(studio, st.session_state.get(_UNFINISHED, unfinished) - unfinished)
    st.session_state[_UNFINISHED] = unfinished
    _show_toasts("ended", _ends(studio, jobs))
    if jobs or unfinished:
        _tab_title(_mark(jobs) or (_progress(studio) if unfinished else ""), page_title)
    return bool(unfinished)


def _untold(studio: Studio, job_ids: Iterable[str]) -> list[Job]:
    """Those of which the end was not said yet in this session; from now on it was."""
    told = st.session_state.setdefault(_TOLD, set())
    jobs = []
    for job_id in sorted(set(job_ids) - told):
        with suppress(NotFound):  # its row is gone
            jobs.append(studio.job(job_id))
    ended = [job for job in jobs if job.ended]  # another may only have gone further back in the queue
    told.update(job.id for job in ended)
    return ended


def _ends(studio: Studio, jobs: Sequence[Job]) -> list[str]:
    """Each by its title; of many at once, as where all were cancelled, how many they are."""
    if len(jobs) <= MOST_TOASTS:
        return [f"{job.state.capitalize()}: {studio.title(job)}" for job in jobs]
    states = Counter(job.state for job in jobs)
    return [f"{len(jobs)} jobs have ended: {', '.join(f'{count} {state}' for state, count in states.items())}"]


def _mark(jobs: Sequence[Job]) -> str:
    states = {job.state for job in jobs}
    return "✗ Failed" if FAILED in states else "✓ Done" if SUCCEEDED in states else ""


def _progress(studio: Studio) -> str:
    """Of the artist's job that is at work."""
    running = [job for job in studio.jobs(running=True, owner=OWNER) if not job.ended]
    return _percent(running[-1]) if running else "Waiting"


def _tab_title(*words: str) -> None:
    st.set_page_config(page_title=" · ".join(filter(None, [*words, NAME])))


def show_results_anchor() -> None:
    """Mark the place of the results, for the link beside the button."""
    st.html(f'<span id="{RESULTS}"></span>')


def active_jobs(studio: Studio, kinds: Sequence[str], limit: int = 50) -> list[Job]:
    """The artist's first unfinished jobs of these kinds, the running one first, then as they will be begun."""
    jobs = studio.jobs(kind=kinds, active=True, owner=OWNER, in_order=True, limit=limit)
    if len(jobs) < 2:  # looks that come many times a second ask no more than this
        return jobs
    return sorted(jobs, key=lambda job: (job.state != RUNNING, studio.ahead_of(job)))


def show_status(studio: Studio, kinds: Sequence[str]) -> None:
    """A line by the button while jobs of these kinds are unfinished, with progress."""
    with st.container():
        if active_jobs(studio, kinds):
            st.fragment(_status, run_every=STATUS_SECONDS)(studio, kinds)


def _status(studio: Studio, kinds: Sequence[str]) -> None:
    jobs = active_jobs(studio, kinds)
    if not jobs:
        return
    words = _at_work(jobs[0]) if jobs[0].state == RUNNING else f"In the queue, {_ahead(studio, jobs[0])}"
    more = f", {len(jobs) - 1} more waiting" if len(jobs) > 1 else ""
    st.caption(f":material/hourglass_top: {words}{more}. [Show it](#{RESULTS})")


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
