"""Saying that a lane is paused where its jobs wait, with the button that has it go on."""

from collections.abc import Iterable

import streamlit as st

from engine.jobs.lanes import NAMES
from engine.jobs.records import Job
from engine.jobs.schema import LANES, QUEUED
from engine.studio import Studio
from pages.parts.common import QUEUE


def show_paused(studio: Studio, jobs: Iterable[Job]) -> None:
    """Say which lanes are paused of those in which one of these jobs waits."""
    waited_for = {job.lane for job in jobs if job.state == QUEUED} & studio.queue.lanes.paused()
    for lane in LANES:
        if lane in waited_for:
            with st.container(border=True, horizontal=True, vertical_alignment="center"):
                st.warning(f"{NAMES[lane]} are paused, so what is asked waits.", icon=":material/pause_circle:")
                resume_button(studio, lane)
                st.page_link(QUEUE, label="Queue", icon=":material/queue:")


def resume_button(studio: Studio, lane: str) -> None:
    """Have a paused lane go on."""
    label, icon = f"Continue {NAMES[lane].lower()}", ":material/play_arrow:"
    st.button(label, key=f"resume_{lane}", icon=icon, on_click=studio.queue.lanes.resume, args=(lane,))
