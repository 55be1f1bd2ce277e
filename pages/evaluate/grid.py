"""Checkpoints at several weights: asking for a grid, its figures and pictures, and promoting one of its cells."""

from collections.abc import Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any

import streamlit as st
from ulid import ULID

from engine.diffusion.request import GUIDANCE_SCALE, STEPS
from engine.lora import preparing
from engine.lora.evaluations import HELD_OUT, Found, exported_step, grids_of
from engine.lora.requests import CAPTIONS, MOST_CHECKPOINTS, WEIGHTS, LoraGrid, PromoteLora
from engine.lora.runs.checkpoints import Checkpoint, checkpoints_of
from engine.lora.runs.held_out import MAX_PICTURES, usable
from engine.lora.runs.plan import RunPlan
from engine.lora.runs.versions import versions_of
from engine.studio import Studio
from engine.weights.loras import LoraInfo
from pages.evaluate.report import downloads, figure_text, number
from pages.evaluate.stopped import MEASURING
from pages.parts.attention import show_status
from pages.parts.common import OWNER, plain, when
from pages.parts.small_pictures import small_picture
from pages.parts.submit import Press

PLACES = {
    "run": "lora",
    "checkpoints": "checkpoints_",
    "weight": "weights",
    "weights": "weights",
    "captions": "grid_captions",
    "pictures": "lora",
    "num_inference_steps": "grid_steps",
    "guidance_scale": "grid_guidance",
}
COMPARE = Press("compare", places=PLACES)
OFFERED = (0.25, *WEIGHTS, 1.25, 1.5)
TILE = 320  # pixels


def grid_form(studio: Studio, run: str) -> None:
    """Which checkpoints, which weights, how many captions."""
    kept = {each.name: each for each in checkpoints_of(studio.settings.runs_dir / run)}
    plan = preparing.plan_of(studio.settings, run)
    held_out = len(usable(plan.held_out))
    values = _values(run, kept, held_out)
    cells = 1 + len(values["checkpoints"]) * len(values["weights"])
    st.caption(
        f"{cells} times {min(values['captions'], held_out)} pictures, and the held-out loss of each "
        f"on {min(MAX_PICTURES, held_out)} pictures that were {HELD_OUT}"
    )
    _compare_button(studio, run, plan, values)


def _compare_button(studio: Studio, run: str, plan: RunPlan, values: dict[str, Any]) -> None:
    def submit(key: str) -> None:
        request = LoraGrid(run=run, name=plan.name, evaluation=str(ULID()), **values)
        preparing.begin_evaluation(studio.settings, request.evaluation, plan.held_out, HELD_OUT)
        studio.submit(request, key=key, owner=OWNER)

    fields = {**values, "weight": values["weights"], "pictures": plan.held_out}
    pressed = COMPARE.button("Compare checkpoints", ":material/grid_view:")
    show_status(studio, MEASURING)
    COMPARE.show_problems(fields)
    if pressed:
        COMPARE.ask((run, values), submit, fields)


def _values(run: str, kept: dict[str, Checkpoint], held_out: int) -> dict[str, Any]:
    values: dict[str, Any] = {"checkpoints": _checkpoints(run, kept), "weights": _weights()}
    values["captions"] = st.number_input(
        "Captions to draw",
        value=max(1, min(CAPTIONS.default, held_out)),
        step=1,
        key="grid_captions",
        help=f"Of the held-out ones, {CAPTIONS}",
    )
    with st.expander("Advanced", icon=":material/tune:"):
        values["num_inference_steps"] = st.number_input("Steps", value=STEPS.default, step=5, key="grid_steps")
        values["guidance_scale"] = st.number_input(
            "Guidance scale", value=GUIDANCE_SCALE.default, step=0.5, key="grid_guidance"
        )
    return values


def _checkpoints(run: str, kept: dict[str, Checkpoint]) -> tuple[str, ...]:
    names = list(kept)
    newest = names[-1] if names else "none"
    chosen = st.pills(
        "Checkpoints",
        names,
        selection_mode="multi",
        wrap=True,
        default=names[-MOST_CHECKPOINTS:],
        format_func=lambda name: kept[name].label,
        key=f"checkpoints_{run}_{newest}",  # what another run offered, or this one before it went on, is no choice
    )
    return tuple(chosen)


def _weights() -> tuple[float, ...]:
    chosen = st.pills(
        "Weights",
        OFFERED,
        selection_mode="multi",
        wrap=True,
        default=WEIGHTS,
        format_func=lambda weight: f"{weight:g}",
        key="weights",
        help="The model alone, weight 0, is always there",
    )
    return tuple(chosen)


# -- what was found


def show_grids(studio: Studio, run: str, lora: LoraInfo | None) -> None:
    """The newest grid of a run, or the one that is chosen."""
    step = exported_step(studio.settings, run) if lora else None
    _present(studio, run, lora, step)
    found = grids_of(studio.settings, run)
    if not found:
        st.markdown("## Not compared yet")
        st.caption(
            "Every checkpoint is drawn and measured at every weight, from the same seeds, beside the model alone. "
            "One click then puts the best of them into the picker."
        )
        return
    grid = found[0]
    if len(found) > 1:
        names = {each.folder.name: each for each in found}
        label = {name: when(each.created_at) for name, each in names.items()}
        key = f"grid_{grid.folder.name}"  # with a newer one the choice begins anew, at the newest
        grid = names[st.selectbox("Grid", list(names), format_func=lambda name: label[name], key=key)]
    _show(studio, run, grid, (step, lora.preferred_weight if lora else None))


def _present(studio: Studio, run: str, lora: LoraInfo | None, step: int | None) -> None:
    """What the picker has of this run now."""
    if lora is None or step is None:
        st.caption("The picker has no LoRA of this training yet.")
        return
    words = f"In the picker as {lora.name}: step {step}, suggested weight {lora.preferred_weight:g}."
    earlier = len(versions_of(studio.settings.runs_dir / run))
    kept = f" {earlier} earlier {'version is' if earlier == 1 else 'versions are'} kept with the training."
    st.caption(plain(words + (kept if earlier else "")))


def _show(studio: Studio, run: str, found: Found, picked: tuple[int | None, float | None]) -> None:
    """A grid.

    Args:
        picked: step and suggested weight of what is in the picker.
    """
    grid = found.report
    st.markdown(f"## {plain(grid['headline'].split('. ')[0].rstrip('.'))}")
    best = grid["cells"][grid["best"]]
    if best["changes"]:
        st.markdown(plain(best["changes"][0]["verdict"]))
        if picked == (best["step"], best["weight"]):
            st.caption("It is in the picker.")
        else:
            words = f"Use step {best['step']} at weight {best['weight']:g}"
            promote_button(studio, run, grid, best, words, "primary")
    Press(f"promote_{run}").show_problems()
    _figures(grid)
    words = "In brackets: 95 % bootstrap intervals. The second line compares with Without, from the same resamples."
    st.caption(plain(" ".join([words, *grid["notes"]])))
    downloads(found)
    _pictures(studio, run, found)


def _figures(grid: Mapping[str, Any]) -> None:
    """A table for each measure: checkpoints down, weights across."""
    for place, change in enumerate(grid["cells"][1]["changes"]):
        base = change["base"]
        st.markdown(f"**{plain(base['name'][:1].upper() + base['name'][1:])}**, lower is better")
        rows = []
        for _, group in groupby(grid["cells"][1:], itemgetter("step")):
            cells = list(group)
            row = {"Checkpoint": plain(cells[0]["label"]), "Without": figure_text(base)}
            for cell in cells:
                bold = "**" if place == 0 and cell == grid["cells"][grid["best"]] else ""
                text = f"{bold}{figure_text(cell['changes'][place]['tuned'])}{bold}"
                row[f"Weight {cell['weight']:g}"] = f"{text}  \n{_change_text(cell['changes'][place])}"
            rows.append(row)
        st.table(rows)
        network = f"Network: {base['extractor']}. " if base["extractor"] else ""
        st.caption(plain(f"N = {base['n']}. {network}Defined by: {base['reference']}."))


def _change_text(change: Mapping[str, Any]) -> str:
    """By how much a figure fell against the model alone; the interval is of the difference."""
    found = change["difference"]
    value, low, high = (found[end] for end in ("value", "low", "high"))
    if not all(isinstance(end, (int, float)) for end in (value, low, high)) or not low <= value <= high:
        return "change not sure"
    if low <= 0 <= high:
        return f"no sure change ({number(-high)} to {number(-low)})"
    fell = low > 0
    ends = (low, high) if fell else (-high, -low)
    return f"{'fell' if fell else 'rose'} by {number(abs(value))} ({number(ends[0])} to {number(ends[1])})"


def _pictures(studio: Studio, run: str, found: Found) -> None:
    grid, captions = found.report, found.report["captions"]
    place = st.selectbox(
        "Caption", range(len(captions)), format_func=lambda place: captions[place], key=f"caption_{found.folder.name}"
    )
    alone = grid["cells"][0]
    for _, group in groupby(grid["cells"][1:], itemgetter("step")):
        cells = list(group)
        st.markdown(f"**{plain(cells[0]['label'].capitalize())}**")
        columns = st.columns(1 + len(cells))
        for column, cell in zip(columns, [alone, *cells], strict=True):
            with column:
                _cell(studio, run, found, cell, place)


def _cell(studio: Studio, run: str, found: Found, cell: Mapping[str, Any], place: int) -> None:
    name = f"Weight {cell['weight']:g}" if cell["changes"] else "Without"
    st.image(small_picture(found.folder / cell["pictures"][place], TILE), caption=name, width="stretch", alt=name)
    if cell["changes"]:
        promote_button(studio, run, found.report, cell, "Use this", "tertiary", width="stretch")


def promote_button(
    studio: Studio,
    run: str,
    grid: Mapping[str, Any],
    cell: Mapping[str, Any],
    label: str,
    kind: Any,
    width: Any = "content",
) -> None:
    """Puts a checkpoint into the picker.

    Args:
        grid: with the LoRA's `name`.
        cell: with `checkpoint`, `step` and `weight`.
    """
    st.button(
        label,
        type=kind,
        width=width,
        key=f"promote_{kind}_{cell['checkpoint']}_{cell['weight']:g}",
        icon=":material/publish:",
        help="Puts this checkpoint into the picker and suggests this weight; what is there now is kept",
        on_click=_promote,
        args=(studio, run, grid["name"], cell),
    )


def _promote(studio: Studio, run: str, name: str, cell: Mapping[str, Any]) -> None:
    chosen = {"checkpoint": cell["checkpoint"], "step": cell["step"], "weight": cell["weight"]}
    promote = Press(f"promote_{run}")
    promote.now(lambda key: studio.submit(PromoteLora(run=run, name=name, **chosen), owner=OWNER), chosen)
    if not promote.problems({}):
        words = f"Step {cell['step']} at weight {cell['weight']:g} goes into the picker"
        st.toast(plain(words), icon=":material/publish:")
