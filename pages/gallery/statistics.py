"""What you did, as plots: pictures per day and hour, time per picture, favourite models, LoRAs, samplers and words."""

import time
from collections.abc import Sequence

import altair as alt
import pandas as pd
import streamlit as st

from engine.rules import counted
from engine.studio import Studio
from gallery.statistics import Statistics, statistics
from pages.parts.common import OWNER

FEW_DAYS = 10
SHOWN = 12  # names of one plot
REMEMBERED_SECONDS = 60.0


def show_statistics(studio: Studio) -> None:
    """The view of the gallery that counts."""
    st.button("Back to the gallery", icon=":material/arrow_back:", on_click=_leave, type="tertiary", shortcut="Esc")
    found = _counted(studio, studio.gallery.count(owner=OWNER))
    if not found.pictures:
        st.markdown("## Nothing to count yet")
        return
    other = f", {found.imported} of them made by other tools" if found.imported else ""
    st.caption(f"{counted(found.pictures, 'picture')} on {counted(len(found.days), 'day')}{other}")
    days = pd.DataFrame(found.days, columns=["day", "pictures"]).assign(day=lambda table: pd.to_datetime(table["day"]))
    st.markdown("**Pictures per day**")
    # Of few days the axis would name hours, and so each day twice.
    few = (days["day"].max() - days["day"].min()).days < FEW_DAYS
    across = alt.X("yearmonthdate(day):T", title=None, axis=alt.Axis(tickCount="day") if few else alt.Undefined)
    st.altair_chart(alt.Chart(days).mark_bar().encode(x=across, y=_count(), tooltip=["day:T", "pictures:Q"]))
    left, right = st.columns(2)
    with left:
        _bars("Models", found.models)
        _bars("Samplers", found.samplers)
        _seconds(found)
    with right:
        _bars("Words", found.words)
        _bars("LoRAs", found.loras)
        _hours(found.hours)


def _count() -> alt.Y:
    return alt.Y("pictures:Q", title="pictures", axis=alt.Axis(tickMinStep=1, format="d"))


def _bars(title: str, names: Sequence[tuple[str, int]]) -> None:
    if not names:
        return
    st.markdown(f"**{title}**")
    table = pd.DataFrame(names[:SHOWN], columns=["name", "pictures"])
    down = alt.Y("name:N", sort=None, title=None, axis=alt.Axis(labelLimit=150))
    across = alt.X("pictures:Q", title="pictures", axis=alt.Axis(tickMinStep=1, format="d"))
    st.altair_chart(alt.Chart(table).mark_bar().encode(x=across, y=down, tooltip=["name:N", "pictures:Q"]))


def _seconds(found: Statistics) -> None:
    if not found.seconds:
        return
    st.markdown("**Seconds per picture**")
    table = pd.DataFrame(found.seconds[:SHOWN], columns=["model", "pictures", "seconds"])
    down = alt.Y("model:N", sort=None, title=None, axis=alt.Axis(labelLimit=150))
    told = ["model:N", "seconds:Q", "pictures:Q"]
    st.altair_chart(alt.Chart(table).mark_bar().encode(x=alt.X("seconds:Q"), y=down, tooltip=told))


def _hours(hours: Sequence[int]) -> None:
    st.markdown("**Made here, by hour of the day**")
    table = pd.DataFrame({"hour": range(24), "pictures": hours})
    st.altair_chart(alt.Chart(table).mark_bar().encode(x=alt.X("hour:O", title="hour"), y=_count()))


@st.cache_data(ttl=REMEMBERED_SECONDS, max_entries=4, show_spinner="Counting …")
def _counted(_studio: Studio, count: int) -> Statistics:
    """`count` has a new picture counted at once."""
    return statistics(_studio.gallery.database, OWNER, time.localtime().tm_gmtoff)


def _leave() -> None:
    st.query_params.pop("view", None)
