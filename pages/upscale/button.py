"""The button beside a picture that makes it larger."""

import streamlit as st

from engine.studio import Studio
from engine.upscaling.request import DEFAULT_UPSCALER, FACTORS, Upscale
from gallery.records import ImageRecord
from pages.parts.common import OWNER, UPSCALE
from pages.parts.submit import Press


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
                    args=(studio, press, record.id, factor),
                )
        press.show_problems()
        st.page_link(UPSCALE, label="See it there", icon=":material/zoom_out_map:", help="Progress and results")


def _ask(studio: Studio, press: Press, image_id: str, factor: int) -> None:
    upscaler = st.session_state.get("chosen_upscaler", DEFAULT_UPSCALER)

    def submit(key: str) -> None:
        values = {"photos": (studio.start_from(image_id, OWNER),), "factor": factor, "upscaler": upscaler}
        studio.submit(studio.request(Upscale.kind, values), key=key, owner=OWNER)

    press.now(submit, (image_id, factor, upscaler))
