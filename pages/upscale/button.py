"""The button beside a picture that makes it larger."""

from typing import Any

import streamlit as st

from engine.studio import Studio
from engine.upscaling.request import DEFAULT_UPSCALER, FACTORS, REDRAW_STRENGTH, Upscale, drawing_of
from gallery.records import ImageRecord
from pages.parts.common import OWNER, UPSCALE
from pages.parts.submit import Press

MANY_TILES = (
    "How freely it is drawn again. Each tile is drawn by the whole prompt: at 4x, where the prompt names things, a "
    f"small model may draw them again in many tiles. {REDRAW_STRENGTH.low:g} and 2x are kinder."
)


def show_upscale(studio: Studio, record: ImageRecord, place: str) -> None:
    """Offer to make this picture larger, by the upscaler that was chosen last.

    Args:
        place: keeps the widgets of the same picture apart when it is shown twice on a page.
    """
    press = Press(f"upscale_{place}_{record.id}")
    with st.popover("Upscale", icon=":material/zoom_out_map:"):
        with st.container(horizontal=True):
            for factor in FACTORS:
                larger = f"{record.width * factor} × {record.height * factor} pixels"
                st.button(
                    f"{factor}x",
                    key=f"upscale_{factor}_{place}_{record.id}",
                    help=larger,
                    on_click=_ask,
                    args=(studio, press, record.id, {"factor": factor}),
                )
        if drawing := drawing_of(record.recipe.request):
            _second_pass(studio, press, record, place, drawing)
        press.show_problems()
        st.page_link(UPSCALE, label="See it there", icon=":material/zoom_out_map:", help="Progress and results")


def _second_pass(studio: Studio, press: Press, record: ImageRecord, place: str, drawing: dict[str, Any]) -> None:
    """Of a drawing: larger, then drawn again in tiles with its own prompt and model, which takes its time."""
    key = f"{place}_{record.id}"
    st.caption("Hi-res: larger, then drawn again in tiles with its own prompt")
    low, high, usual = REDRAW_STRENGTH.low, REDRAW_STRENGTH.high, REDRAW_STRENGTH.default
    strength = st.slider("Strength", low, high, usual, 0.05, key=f"redraw_strength_{key}", help=MANY_TILES)
    with st.container(horizontal=True):
        for factor in FACTORS:
            values = {"factor": factor, "redraw_strength": strength, "redraw": drawing}
            args = (studio, press, record.id, values)
            st.button(f"Hi-res {factor}x", key=f"redraw_{factor}_{key}", on_click=_ask, args=args)


def _ask(studio: Studio, press: Press, image_id: str, asked: dict[str, Any]) -> None:
    values = {"upscaler": st.session_state.get("chosen_upscaler", DEFAULT_UPSCALER), **asked}

    def submit(key: str) -> None:
        photos = (studio.start_from(image_id, OWNER),)
        studio.submit(studio.request(Upscale.kind, {**values, "photos": photos}), key=key, owner=OWNER)

    press.now(submit, (image_id, values))
