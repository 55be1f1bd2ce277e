"""What was chosen of a recipe, put into the form, and what is said of it afterwards."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from engine.diffusion.defaults import FIELDS
from engine.incoming.fields import DIFFERS, SAME, Field
from engine.studio import Studio
from gallery.recipe import Recipe
from gallery.records import ImageRecord
from pages.generate.defaults import keep_fields
from pages.generate.grids import restore_axes
from pages.generate.incoming.bringing import Brought
from pages.generate.kept import MASK, NOTHING, PART, START, START_FROM
from pages.generate.loras import weight_key
from pages.generate.restore_start import restore_start
from pages.generate.sizes import CUSTOM, label_of
from pages.generate.styles import remember_template
from pages.parts.common import OWNER, plain
from pages.parts.reuse import INCOMING

_FILL, _SAID = "incoming_fill", "incoming_said"
_TEXTS = ("prompt", "negative_prompt")


@dataclass(frozen=True, slots=True)
class _Fill:
    """One application: by which name the address calls it, what goes into the form, and from what it is."""

    name: str
    values: Mapping[str, Any]
    loras: Sequence[tuple[str, float]]
    brought: Brought


@dataclass(frozen=True, slots=True)
class Said:
    """What is told after a recipe was applied: what went in, and the rows that did not."""

    applied: str
    left_out: Sequence[Field]


def apply_rows(brought: Brought, rows: Sequence[Field], names: Collection[str]) -> None:
    """Have the form filled from the rows of these names when the page runs next."""
    chosen = [row for row in rows if row.name in names and row.values]
    values = {key: value for row in chosen for key, value in row.values.items() if key != "lora"}
    loras = [row.values["lora"] for row in chosen if "lora" in row.values]
    fill = _Fill(uuid.uuid4().hex[:12], values, loras, brought)
    st.session_state[_FILL] = fill
    st.session_state[_SAID] = _said(brought, rows, chosen)
    st.query_params[INCOMING] = fill.name


def fill_incoming(studio: Studio, name: str) -> list[str]:
    """Put into the form what the address names, if this session chose it."""
    fill: _Fill | None = st.session_state.get(_FILL)
    if fill is None or fill.name != name:
        return []
    state, values = st.session_state, fill.values
    for field in (*_TEXTS, "prompt_syntax", "styles", "num_inference_steps", "scheduler", "model"):
        if field in values:
            state[field] = values[field]
    if "guidance_scale" in values:
        state.guidance_scale = float(values["guidance_scale"])
    if "seed" in values:
        state.seed = str(values["seed"])
    if "variation" in values:
        strength, seed = values["variation"]
        state.variation_strength, state.variation_seed = float(strength), "" if seed is None else str(seed)
    if any(field in values for field in FIELDS):
        keep_fields()
    _fill_size(studio, values)
    _fill_loras(fill)
    _fill_start(values)
    return _fill_own(studio, fill)


def say_applied() -> None:
    """What the last application did, until the artist has read it."""
    with st.container():  # what comes and goes keeps its place
        said: Said | None = st.session_state.get(_SAID)
        if said is None:
            return
        st.success(plain(said.applied), icon=":material/check:")
        if lines := _left_out(said.left_out):
            st.warning("\n- ".join(["Left out:", *lines]), icon=":material/block:")
        st.button("Hide this", icon=":material/close:", key="incoming_hide", type="tertiary", on_click=_forget)


def links_of(row: Field) -> str:
    """Where what it names may be had, as Markdown; nothing is asked before one of them is opened."""
    return " or ".join(f"[{plain(words)}]({address})" for words, address in row.links)


def _left_out(rows: Sequence[Field]) -> list[str]:
    """A line of Markdown for each row that could not be taken as it is, and one for those that were not chosen."""
    lines = [_why(row) for row in rows if row.state != DIFFERS]
    unchosen = ", ".join(row.label for row in rows if row.state == DIFFERS)
    return [*lines, plain(f"{unchosen}: not chosen.")] if unchosen else lines


def _why(row: Field) -> str:
    if not row.links:
        return plain(f"{row.label}: {row.said}")
    return f"{plain(f'{row.label}: {row.incoming}. {row.said}')} Look for it at {links_of(row)}."


def _forget() -> None:
    st.session_state.pop(_SAID, None)


def _said(brought: Brought, rows: Sequence[Field], chosen: Sequence[Field]) -> Said:
    tool = brought.recipe.tool if brought.recipe else ""
    changed = ", ".join(row.label for row in chosen if row.state != SAME) or "nothing that was not there already"
    return Said(f"Applied from {tool}: {changed}.", [row for row in rows if row not in chosen and row.state != SAME])


def _fill_size(studio: Studio, values: Mapping[str, Any]) -> None:
    if "width" not in values:
        return
    state = st.session_state
    known = {info.name: info for info in studio.models()}
    info = known.get(state.get("model")) or studio.default_model(known.values())
    state.size = label_of(info, values["width"], values["height"])
    if state.size == CUSTOM:
        state.width, state.height, state.enlarged = values["width"], values["height"], 1


def _fill_loras(fill: _Fill) -> None:
    off = fill.values.get("loras_off", ())
    if not (fill.loras or off):
        return
    state = st.session_state
    kept = [name for name in state.get("loras") or () if name not in off]
    state.loras = [*dict.fromkeys([*kept, *(name for name, _ in fill.loras)])]
    for name, weight in fill.loras:
        state[weight_key(name)] = weight


def _fill_start(values: Mapping[str, Any]) -> None:
    state = st.session_state
    if "start_from_nothing" in values:
        for name in (START, MASK):
            st.query_params.pop(name, None)
        state[START_FROM] = NOTHING
    if "strength" in values:
        part = state.get(START_FROM) == PART
        state["start_redraw_strength" if part else "start_strength"] = float(values["strength"])


def _fill_own(studio: Studio, fill: _Fill) -> list[str]:
    """What only recipes of this studio have; returns the names of what is not here."""
    values, own, state = fill.values, fill.brought.own, st.session_state
    if own is None:
        return []
    if "axes" in values:
        restore_axes(values["axes"])
    if all(name in values for name in _TEXTS):
        remember_template(dict(fill.brought.drawing), {name: values[name] for name in _TEXTS})
    if "start" in values:
        return restore_start(studio, _as_record(own), state.get("model") or studio.default_model().name)
    return []


def _as_record(own: Recipe) -> ImageRecord:
    """The recipe as that of a picture of the gallery, where it need not be."""
    return ImageRecord(
        id="",
        created_at=0.0,
        owner=OWNER,
        job_id=None,
        job_index=None,
        kind=own.kind,
        title=own.prompt,
        negative_prompt=own.negative_prompt,
        model=own.model_name,
        seed=own.seed,
        width=0,
        height=0,
        sha256="",
        size_bytes=0,
        recipe_values=own.to_dict(),
    )
