"""Draft or final: one press for the LoRA with which a model draws in few steps."""

import streamlit as st

from engine.studio import Studio
from engine.weights.catalogue.few_steps import LCM, TURBO
from engine.weights.loras import LoraInfo
from engine.weights.models import ModelInfo
from pages.generate.loras import weight_key
from pages.parts.common import plain

DRAFT, FINAL = "Draft", "Final"
_ITS_PICTURE = {
    TURBO: "Mostly its picture has the composition of the final one of the same seed.",
    LCM: "Its picture is another one than the final one of the same seed.",
}
_KEY = "pace"


def pick_pace(studio: Studio, model: ModelInfo) -> None:
    """Draft puts the model's LoRA for few steps among the chosen ones; call it before the picker of LoRAs.

    Nothing stands here where the model has no such LoRA, or draws in few steps by itself.
    """
    quick = _quick_lora(studio, model)
    if quick is None or model.few_steps:
        return
    # The chosen LoRAs are what is true, and the address has them: this only shows and changes them.
    st.session_state[_KEY] = DRAFT if quick.name in (st.session_state.get("loras") or ()) else FINAL
    st.segmented_control(
        "Draft or final",
        [DRAFT, FINAL],
        required=True,
        key=_KEY,
        on_change=_put,
        args=(quick,),
        help=f"Draft draws in 4 steps with the LoRA {plain(quick.name)}: to look for a motif. It knows no negative "
        f"prompt. {_ITS_PICTURE[quick.few_steps]}",
    )


def _quick_lora(studio: Studio, model: ModelInfo) -> LoraInfo | None:
    """The first that fits, of those that ship or that the artist brought."""
    fitting = (
        lora
        for lora in studio.loras()
        if lora.few_steps and not lora.problem and lora.cross_attention_dim == model.cross_attention_dim
    )
    return next(fitting, None)


def _put(quick: LoraInfo) -> None:
    others = [name for name in st.session_state.get("loras") or () if name != quick.name]
    if st.session_state[_KEY] == DRAFT:
        others.append(quick.name)
        st.session_state[weight_key(quick.name)] = quick.preferred_weight
    st.session_state.loras = others
