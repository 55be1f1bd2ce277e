"""The long jobs at work or waiting: trainings, evaluations, grids; with progress, time left and a way to stop them."""

from collections.abc import Callable, Sequence

import streamlit as st

from engine.jobs.records import Job
from engine.jobs.schema import RUNNING
from engine.jobs.status import ABSENT
from engine.lora.requests import EvaluateLora, LoraGrid, PromoteLora, TrainLora
from engine.studio import Studio
from pages.parts.common import OWNER, duration, plain

POLL_SECONDS = 1.0
MEASURING = (EvaluateLora.kind, LoraGrid.kind, PromoteLora.kind)


def show_working(studio: Studio, kinds: Sequence[str], more: Callable[[Job], None] = lambda job: None) -> list[Job]:
    """Show the unfinished jobs of these kinds and look again every second while there are some.

    Args:
        more: shows what else there is about a running job.

    Returns:
        These jobs, the running one first.
    """
    active = _active(studio, kinds)
    watched = tuple(job.id for job in active)
    st.fragment(_show, run_every=POLL_SECONDS if active else None)(studio, kinds, watched, more)
    return active


def title_of(job: Job) -> str:
    """What a job about a LoRA does, for people."""
    request = job.request
    if isinstance(request, TrainLora):
        return f"Training {request.name}"
    if isinstance(request, EvaluateLora):
        return f"Evaluating {request.lora}"
    if isinstance(request, LoraGrid):
        return f"Comparing checkpoints of {request.name}"
    if isinstance(request, PromoteLora):
        return f"Promoting {request.checkpoint} of {request.name}"
    return "A job of another version of the studio"


def _active(studio: Studio, kinds: Sequence[str]) -> list[Job]:
    jobs = [job for kind in kinds for job in studio.jobs(kind=kind, active=True, owner=OWNER)]
    return sorted(jobs, key=lambda job: (job.state != RUNNING, job.id))


def _show(studio: Studio, kinds: Sequence[str], watched: tuple[str, ...], more: Callable[[Job], None]) -> None:
    jobs = _active(studio, kinds)
    if not set(watched) <= {job.id for job in jobs}:
        st.rerun()  # one of them has ended: its result is shown outside of this part of the page
    for job in jobs:
        with st.container(border=True):
            _job(studio, job)
            if job.state == RUNNING:
                more(job)


def _job(studio: Studio, job: Job) -> None:
    head, stop = st.columns([4, 1], vertical_alignment="center")
    head.markdown(f"**{plain(title_of(job))}**")
    with stop:
        st.button(
            "Pause" if isinstance(job.request, TrainLora) else "Cancel",
            key=f"stop_{job.id}",
            on_click=studio.cancel,
            args=(job.id,),
            disabled=job.cancel_requested,
            width="stretch",
        )
    st.progress(min(job.step / job.steps, 1.0) if job.steps else 0.0, _words(studio, job))


def _words(studio: Studio, job: Job) -> str:
    if job.state != RUNNING:
        return _waiting(studio)
    text = plain("Stopping at the next step" if job.cancel_requested else job.stage or "Starting")
    if job.steps:
        text += f", step {job.step} of {job.steps}"
    if job.seconds_left is not None and job.step < job.steps:
        text += f", about {duration(job.seconds_left)} left"
    return text


def _waiting(studio: Studio) -> str:
    engine = studio.engine()
    if engine.state == ABSENT:
        return plain(engine.problem or "Waiting: the engine is not running yet")
    return "Waiting for its turn; drawings and earlier jobs go first"
