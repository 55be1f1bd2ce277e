"""The jobs of some kinds that are at work or waiting: with progress, time left and a way to stop them."""

from collections.abc import Callable, Sequence

import streamlit as st

from engine.jobs.records import Job
from engine.jobs.schema import RUNNING
from engine.jobs.status import ABSENT
from engine.studio import Studio
from pages.parts.attention import active_jobs, announce_end, show_results_anchor
from pages.parts.common import plain
from pages.parts.dialogs import any_open
from pages.parts.paused import show_paused
from pages.parts.progress import progress_text, show_bar, stop_button

POLL_SECONDS = 1.0


def show_jobs(studio: Studio, kinds: Sequence[str], more: Callable[[Job], None] = lambda job: None) -> list[Job]:
    """Show the unfinished jobs of these kinds and look again every second while there are some.

    Args:
        more: shows what else there is about a running job.

    Returns:
        These jobs, the running one first.
    """
    show_results_anchor()
    active = active_jobs(studio, kinds)
    watched = tuple(job.id for job in active)
    st.fragment(_show, run_every=POLL_SECONDS if active else None)(studio, kinds, watched, more)
    return active


def _show(studio: Studio, kinds: Sequence[str], watched: tuple[str, ...], more: Callable[[Job], None]) -> None:
    jobs = active_jobs(studio, kinds)
    ended = set(watched).difference(job.id for job in jobs)
    if ended and not any_open():
        announce_end(studio, sorted(ended))
        st.rerun()  # one of them has ended: its result is shown outside of this part of the page
    show_paused(studio, jobs)
    for job in jobs:
        with st.container(border=True):
            _job(studio, job)
            if job.state == RUNNING:
                more(job)


def _job(studio: Studio, job: Job) -> None:
    head, stop = st.columns([4, 1], vertical_alignment="center")
    head.markdown(f"**{plain(studio.title(job))}**")
    with stop:
        stop_button(studio, job)
    show_bar(job, progress_text(studio, job) if job.state == RUNNING else _waiting(studio))


def _waiting(studio: Studio) -> str:
    engine = studio.engine()
    if engine.state == ABSENT:
        return plain(engine.problem or "Waiting: the engine is not running yet")
    return "Waiting for its turn; drawings and earlier jobs go first, see Queue"
