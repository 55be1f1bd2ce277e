"""How far a job is, in words, and the button that stops it."""

import streamlit as st

from engine.jobs.records import Job
from engine.studio import Studio
from pages.parts.common import duration, plain


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
