"""What computes a translation: chosen by the studio, or by the artist."""

from typing import Any

import streamlit as st

from engine.computing.names import openvino_version
from engine.settings import OPENVINO
from engine.studio import Studio
from engine.translation.backends.names import default_backend, has_fixed_steps, is_convertible
from engine.translation.catalogue import Translator
from pages.parts.engine import AUTOMATIC, CHOICES, HELP, becomes


def is_choice(studio: Studio, info: Translator) -> bool:
    """Whether this translator can be computed by more than one engine here."""
    return is_convertible(info) and bool(openvino_version()) and not studio.engine().accelerated


def pick_backend(studio: Studio, info: Translator, solver: str | None) -> dict[str, Any]:
    """The engine as a field of a request; nothing where the studio chooses, or where there is one alone."""
    if not is_choice(studio, info):
        return {}
    choice = st.selectbox(
        "Engine",
        CHOICES,
        key="backend",
        bind="query-params",
        help=HELP,
    )
    taken = CHOICES[choice] or default_backend(studio.settings, info, solver, accelerated=False)
    if solver:
        st.caption("With a solver of your choice PyTorch computes.")
    elif choice == AUTOMATIC:
        st.caption(_automatic(studio, info, taken))
    else:
        st.caption(becomes(choice, taken, "translator"))
    return {"backend": CHOICES[choice]} if CHOICES[choice] else {}


def _automatic(studio: Studio, info: Translator, taken: str) -> str:
    if taken == OPENVINO:
        return "OpenVINO computes; it makes the translator ready first where it is not yet, once."
    if not has_fixed_steps(info):
        return "PyTorch computes: this translator's solver chooses its steps, which OpenVINO cannot follow."
    return f"PyTorch computes, as STUDIO_BACKEND={studio.settings.backend} says."
