"""Translators beside each other: asking for a comparison, and its tables, pictures and files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st
from ulid import ULID

from engine.comparing import plan, report
from engine.comparing.admission import comparable
from engine.comparing.plan import Report
from engine.comparing.request import COST_SIDE, RUNS, SIDE, CompareTranslators
from engine.opinions.studies import Studies
from engine.rules import counted
from engine.studio import Studio
from pages.evaluate.choosing import choose_report
from pages.evaluate.comparing import show_ended, table, told
from pages.parts.attention import show_status
from pages.parts.common import OWNER, plain, when
from pages.parts.dataset_picker import pick_dataset
from pages.parts.jobs import show_jobs
from pages.parts.submit import Press

PLACES = {
    "photos": "way_compared_photos",
    "styles": "way_compared_styles",
    "pairs": "way_compared_pairs",
    "translators": "translators",
    "side": "compared_side",
    "cost_side": "compared_cost_side",
    "runs": "compared_runs",
    "study": "compared_study",
    "comparison": "translators",
}
PRESS = Press("compare_translators", places=PLACES)
KINDS = (CompareTranslators.kind,)


def show_translators(studio: Studio) -> None:
    """The form at the left, what was found at the right."""
    left, right = st.columns([1, 2], gap="large")
    with left:
        _form(studio)
    with right:
        show_jobs(studio, KINDS)
        show_ended(studio, CompareTranslators.kind)
        _reports(studio)


def _form(studio: Studio) -> None:
    folders: dict[str, Path | None] = {}
    st.markdown("**Photos** that no translator was trained on")
    folders["photos"] = pick_dataset(studio, "compared_photos", captions=False)
    st.markdown("**Style pictures**, of what they should look like")
    folders["styles"] = pick_dataset(studio, "compared_styles", captions=False)
    folders["pairs"] = _pairs(studio)
    values = {"translators": _chosen(studio), **_advanced(studio)}
    fields = {**values, **folders, "comparison": values["translators"]}
    if not folders["photos"] or not folders["styles"]:
        st.caption("Choose photos and style pictures first. Ten of each show something; hundreds make figures surer.")
        return
    pressed = PRESS.button("Compare", ":material/compare:")
    show_status(studio, KINDS)
    PRESS.show_problems(fields)
    if pressed:
        PRESS.ask(fields, lambda key: _submit(studio, folders, values, key), fields)


def _submit(studio: Studio, folders: Mapping[str, Path | None], values: Mapping[str, Any], key: str) -> None:
    photos, styles = folders["photos"], folders["styles"]
    assert photos is not None
    assert styles is not None
    name = str(ULID())
    request = CompareTranslators(comparison=name, **values)
    plan.begin(studio.settings, name, plan.pictures_to_compare(photos, styles, folders["pairs"]))
    studio.submit(request, key=key, owner=OWNER)


def _chosen(studio: Studio) -> tuple[str, ...]:
    known = {each.name: each for each in studio.translators() if not comparable(each)}
    chosen = st.pills(
        "Translators",
        list(known),
        selection_mode="multi",
        wrap=True,
        default=list(known)[:4],
        format_func=lambda name: known[name].title,
        key="translators",
    )
    return tuple(chosen)


def _pairs(studio: Studio) -> Path | None:
    with st.expander("Pairs, where there are any", icon=":material/join_inner:"):
        st.caption(
            f"A folder or ZIP with {plan.PAIR_PHOTOS} and {plan.PAIR_TRUTHS}: photos, and by the same names what they "
            "should become. They give MSE and PSNR."
        )
        return pick_dataset(studio, "compared_pairs", captions=False)


def _advanced(studio: Studio) -> dict[str, Any]:
    with st.expander("Advanced", icon=":material/tune:"):
        values: dict[str, Any] = {
            "side": st.number_input(
                "Short side", value=SIDE.default, step=64, key="compared_side", help=f"Pixels of the photos, {SIDE}"
            ),
            "cost_side": st.number_input(
                "Side that is timed",
                value=COST_SIDE.default,
                step=64,
                key="compared_cost_side",
                help=f"Pixels of a square, {COST_SIDE}",
            ),
            "runs": st.number_input(
                "Timed runs",
                value=RUNS.default,
                step=5,
                key="compared_runs",
                help=f"After a warm-up and the first five, {RUNS}; 0 leaves time and memory out",
            ),
        }
        studies = {study.id: study.title for study in Studies(studio.settings.home).all()}
        values["study"] = st.selectbox(
            "Opinions from",
            ["", *studies],
            format_func=lambda name: studies.get(name, "No study"),
            key="compared_study",
            help="Its methods have the translators' names; their scores then stand beside the figures",
        )
    return values


# -- what was found


def _reports(studio: Studio) -> None:
    found = plan.comparisons(studio.settings)
    if not found:
        st.markdown("## Not compared yet")
        st.caption(
            "Every translator gets the same photos. Figures say how near its pictures come to the style, what they "
            "keep of the photos, what goes wrong in them, and how much time and memory they take."
        )
        return
    _show(choose_report(found, "Comparison", "comparison", _label))


def _label(found: Report) -> str:
    titles = [row["title"] for row in found.values["rows"][1:]]
    return f"{when(found.created_at)}, {', '.join(titles)}"


@told
def _show(found: Report) -> None:
    values = found.values
    st.markdown(f"## {plain(_label(found).split(', ', 1)[1])}")
    st.caption(plain(_circumstances(found)))
    st.markdown("**Near to the style, and to the photos**")
    table(report.quality_rows(values))
    st.caption(plain(" ".join([DISTANCES_IN_WORDS, *values["notes"]])))
    st.markdown("**What goes wrong**, as means over the photos")
    table(report.failure_rows(values))
    st.caption(report.FAILURES_IN_WORDS)
    if values["costs"]:
        side = values["request"]["cost_side"]
        st.markdown(f"**What it takes** for {side} × {side} pixels on {plain(values['device'])}")
        table(report.cost_rows(values))
        st.caption("Each in a process of its own, after a warm-up. A multiplication with its addition counts as two.")
    _pictures(found)
    _published()
    if values["missing"]:
        with st.expander("A better measure was left out: its network is not here", icon=":material/cloud_off:"):
            st.markdown("\n".join(f"- {plain(text)}" for text in values["missing"]))
    downloads(found)


DISTANCES_IN_WORDS = (
    "Distances are to the style pictures, lower is nearer, and depend on how many pictures there are: compare rows of "
    "this table alone. Edge SSIM is 1 where every edge of the photo is kept."
)


def _circumstances(found: Report) -> str:
    values = found.values
    photos, styles = values["photos"], values["styles"]
    dark = f", {photos['dark']} of them dark" if photos["dark"] else ""
    pairs = f" {counted(values['pairs']['count'], 'pair')}." if values["pairs"]["count"] else ""
    return (
        f"Made {when(found.created_at)}. N = {photos['count']} photos{dark}, M = {styles['count']} style pictures, "
        f"short side {values['request']['side']} px, features of {values['network']}.{pairs}"
    )


def _pictures(found: Report) -> None:
    for path in sorted(found.folder.glob("matrix-*.png"), key=lambda path: len(path.name)):
        st.image(path, width="stretch", alt="Photos down, translators across")


def _published() -> None:
    with st.expander("As the study printed them", icon=":material/menu_book:"):
        for title, rows in report.PUBLISHED.items():
            st.markdown(f"**{plain(title)}**")
            table([{"Method": method, "Published": text} for method, text in rows.items()])


def downloads(found: Report) -> None:
    """Every file of a report but its single pictures."""
    with st.container(horizontal=True):
        for path in plan.files_of(found):
            st.download_button(
                path.name,
                path.read_bytes,
                path.name,
                key=f"download_{found.folder.name}_{path.name}",
                icon=":material/download:",
                on_click="ignore",
            )
