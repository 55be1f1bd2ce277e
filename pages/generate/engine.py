"""What computes a drawing: chosen by the studio, or by the artist."""

from typing import Any

import streamlit as st

from engine.computing.names import openvino_version
from engine.diffusion.backends.names import default_backend
from engine.studio import Studio
from engine.weights.models import ModelInfo
from pages.parts.engine import CHOICES, HELP, becomes


def pick_backend(studio: Studio, model: ModelInfo) -> dict[str, Any]:
    """The engine as a field of a request; nothing where the studio chooses, or where there is one alone."""
    accelerated = studio.engine().accelerated
    if accelerated or not openvino_version():
        return {}
    choice = st.selectbox(
        "Engine",
        CHOICES,
        key="backend",
        bind="query-params",
        help=HELP,
    )
    taken = CHOICES[choice] or default_backend(studio.settings, model, accelerated)
    st.caption(becomes(choice, taken, "model"))
    return {"backend": CHOICES[choice]} if CHOICES[choice] else {}
