"""Evaluations that did not come to their end: why, and how they go on."""

import streamlit as st

from engine.jobs.records import Job
from engine.jobs.schema import FAILED, SUCCEEDED
from engine.lora import evaluations
from engine.lora.by_eye.request import JudgeByEye
from engine.lora.by_eye.rounds import is_made
from engine.lora.evaluations import Subject
from engine.lora.requests import EvaluateLora, LoraGrid, PromoteLora
from engine.studio import Studio
from pages.parts.common import OWNER, plain, show_problems, when
from pages.parts.submit import Press

MEASURING = (EvaluateLora.kind, LoraGrid.kind, JudgeByEye.kind, PromoteLora.kind)
RECENT = 20  # jobs of each kind that are looked through


def show_stopped(studio: Studio, subject: Subject) -> None:
    """For each kind, the newest job about this LoRA, where it failed or was stopped."""
    for kind in MEASURING:
        jobs = [job for job in studio.jobs(kind=kind, owner=OWNER, limit=RECENT) if _is_about(job, subject)]
        if jobs and jobs[0].ended and not _is_done(studio, jobs[0]):
            with st.container(border=True):
                _stopped(studio, subject, jobs[0])


def _is_about(job: Job, subject: Subject) -> bool:
    if isinstance(job.request, EvaluateLora):
        return subject.lora is not None and job.request.lora == subject.lora.name
    return isinstance(job.request, LoraGrid | JudgeByEye | PromoteLora) and job.request.run == subject.run


def _is_done(studio: Studio, job: Job) -> bool:
    """Also a success whose report was deleted since."""
    if isinstance(job.request, PromoteLora):
        return job.state != FAILED
    if isinstance(job.request, JudgeByEye):
        return job.state == SUCCEEDED or is_made(studio.settings.home, job.request)
    finished = isinstance(job.request, EvaluateLora | LoraGrid) and evaluations.is_finished(
        studio.settings, job.request.evaluation
    )
    return job.state == SUCCEEDED or finished


def _stopped(studio: Studio, subject: Subject, job: Job) -> None:
    can_go_on = _can_go_on(studio, subject, job)
    st.markdown(f"**{plain(studio.title(job))}** · {when(job.created_at)}")
    if job.state == FAILED:
        show_problems({"job": job.error or "It failed without a reason."}, "job")
    elif can_go_on:
        st.caption("Stopped. What was drawn and measured is kept.")
    else:
        st.caption("Stopped. It cannot go on: the LoRA was replaced, or its files were deleted. Begin a new one.")
    if can_go_on:
        st.button("Go on", key=f"go_on_{job.id}", icon=":material/play_arrow:", on_click=_go_on, args=(studio, job))
    _press(job).show_problems()


def _can_go_on(studio: Studio, subject: Subject, job: Job) -> bool:
    if isinstance(job.request, EvaluateLora | LoraGrid | JudgeByEye | PromoteLora):
        return evaluations.can_go_on(studio.settings, job.request, subject.lora)
    return False


def _press(job: Job) -> Press:
    return Press(f"go_on_{job.id}")


def _go_on(studio: Studio, job: Job) -> None:
    """Ask for the same again: it finds what is there already. However often it is pressed, it is one job."""
    _press(job).now(lambda key: studio.submit(job.request, key=f"go-on-{job.id}", owner=OWNER))
