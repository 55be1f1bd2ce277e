"""The LoRA picker: which ones, how strongly, and which files cannot be used."""

from collections.abc import Sequence

import streamlit as st

from engine.diffusion.request import LORA_WEIGHT
from engine.studio import Studio
from engine.weights.loras import LoraInfo
from engine.weights.models import ModelInfo
from pages.parts.common import plain


def weight_key(name: str) -> str:
    """Under which key the weight of a LoRA is kept in the session and in the address."""
    return f"weight_{name}"


def pick_loras(studio: Studio, model: ModelInfo) -> list[tuple[str, float]]:
    """Let the artist choose; returns names and weights."""
    files = studio.loras()
    usable = {lora.name: lora for lora in files if not lora.problem}
    chosen = _picker(studio, usable, model)
    _unusable([lora for lora in files if lora.problem])
    return chosen


def _picker(studio: Studio, loras: dict[str, LoraInfo], model: ModelInfo) -> list[tuple[str, float]]:
    if not loras:
        st.caption(f"LoRAs: none yet. Put .safetensors files into {plain(studio.settings.lora_dir)}")
        return []
    # The address holds the options as they are written here, so they are names and nothing else.
    names = st.multiselect("LoRAs", list(loras), key="loras", bind="query-params", placeholder="none")
    return [(name, _weight(loras[name], model)) for name in names]


def _weight(lora: LoraInfo, model: ModelInfo) -> float:
    weight = st.slider(
        f"Weight of {plain(lora.name)}",
        LORA_WEIGHT.low,
        LORA_WEIGHT.high,
        lora.preferred_weight,
        0.05,
        key=weight_key(lora.name),
        bind="query-params",
    )
    if lora.cross_attention_dim and model.cross_attention_dim not in (0, lora.cross_attention_dim):
        text = f"It is made for {lora.base}; this model is {model.base}."
        st.warning(plain(text), icon=":material/warning:")
    if lora.note:
        st.caption(f":material/info: {plain(lora.note)}")
    if lora.few_steps:
        st.caption(":material/tune: It is for 4 to 8 steps with the scheduler LCM and a guidance scale of 1 to 2.")
    if lora.trigger_words:
        st.caption(f"Trigger words: {plain(', '.join(lora.trigger_words))}")
    return weight


def _unusable(loras: Sequence[LoraInfo]) -> None:
    if not loras:
        return
    files = "file" if len(loras) == 1 else "files"
    with st.expander(f"{len(loras)} LoRA {files} cannot be used", icon=":material/warning:"):
        for lora in loras:
            st.text(f"{lora.name}: {lora.problem}")
