"""The training runs: the one at work with its losses, those that ended with what they gave."""

from pathlib import Path
from typing import Any

import streamlit as st
from ulid import ULID

from engine import fine_tuning
from engine.jobs.records import Job
from engine.jobs.schema import FAILED, RUNNING
from engine.lora_requests import EvaluateLora, TrainLora
from engine.studio import Studio
from engine.training.lora_runs import RunInfo, newest_runs, run_info
from engine.weights.files import read_json
from pages.common import OWNER, PEOPLE_ERRORS, duration, plain, show_problems, when

POLL_SECONDS = 1.0
SHOWN = 8
SMOOTH = 20  # steps over which the shown loss is averaged


def show_runs(studio: Studio) -> None:
    """Everything about trainings; while one is unfinished, look again every second."""
    active = _active(studio)
    st.fragment(_active_jobs, run_every=POLL_SECONDS if active else None)(studio, tuple(job.id for job in active))
    busy = {job.request.run for job in active if isinstance(job.request, TrainLora)}
    runs = newest_runs(studio.settings.runs_dir, SHOWN)
    ended = [info for info in runs if info.run not in busy]
    if not active and not ended:
        st.markdown("#### Nothing was trained yet")
        st.caption("Choose pictures on the left. A training goes on when you close this page.")
    for info in ended:
        _ended_run(studio, info)


def _active(studio: Studio) -> list[Job]:
    kinds = (TrainLora.kind, EvaluateLora.kind)
    jobs = [job for kind in kinds for job in studio.jobs(kind=kind, active=True, owner=OWNER)]
    return sorted(jobs, key=lambda job: (job.state != RUNNING, job.id))


def _active_jobs(studio: Studio, watched: tuple[str, ...]) -> None:
    jobs = _active(studio)
    if not set(watched) <= {job.id for job in jobs}:
        st.rerun()
    for job in jobs:
        with st.container(border=True):
            _active_job(studio, job)


def _active_job(studio: Studio, job: Job) -> None:
    training = isinstance(job.request, TrainLora)
    name = job.request.name if isinstance(job.request, TrainLora) else getattr(job.request, "lora", "")
    head, stop = st.columns([4, 1], vertical_alignment="center")
    head.markdown(f"**{'Training' if training else 'Evaluating'} {plain(name)}**")
    label = "Pause" if training else "Cancel"
    with stop:
        cancel = {"on_click": studio.cancel, "args": (job.id,), "disabled": job.cancel_requested, "width": "stretch"}
        st.button(label, key=f"stop_{job.id}", **cancel)
    st.progress(min(job.step / job.steps, 1.0) if job.steps else 0.0, _words(job))
    if isinstance(job.request, TrainLora) and job.state == RUNNING:
        info = _info(studio, job.request.run)
        if info:
            _losses(info)
            _samples(info, newest=1)


def _words(job: Job) -> str:
    if job.state != RUNNING:
        return "Waiting for its turn; drawings go first"
    text = plain("Stopping at the next step" if job.cancel_requested else job.stage or "Starting")
    if job.steps:
        text += f", step {job.step} of {job.steps}"
    if job.seconds_left is not None and job.step < job.steps:
        text += f", about {duration(job.seconds_left)} left"
    return text


def _info(studio: Studio, run: str) -> RunInfo | None:
    try:
        return run_info(studio.settings.runs_dir / run)
    except PEOPLE_ERRORS:
        return None


def _losses(info: RunInfo) -> None:
    """The loss of training, smoothed, and the held-out loss; they are on scales of their own."""
    losses = [(line.step, line.loss) for line in info.progress if line.loss is not None]
    rows: list[dict[str, Any]] = []
    for place, (step, _) in enumerate(losses):
        window = [loss for _, loss in losses[max(0, place + 1 - SMOOTH) : place + 1]]
        rows.append({"step": step, "loss": sum(window) / len(window), "kind": "training"})
    rows += [{"step": line.step, "loss": line.held_out, "kind": "held out"} for line in info.measured]
    if len(rows) > 1:
        st.line_chart(rows, x="step", y="loss", color="kind", height=220)


def _samples(info: RunInfo, newest: int) -> None:
    with st.container(horizontal=True):
        for path in info.samples[-newest:]:
            st.image(str(path), caption=f"step {int(path.stem.removeprefix('step-'))}", width=200)


def _ended_run(studio: Studio, info: RunInfo) -> None:
    with st.container(border=True):
        st.markdown(f"**{plain(info.name)}** · {plain(info.model)} · {when(info.created_at)}")
        st.caption(plain(_how_it_ended(studio, info)))
        with st.expander("Losses and samples", icon=":material/show_chart:"):
            _losses(info)
            _samples(info, newest=4)
        _actions(studio, info)
        _evaluation(studio, info)


def _how_it_ended(studio: Studio, info: RunInfo) -> str:
    state = "Finished" if info.finished else "Paused"
    failed = next((job for job in _jobs_of(studio, info) if job.ended), None)
    if not info.finished and failed is not None and failed.state == FAILED:
        state = f"Stopped: {failed.error}"
    words = f"{state} after {info.done} of {info.steps} steps."
    if info.measured:
        best = min(info.measured, key=lambda line: line.held_out or 0.0)
        words += f" Held-out loss {info.measured[0].held_out:.4f} before, {best.held_out:.4f} at step {best.step}."
    return words


def _jobs_of(studio: Studio, info: RunInfo) -> list[Job]:
    request = TrainLora(run=info.run, name=info.name)
    return [job for job in studio.jobs(kind=TrainLora.kind, limit=200) if job.request == request]


def _actions(studio: Studio, info: RunInfo) -> None:
    with st.container(horizontal=True):
        if not info.finished:
            go_on = {"on_click": _go_on, "args": (studio, info), "icon": ":material/play_arrow:"}
            st.button("Go on", key=f"go_on_{info.run}", **go_on)
        elif info.lora and info.held_out >= fine_tuning.LEAST_TO_EVALUATE:
            measure = {"on_click": _evaluate, "args": (studio, info), "icon": ":material/query_stats:"}
            help_text = "Draws the held-out captions with and without the LoRA and measures both"
            st.button("Does it help?", key=f"evaluate_{info.run}", help=help_text, **measure)
    show_problems(st.session_state.get("run_problems", {}), info.run)


def _go_on(studio: Studio, info: RunInfo) -> None:
    _told(info, lambda: studio.train_lora(TrainLora(run=info.run, name=info.name), owner=OWNER))


def _evaluate(studio: Studio, info: RunInfo) -> None:
    def begin() -> None:
        request = EvaluateLora(
            lora=info.lora or info.name,
            evaluation=str(ULID()),
            model=fine_tuning.plan_of(studio.settings, info.run).model.name,
        )
        fine_tuning.prepare_evaluation(studio.settings, request.evaluation, info.run)
        studio.evaluate_lora(request, owner=OWNER)

    _told(info, begin)


def _told(info: RunInfo, work: Any) -> None:
    st.session_state.run_problems = {}
    try:
        work()
    except PEOPLE_ERRORS as error:
        st.session_state.run_problems = {info.run: str(error)}


def _evaluation(studio: Studio, info: RunInfo) -> None:
    """The newest report about this LoRA."""
    folder = _newest_report(studio.settings.evaluations_dir, info.lora or info.name)
    if folder is None:
        return
    report = read_json(folder / "report.json")
    st.markdown(f"**{plain(report['headline'])}**")
    with st.expander("All figures and pictures", icon=":material/query_stats:"):
        for change in report["changes"]:
            st.markdown(f"- {plain(change['verdict'])}")
        for note in report["notes"]:
            st.caption(plain(note))
        for sheet in sorted(folder.glob("sheet-*.png")):
            st.image(str(sheet), width="stretch")
        for name in ("report.json", "report.csv"):
            st.download_button(name, (folder / name).read_bytes(), name, key=f"{folder.name}_{name}", on_click="ignore")


def _newest_report(evaluations: Path, lora: str) -> Path | None:
    """Folders are called by time, so the last of them is the newest."""
    folders = sorted((path.parent for path in evaluations.glob("*/report.json")), reverse=True)
    return next((folder for folder in folders if _lora_of(folder) == lora), None)


def _lora_of(folder: Path) -> str:
    try:
        return str(read_json(folder / "request.json").get("lora", ""))
    except (OSError, ValueError):
        return ""
