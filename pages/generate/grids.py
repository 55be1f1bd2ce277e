"""A grid: the form's drawing over and over, with single values changed."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from engine.grids.admission import seconds_of
from engine.grids.axes import AXES, Axis, typed, values_from
from engine.grids.request import MOST_CELLS, Grid
from engine.rules import LABELS, counted, rough_duration
from engine.studio import Studio
from pages.parts.common import OWNER, PEOPLE_ERRORS, plain
from pages.parts.submit import Press

PRESS = Press("grid", places={**{field: field for field in LABELS}, "axes": "grid_values_"})
PLACES = ("Across", "Down", "Sheets")
NOTHING = "—"
LOOKED_AT = 200  # newest pictures of which the pace is taken


def show_grid(studio: Studio, values: Mapping[str, Any]) -> None:
    """Choose what changes, see how many pictures that makes and about how long they take, and ask for them.

    Args:
        values: what the form says, with its `kind`.
    """
    with st.expander("Grid: compare values", icon=":material/grid_on:"):
        st.caption(
            f"This drawing over and over with single values changed, up to {MOST_CELLS} pictures on labelled sheets. "
            "Of prompt words the first is what the others stand in for."
        )
        axes = [axis for place in PLACES if (axis := _axis(place))]
        fields = _fields(values, axes)
        with st.container():  # what comes and goes keeps its place
            if not PRESS.problems(fields) and (said := _said(studio, values, axes)):
                st.caption(said)
        PRESS.show_problems(fields)
        if PRESS.button("Draw the grid", ":material/grid_on:", main=False, disabled=not axes):
            _ask(studio, values, axes)


def restore_axes(axes: tuple[Axis, ...]) -> None:
    """Fill the form's axes from a grid's recipe."""
    for place, index in zip(PLACES, range(len(PLACES)), strict=True):
        axis = axes[index] if index < len(axes) else None
        st.session_state[f"grid_{place}"] = axis.name if axis else NOTHING
        st.session_state[f"grid_values_{place}"] = typed(axis.values) if axis else ""


def _axis(place: str) -> Axis | None:
    name, text = st.columns([2, 3], vertical_alignment="bottom")
    chosen = name.selectbox(
        place,
        [NOTHING, *AXES],
        format_func=lambda each: AXES[each].label if each in AXES else each,
        key=f"grid_{place}",
        bind="query-params",
    )
    words = text.text_input(
        f"Values {place.lower()}",
        key=f"grid_values_{place}",
        bind="query-params",
        placeholder=AXES[chosen].example if chosen in AXES else "",
        disabled=chosen == NOTHING,
    )
    return Axis(chosen, values_from(chosen, words)) if chosen in AXES else None


def _said(studio: Studio, values: Mapping[str, Any], axes: list[Axis]) -> str:
    """How many pictures the form asks for and about how long they take, or what is wrong with it."""
    if not axes or not all(axis.values for axis in axes):
        return ""
    try:
        request = studio.request(Grid.kind, _values(values, axes))
    except PEOPLE_ERRORS as error:
        return f":material/error: {plain(error)}"
    seconds = seconds_of(request, studio.gallery.page(limit=LOOKED_AT, owner=OWNER).images)
    takes = f", about {rough_duration(seconds)} here" if seconds else ""
    return f"{counted(request.count, 'picture')}{takes}."


def _values(values: Mapping[str, Any], axes: list[Axis]) -> dict[str, Any]:
    base = {name: value for name, value in values.items() if name != "kind"} | {"num_images": 1}
    return {"base_kind": values.get("kind"), "base": base, "axes": axes}


def _ask(studio: Studio, values: Mapping[str, Any], axes: list[Axis]) -> None:
    def submit(key: str) -> None:
        studio.submit(studio.request(Grid.kind, _values(values, axes)), key=key, owner=OWNER)

    asked = (str(sorted(values.items(), key=lambda pair: pair[0])), tuple(axes))
    PRESS.ask(asked, submit, _fields(values, axes))


def _fields(values: Mapping[str, Any], axes: list[Axis]) -> dict[str, Any]:
    """What problems may be about, as text; whatever is changed may mend what is said of the axes."""
    everything = str(sorted(values.items(), key=lambda pair: pair[0]))
    return {**{name: str(value) for name, value in values.items()}, "axes": (everything, *map(str, axes))}
