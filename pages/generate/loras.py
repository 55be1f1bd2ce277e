"""The LoRA picker: which ones, how strongly, and which files cannot be used."""

from collections.abc import Sequence

import streamlit as st

from engine.diffusion.prompts.grammar import PLAIN
from engine.diffusion.prompts.lora_tags import (
    Offer,
    has_words,
    offers,
    tags_of,
    with_words,
    without_tag,
    without_words,
)
from engine.diffusion.request import LORA_WEIGHT
from engine.studio import Studio
from engine.weights.catalogue.few_steps import LCM, TURBO
from engine.weights.loras import LoraInfo
from engine.weights.models import ModelInfo
from pages.parts.common import plain
from pages.parts.licences import offered, show_licence

_FOR = {
    TURBO: "few steps, mostly 4, with the scheduler Turbo and without guidance (1)",
    LCM: "4 to 8 steps with the scheduler LCM and a guidance scale of 1 to 2",
}


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
    names = st.multiselect(
        "LoRAs",
        offered(loras, st.session_state.get("loras") or ()),
        key="loras",
        bind="query-params",
        placeholder="none",
    )
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
    show_licence(lora.licence)
    if lora.note:
        st.caption(f":material/info: {plain(lora.note)}")
    if lora.few_steps:
        st.caption(f":material/tune: It is for {_FOR[lora.few_steps]}.")
    if lora.trigger_words:
        _trigger_words(lora)
    return weight


def _trigger_words(lora: LoraInfo) -> None:
    """Each is on while the prompt has it, so the address, which has the prompt, remembers them all."""
    prompt = st.session_state.get("prompt") or ""
    key = f"triggers_{lora.name}"
    st.session_state[key] = [words for words in lora.trigger_words if has_words(prompt, words)]
    st.pills(
        f"Trigger words of {plain(lora.name)}",
        lora.trigger_words,
        selection_mode="multi",
        format_func=plain,
        key=key,
        on_change=_put_trigger_words,
        args=(lora.trigger_words, key),
        help="Words that this LoRA was trained to follow. What is chosen here stands in the prompt.",
    )


def _put_trigger_words(words: Sequence[str], key: str) -> None:
    """Bring the prompt to what is chosen; only what differs is touched."""
    prompt = st.session_state.get("prompt") or ""
    chosen = st.session_state[key]
    for word in words:
        if has_words(prompt, word) != (word in chosen):
            prompt = with_words(prompt, word) if word in chosen else without_words(prompt, word)
    st.session_state.prompt = prompt


def offer_tags(studio: Studio, prompt: str, syntax: str) -> None:
    """For each `<lora:name:0.8>` in a prompt that is read with weights: a button that moves it to the picker."""
    if syntax == PLAIN or not tags_of(prompt):
        return
    for offer in offers(prompt, studio.loras(), studio.settings.home / "hashes.json"):
        if offer.lora is None:
            st.caption(f":material/info: {plain(offer.refusal)}")
            continue
        st.button(
            f"Use LoRA {plain(offer.lora.name)} at {offer.weight:g}",
            key=f"use_{offer.tag.text}",
            icon=":material/arrow_downward:",
            on_click=_use_tag,
            args=(offer, offer.lora.name),
        )


def _use_tag(offer: Offer, name: str) -> None:
    state = st.session_state
    state.prompt = without_tag(state.prompt, offer.tag.text)
    state.loras = [*dict.fromkeys([*state.get("loras", ()), name])]
    state[weight_key(name)] = offer.weight


def _unusable(loras: Sequence[LoraInfo]) -> None:
    if not loras:
        return
    files = "file" if len(loras) == 1 else "files"
    with st.expander(f"{len(loras)} LoRA {files} cannot be used", icon=":material/warning:"):
        for lora in loras:
            st.text(f"{lora.name}: {lora.problem}")
