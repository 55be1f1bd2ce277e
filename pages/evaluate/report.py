"""The report of an evaluation: every figure with all that is needed to believe it, and the pictures side by side."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from engine.datasets.pictures import PictureRefused
from engine.lora.evaluations import Found, evaluations_of, is_of_another_version
from engine.lora.runs.held_out import GRID, REPORT
from engine.lora.verdicts import gain, headline
from engine.rules import counted
from engine.studio import Studio
from engine.weights.loras import LoraInfo
from pages.evaluate.choosing import choose_report
from pages.parts.common import plain, when
from pages.parts.small_pictures import small_picture

FIRST = 8  # rows of pictures that are shown at once
UNKNOWN = "of an unknown source"


def show_reports(studio: Studio, lora: LoraInfo) -> None:
    """The newest report about a LoRA, or the one that is chosen."""
    found = evaluations_of(studio.settings, lora.name)
    if not found:
        st.markdown("## Not evaluated yet")
        st.caption(
            "Every caption of the reference pictures is drawn with and without the LoRA, from the same seeds. "
            "Both sets are then compared with the reference pictures."
        )
        return
    _show(choose_report(found, "Report", "report", _label), lora)


def _label(found: Found) -> str:
    return f"{when(found.created_at)}, weight {found.request.get('weight', 1.0):g}, {found.source or UNKNOWN}"


def _show(found: Found, lora: LoraInfo) -> None:
    st.markdown(f"## {plain(headline(found.report))}")
    st.caption(plain(_circumstances(found)))
    if is_of_another_version(found, lora):
        st.warning("The LoRA was replaced since: this report is about its earlier version.", icon=":material/history:")
    st.table([_row(change) for change in found.report["changes"]])
    st.caption(
        "A gain above 0 is better, whatever the measure. In brackets: bootstrap intervals, 95 % of the resamples of "
        "the pictures give a figure inside."
    )
    for note, names in _notes(found.report["changes"]).items():
        st.caption(plain(f"{', '.join(names)}: {note}"))
    missing = found.report.get("missing", [])
    st.caption(plain(" ".join(note for note in found.report["notes"] if note not in missing)))
    with st.expander("The figures in words, and who defined them", icon=":material/description:"):
        for change in found.report["changes"]:
            st.markdown(f"- {plain(change['verdict'])} Defined by: {plain(change['base']['reference'])}.")
    if missing:
        with st.expander(
            f"{counted(len(missing), 'measure')} left out: networks not on this machine", icon=":material/cloud_off:"
        ):
            for text in missing:
                st.markdown(f"- {plain(text)}")
    downloads(found)
    _side_by_side(found)


def _circumstances(found: Found) -> str:
    request, report = found.request, found.report
    return (
        f"Made {when(found.created_at)}. Weight {request['weight']:g} on {request['model']}, "
        f"{request['num_inference_steps']} steps, guidance {request['guidance_scale']:g}. "
        f"{report['pair_count']} pictures without and {report['pair_count']} with the LoRA from the same seeds; "
        f"reference: {report['reference_count']} pictures {found.source}".rstrip()
        + "."
    )


def _row(change: Mapping[str, Any]) -> dict[str, str]:
    base = change["base"]
    return {
        "Measure": f"**{plain(base['name'])}**",
        "Without": _two_lines(base),
        "With the LoRA": _two_lines(change["tuned"]),
        "Gain with it": _two_lines(gain(change)),
        "N": str(base["n"]),
        "Network": plain(base["extractor"] or "none, pixels"),
    }


def _notes(changes: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """What to keep in mind about single measures, with their names."""
    notes: dict[str, list[str]] = {}
    for change in changes:
        if change["difference"]["note"]:
            notes.setdefault(change["difference"]["note"], []).append(change["base"]["name"])
    return notes


def figure_text(figure: Mapping[str, Any]) -> str:
    """A figure with its interval."""
    return f"{number(figure['value'], 4)} ({number(figure['low'])} to {number(figure['high'])})"


def _two_lines(figure: Mapping[str, Any]) -> str:
    return figure_text(figure).replace(" (", "  \n(")


def number(value: float | str, digits: int = 3) -> str:
    """So many digits, all of whole thousands; texts stand for numbers that JSON does not know."""
    if not isinstance(value, (int, float)):
        return plain(value)
    return plain(f"{value:.0f}" if abs(value) >= 1000 else f"{value:.{digits}g}")


def downloads(found: Found) -> None:
    """Every file of a report but its single pictures."""
    files = [*sorted(found.folder.glob("*.csv")), *found.sheets()]
    report = next(path for name in (REPORT, GRID) if (path := found.folder / name).exists())
    with st.container(horizontal=True):
        for path in (report, *files):
            st.download_button(
                path.name,
                path.read_bytes,
                path.name,
                key=f"download_{found.folder.name}_{path.name}",
                icon=":material/download:",
                on_click="ignore",
            )


def _side_by_side(found: Found) -> None:
    rows = _pairs(found.folder)
    if len(rows) > FIRST and not st.toggle(f"Show all {len(rows)} pairs", key=f"all_{found.folder.name}"):
        rows = rows[:FIRST]
    for index, seed, base, tuned in rows:
        reference = found.held_out[index] if index < len(found.held_out) else None
        words = reference.caption if reference else f"Caption {index + 1}"
        st.markdown(plain(words))
        columns = st.columns(3)
        with columns[0]:
            _reference(reference.path if reference and seed == 0 else None, words)
        with columns[1]:
            st.image(small_picture(base), caption="Without the LoRA", width="stretch", alt=f"{words}, without the LoRA")
        with columns[2]:
            st.image(small_picture(tuned), caption="With it", width="stretch", alt=f"{words}, with the LoRA")


def _pairs(folder: Path) -> Sequence[tuple[int, int, Path, Path]]:
    """Caption's place, seed's place and both pictures, in this order."""
    found = []
    for base in (folder / "base").glob("*.png"):
        index, seed = map(int, base.stem.split("-"))
        tuned = folder / "tuned" / base.name
        if tuned.exists():
            found.append((index, seed, base, tuned))
    return sorted(found)


def _reference(path: Path | None, words: str) -> None:
    if path is None:
        return
    try:
        st.image(small_picture(path), caption="Reference picture", width="stretch", alt=f"{words}, reference picture")
    except PictureRefused as error:
        st.caption(plain(error))
