"""The runs of a training of translators: the one at work with its curves, and those that ended."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from engine.jobs.kind import Request
from engine.jobs.records import Job
from engine.jobs.schema import FAILED
from engine.studio import Studio
from engine.translation.catalogue import own_folder
from engine.translation.training_runs import RunInfo, Trainings
from pages.parts.common import ANIMEIFY, OWNER, PEOPLE_ERRORS, plain, when
from pages.parts.jobs import show_jobs
from pages.parts.submit import Press

SHOWN = 8


@dataclass(frozen=True, slots=True)
class Runs:
    """What is different about one kind of training.

    Attributes:
        kind: of its jobs.
        trainings: its runs.
        request: begins a run again where it was.
        curves: shows its numbers and pictures.
        finished: says in a sentence what a finished run gave.
    """

    kind: str
    trainings: Trainings[Any]
    request: Callable[[RunInfo[Any]], Request]
    curves: Callable[[RunInfo[Any]], None]
    finished: Callable[[RunInfo[Any]], str]

    def show(self, studio: Studio) -> None:
        """Everything about the trainings; while one is unfinished, look again every second."""
        active = show_jobs(studio, [self.kind], lambda job: self._progress(studio, job))
        busy = {job.request.run for job in active if job.request}
        ended = [info for info in self.trainings.newest(studio.settings, SHOWN) if info.run not in busy]
        if not active and not ended:
            st.markdown("## Nothing was trained yet")
            st.caption("Choose pictures, then press Train. A training goes on when you close this page.")
        for info in ended:
            self._ended(studio, info)

    def _progress(self, studio: Studio, job: Job) -> None:
        if not job.request:
            return
        try:
            info = self.trainings.info(studio.settings.runs_dir / job.request.run)
        except PEOPLE_ERRORS:
            return
        self.curves(info)

    def _ended(self, studio: Studio, info: RunInfo[Any]) -> None:
        with st.container(border=True):
            st.markdown(f"**{plain(info.plan.name)}** · {when(info.created_at)}")
            st.caption(plain(self._how_it_ended(studio, info)))
            with st.expander("Curves and pictures", icon=":material/show_chart:"):
                self.curves(info)
            for name, title in zip(info.translators, info.plan.titles, strict=False):
                if _is_here(studio, name):
                    label, query = f"Anime-ify: {title}", {"translator": name}
                    st.page_link(ANIMEIFY, label=plain(label), icon=":material/auto_awesome:", query_params=query)
            if not _is_finished(studio, info):  # also where its translators were removed since: they are written again
                self._go_on(studio, info)

    def _go_on(self, studio: Studio, info: RunInfo[Any]) -> None:
        press = Press(f"go_on_{info.run}")

        def submit(key: str) -> None:
            studio.submit(self.request(info), key=key, owner=OWNER)

        st.button("Go on", key=f"go_on_{info.run}", icon=":material/play_arrow:", on_click=press.now, args=(submit,))
        press.show_problems()

    def _how_it_ended(self, studio: Studio, info: RunInfo[Any]) -> str:
        if _is_finished(studio, info):
            return self.finished(info)
        jobs = studio.jobs(kind=self.kind, limit=200)
        last = next((job for job in jobs if job.request and job.request.run == info.run and job.ended), None)
        if last and last.state == FAILED:
            return f"Stopped: {last.error}"
        step, steps = max(info.step, last.step if last else 0), last.steps if last else 0
        return f"Paused after {step} of {steps} steps." if steps else f"Paused after {step} steps."


def show_chart(info: RunInfo[Any], title: str, names: Sequence[str], called: Callable[[str], str]) -> None:
    """Numbers over the steps in one chart, once there are two.

    Args:
        names: of the numbers.
        called: what one is called, for people.
    """
    rows = [
        {"step": step, "value": value, "of": called(name)}
        for name in names
        for step, value in info.curves.get(name, ())
    ]
    if len(rows) > 1:
        st.caption(title)
        st.line_chart(rows, x="step", y="value", color="of", height=180)


def _is_finished(studio: Studio, info: RunInfo[Any]) -> bool:
    return bool(info.translators) and all(_is_here(studio, name) for name in info.translators)


def _is_here(studio: Studio, name: str) -> bool:
    return (own_folder(studio.settings) / f"{name}.safetensors").exists()
