"""The losses of a LoRA run: as a chart whose lines can be told apart, and as numbers."""

import io
import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import altair as alt
import streamlit as st

from engine.lora.runs.curves import WEIGHT, WINDOW, Curves, curves_of
from engine.lora.runs.listing import RunInfo
from engine.studio import Studio
from engine.training.board import LOGS, board_at, open_board
from pages.parts.common import PEOPLE_ERRORS, plain

RAW, SMOOTH, MEAN, HELD_OUT = "loss of each step", f"smoothed {WEIGHT:g}", f"mean of {WINDOW}", "held out"
# Told apart by lightness, dashes and width as well as by colour (Okabe and Ito 2008).
LOOKS = {
    RAW: ("#9bb8d3", [1, 0], 1),
    SMOOTH: ("#0072b2", [1, 0], 2),
    MEAN: ("#e69f00", [6, 3], 2),
    HELD_OUT: ("#d55e00", [2, 2], 3),
}
EXPLAINED = """
**Loss** is how wrong the model is about the noise in a training picture. It jumps, because every step draws other
pictures and other noise: look at the smoothed lines.

**Held out** is the same on pictures that are never trained on, always under the same noise. While it falls, the LoRA
learns the style; when it rises and the loss still falls, it learns the pictures by heart.

**Best checkpoint:** the LoRA as it was when the held-out loss was lowest. That one goes into the picker, not the last.

**Early stopping:** a run can end when the held-out loss was not better so many measurements in a row (*All settings*,
*On the way*). It saves time and changes nothing about which checkpoint is best so far.
"""


def show_curves(info: RunInfo) -> None:
    """The chart of the losses, the learning rate, the last values, and what they mean."""
    curves = curves_of(info.progress)
    lines = {RAW: curves.loss, SMOOTH: curves.smoothed, MEAN: curves.average, HELD_OUT: curves.held_out}
    rows = [{"step": step, "loss": loss, "line": name} for name, points in lines.items() for step, loss in points]
    if len(rows) < 2:
        return
    st.altair_chart(_chart(rows, [name for name, points in lines.items() if points]))
    _numbers(info, curves)
    if len(curves.rate) > 1:
        rates = [{"step": step, "rate": rate} for step, rate in curves.rate]
        across = alt.Y("rate:Q", title="rate", axis=alt.Axis(format=".1e"))
        line = alt.Chart(alt.Data(values=rates)).mark_line(color="#009e73", strokeWidth=2)
        st.altair_chart(line.encode(x=alt.X("step:Q"), y=across).properties(height=110))
    with st.popover("What do the curves say?", icon=":material/help:"):
        st.markdown(EXPLAINED)


def _chart(rows: list[dict[str, Any]], names: list[str]) -> alt.Chart:
    looks = zip(*(LOOKS[name] for name in names), strict=True)
    colours, dashes, widths = (alt.Scale(domain=names, range=list(values)) for values in looks)
    legend = alt.Legend(orient="bottom", title=None, columns=1, symbolSize=300, labelLimit=200)
    return (
        alt.Chart(alt.Data(values=rows))
        .mark_line()
        .encode(
            x=alt.X("step:Q"),
            y=alt.Y("loss:Q", scale=alt.Scale(zero=False)),
            color=alt.Color("line:N", scale=colours, legend=legend),
            strokeDash=alt.StrokeDash("line:N", scale=dashes, legend=legend),
            strokeWidth=alt.StrokeWidth("line:N", scale=widths, legend=legend),
            tooltip=["line:N", "step:Q", alt.Tooltip("loss:Q", format=".4f")],
        )
        .properties(height=340)
    )


def _numbers(info: RunInfo, curves: Curves) -> None:
    """The last values."""
    words = [info.at(info.done).capitalize()]
    named = {"loss": curves.loss, SMOOTH: curves.smoothed, MEAN: curves.average, HELD_OUT: curves.held_out}
    words += [f"{name} **{points[-1][1]:.4f}**" for name, points in named.items() if points]
    words += [f"learning rate **{curves.rate[-1][1]:.2e}**"] if curves.rate else []
    if info.measured:
        best = min(info.measured, key=lambda line: line.held_out or 0.0)
        words.append(f"best held out **{best.held_out:.4f}** at {info.at(best.step)}")
    st.markdown(" · ".join(words))


# -- TensorBoard


def show_tensorboard(studio: Studio, info: RunInfo) -> None:
    """A button that starts it, the way to it, and its files."""
    runs, folder = studio.settings.runs_dir, studio.settings.runs_dir / info.run
    with st.container(horizontal=True):
        address = board_at(runs)
        if address is None and st.button("Start TensorBoard", key=f"board_{info.run}", icon=":material/monitoring:"):
            try:
                with st.spinner("Starting TensorBoard"):
                    address = open_board(runs)
            except PEOPLE_ERRORS as error:
                st.error(plain(error), icon=":material/error:")
        if address:
            where = "On the machine that the studio runs on; it ends with the studio"
            way = f"{address}?runFilter={info.run}#timeseries"
            st.link_button("Open TensorBoard", way, icon=":material/open_in_new:", help=where)
        if (folder / LOGS).is_dir():
            st.download_button(
                "Event files",
                partial(event_files, folder / LOGS),
                f"{info.name}-tensorboard.zip",
                "application/zip",
                key=f"events_{info.run}",
                icon=":material/download:",
                on_click="ignore",
                help="TensorBoard's own files, as a ZIP",
            )


def event_files(folder: Path) -> bytes:
    """A ZIP of what TensorBoard reads."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*tfevents*")):
            archive.write(path, path.relative_to(folder).as_posix())
    return stream.getvalue()
