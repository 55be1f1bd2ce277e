"""The training runs: the one at work with its losses, those that ended with what they gave."""

import streamlit as st

from engine.jobs.records import Job
from engine.jobs.schema import FAILED
from engine.lora import evaluations
from engine.lora.by_eye.rounds import judged
from engine.lora.requests import TrainLora
from engine.lora.runs.checkpoints import checkpoints_of
from engine.lora.runs.listing import RunInfo, newest_runs, run_info
from engine.lora.verdicts import headline
from engine.studio import Studio
from pages.evaluate.by_eye import BY_EYE
from pages.parts.common import EVALUATE, OWNER, PEOPLE_ERRORS, plain, when
from pages.parts.jobs import show_jobs
from pages.parts.submit import Press
from pages.train.lora_curves import show_curves, show_tensorboard

SHOWN = 8


def show_runs(studio: Studio) -> None:
    """Everything about trainings; while one is unfinished, look again every second."""
    active = show_jobs(studio, [TrainLora.kind], lambda job: _progress(studio, job))
    busy = {job.request.run for job in active if job.request}
    runs = newest_runs(studio.settings.runs_dir, SHOWN)
    ended = [info for info in runs if info.run not in busy]
    if not active and not ended:
        st.markdown("## Nothing was trained yet")
        st.caption("Choose pictures, then press Train. A training goes on when you close this page.")
    for info in ended:
        _ended_run(studio, info)


def _progress(studio: Studio, job: Job) -> None:
    info = _info(studio, job.request.run) if job.request else None
    if info:
        show_curves(info)
        show_tensorboard(studio, info)
        _samples(info, newest=1)


def _info(studio: Studio, run: str) -> RunInfo | None:
    try:
        return run_info(studio.settings.runs_dir / run)
    except PEOPLE_ERRORS:
        return None


def _samples(info: RunInfo, newest: int) -> None:
    with st.container(horizontal=True):
        for path in info.samples[-newest:]:
            caption = info.at(int(path.stem.removeprefix("step-")))
            st.image(str(path), caption=caption, width=200, alt=f"Sample at {caption}")


def _ended_run(studio: Studio, info: RunInfo) -> None:
    with st.container(border=True):
        st.markdown(f"**{plain(info.name)}** · {plain(info.model)} · {when(info.created_at)}")
        st.caption(plain(_how_it_ended(studio, info)))
        with st.expander("Losses and samples", icon=":material/show_chart:"):
            show_curves(info)
            show_tensorboard(studio, info)
            _samples(info, newest=4)
        if not info.finished:
            go_on = {"on_click": _go_on, "args": (studio, info), "icon": ":material/play_arrow:"}
            st.button("Go on", key=f"go_on_{info.run}", **go_on)
        _press(info).show_problems()
        _evaluation(studio, info)
        _by_eye(studio, info)


def _how_it_ended(studio: Studio, info: RunInfo) -> str:
    state = "Finished" if info.finished else "Paused"
    failed = next((job for job in _jobs_of(studio, info) if job.ended), None)
    if not info.finished and failed is not None and failed.state == FAILED:
        state = f"Stopped: {failed.error}"
    words = f"{state} after {info.done} of {info.steps} steps{info.epochs}."
    if info.measured:
        best = min(info.measured, key=lambda line: line.held_out or 0.0)
        words += f" Held-out loss {info.measured[0].held_out:.4f} before, {best.held_out:.4f} at {info.at(best.step)}."
    if step := evaluations.exported_step(studio.settings, info.run):
        words += f" Its LoRA is of {info.at(step)}."
    return words


def _jobs_of(studio: Studio, info: RunInfo) -> list[Job]:
    request = TrainLora(run=info.run, name=info.name)
    return [job for job in studio.jobs(kind=TrainLora.kind, limit=200) if job.request == request]


def _go_on(studio: Studio, info: RunInfo) -> None:
    request = TrainLora(run=info.run, name=info.name)
    _press(info).now(lambda key: studio.submit(request, key=key, owner=OWNER))


def _press(info: RunInfo) -> Press:
    return Press(f"go_on_{info.run}")


def _evaluation(studio: Studio, info: RunInfo) -> None:
    """What the newest evaluation found in a sentence, if of this LoRA as it is now; and the way to the whole of it."""
    if not info.lora:
        return
    found = evaluations.evaluations_of(studio.settings, info.lora)
    lora = next((lora for lora in studio.loras() if lora.name == info.lora), None)
    if found and lora and not evaluations.is_of_another_version(found[0], lora):
        st.markdown(plain(headline(found[0].report)))
    label = "All figures and pictures" if found else "Does it help? Evaluate it"
    st.page_link(EVALUATE, label=label, icon=":material/query_stats:", query_params={"lora": info.lora})


def _by_eye(studio: Studio, info: RunInfo) -> None:
    """What the newest rounds by eye chose, once they are over; and the way to them."""
    if not checkpoints_of(studio.settings.runs_dir / info.run):
        return
    if ended := next((found for found in judged(studio.settings.home, info.run) if found.over), None):
        st.markdown(f"By eye: {plain(ended.alone.verdict)}")
    address = {"lora": info.lora or info.run, "view": BY_EYE}
    label = "Choose a checkpoint by eye, blind"
    st.page_link(EVALUATE, label=label, icon=":material/visibility:", query_params=address)
