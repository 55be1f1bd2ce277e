"""Two folders of pictures: how far they are from each other, asked for and shown."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st
from ulid import ULID

from engine.jobs.schema import FAILED
from engine.measuring.reports import FILE, FoldersReport, folder_reports
from engine.measuring.request import CompareFolders
from engine.studio import Studio
from pages.evaluate.choosing import choose_report
from pages.evaluate.comparing import table
from pages.evaluate.networks import show_networks
from pages.parts.attention import show_status
from pages.parts.common import OWNER, plain, show_problems, when
from pages.parts.dataset_picker import pick_dataset
from pages.parts.jobs import show_jobs
from pages.parts.submit import Press

PLACES = {"one": "way_folder_one", "other": "way_folder_other"}
PRESS = Press("compare_folders", together=[("one", "other")], places=PLACES)
KINDS = (CompareFolders.kind,)


def show_folders(studio: Studio) -> None:
    """The form at the left, what was found at the right."""
    left, right = st.columns([1, 2], gap="large")
    with left:
        _form(studio)
        show_networks(studio)
    with right:
        show_jobs(studio, KINDS)
        _failed(studio)
        _reports(studio)


def _form(studio: Studio) -> None:
    st.markdown("**One folder**")
    one = pick_dataset(studio, "folder_one", captions=False)
    st.markdown("**The other**")
    other = pick_dataset(studio, "folder_other", captions=False)
    broken = st.toggle(
        "Leave out files that cannot be read", key="folders_broken", help="Else such a file ends the comparison"
    )
    if one is None or other is None:
        st.caption("Choose two folders or ZIPs of pictures. Sizes and names may differ; twenty in each show something.")
        return
    fields = {"one": one, "other": other, "leave_out_broken": broken}
    pressed = PRESS.button("Compare", ":material/compare:")
    show_status(studio, KINDS)
    PRESS.show_problems(fields)
    if pressed:
        PRESS.ask(fields, lambda key: _submit(studio, one, other, broken, key), fields)


def _submit(studio: Studio, one: Path, other: Path, broken: bool, key: str) -> None:
    request = CompareFolders(
        comparison=str(ULID()), one=str(one.absolute()), other=str(other.absolute()), leave_out_broken=broken
    )
    studio.submit(request, key=key, owner=OWNER)


def _failed(studio: Studio) -> None:
    jobs = studio.jobs(kind=CompareFolders.kind, owner=OWNER, limit=1)
    if jobs and jobs[0].state == FAILED:
        with st.container(border=True):
            st.markdown(f"**{plain(studio.title(jobs[0]))}** · {when(jobs[0].created_at)}")
            show_problems({"job": jobs[0].error or "It failed without a reason."}, "job")


def _reports(studio: Studio) -> None:
    found = folder_reports(studio.settings)
    if not found:
        st.markdown("## Not compared yet")
        st.caption("Figures say how far the pictures of two folders are from each other, with what is on this machine.")
        return
    chosen = choose_report(found, "Comparison", "folders", _label)
    try:
        _show(chosen)
    except (KeyError, TypeError, IndexError, ValueError):
        st.error(plain(f"The report in {chosen.folder} cannot be read. Ask for it anew."), icon=":material/error:")


def _label(found: FoldersReport) -> str:
    names = " and ".join(Path(folder).name for folder in found.values["folders"])
    return f"{when(found.created_at)}, {names}"


def _show(found: FoldersReport) -> None:
    values = found.values
    first, second = (Path(folder) for folder in values["folders"])
    st.markdown(f"## {plain(first.name)} and {plain(second.name)}")
    st.caption(
        plain(
            f"Made {when(found.created_at)}. {values['counts'][0]} pictures in {first}, "
            f"{values['counts'][1]} in {second}. Lower is nearer."
        )
    )
    table([_row(measure) for measure in values["measured"]])
    for text in values["notes"]:
        st.caption(plain(text))
    if values["missing"]:
        with st.expander("A better measure was left out: its network is not here", icon=":material/cloud_off:"):
            st.markdown("\n".join(f"- {plain(text)}" for text in values["missing"]))
    path = found.folder / FILE
    st.download_button(
        FILE, path.read_bytes, FILE, key=f"download_{found.folder.name}", icon=":material/download:", on_click="ignore"
    )


def _row(measure: Mapping[str, Any]) -> dict[str, str]:
    interval = "" if measure["low"] is None else f"{measure['low']:.4g} to {measure['high']:.4g}"
    value = "none" if measure["value"] is None else f"{measure['value']:.4g}"
    return {
        "Measure": measure["name"],
        "Value": value,
        "95 % interval": interval,
        "Features of": measure["network"],
        "Keep in mind": measure["note"],
    }
