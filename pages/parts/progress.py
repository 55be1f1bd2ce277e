"""How far a job is, in words, and the button that stops it."""

import time

import streamlit as st

from engine.jobs.records import Job
from engine.studio import Studio
from pages.parts.common import duration, plain

SAID_AFTER = 2  # seconds of work, where nothing tells yet how long it takes


def show_bar(job: Job, words: str) -> None:
    """Its bar, with words."""
    st.progress(min(job.step / job.steps, 1.0) if job.steps else 0.0, words)


def progress_text(studio: Studio, job: Job) -> str:
    """Of a running job."""
    text = plain("Stopping at the next step" if job.cancel_requested else job.stage or "Starting")
    if job.steps and not job.cancel_requested:
        text += f", {_how_far(studio, job)}"
    if job.seconds_left is not None and job.step < job.steps and not job.cancel_requested:
        text += f", about {duration(job.seconds_left)} left"
    elif job.seconds_left is None and job.started_at and not job.cancel_requested:
        elapsed = time.time() - job.started_at
        text += f", {duration(elapsed)} so far" if elapsed >= SAID_AFTER else ""
    return text


def _how_far(studio: Studio, job: Job) -> str:
    if studio.kinds.stepwise(job.kind):
        return f"step {job.step} of {job.steps}"
    return f"{100 * job.step // job.steps} %"


def stop_button(studio: Studio, job: Job) -> None:
    """Cancel, or Pause where it can go on later."""
    st.button(
        "Pause" if job.request is not None and studio.kinds[job.kind].pausable else "Cancel",
        key=f"cancel_{job.id}",
        on_click=studio.cancel,
        args=(job.id,),
        disabled=job.cancel_requested,
        width="stretch",
    )


@st.fragment(run_every=0.5)
def show_download(studio: Studio, job_id: str) -> None:
    """A download that runs, with its button to stop; the page runs anew at its end."""
    job = studio.job(job_id)
    if job.ended:
        st.rerun()
    share = job.step / job.steps if job.steps else 0.0
    left = f", about {duration(job.seconds_left)} left" if job.seconds_left else ""
    st.progress(min(share, 1.0), f"{plain(job.stage or 'Waiting')}{left}")
    st.caption("It goes on when you close this page, and continues where it was after a restart.")
    st.button(
        "Stop the download",
        key=f"stop_{job_id}",
        on_click=studio.cancel,
        args=(job_id,),
        disabled=job.cancel_requested,
    )
