"""Generate: from a prompt to images."""

import random
import uuid
from typing import Any

import streamlit as st

from engine.errors import InvalidRequest, StudioError
from engine.requests import MAX_PROMPT_CHARACTERS, MAX_SEED, RANDOM_SEED_LIMIT, SCHEDULERS
from engine.studio import Studio
from engine.weights.loras import LoraInfo
from engine.weights.models import ModelInfo
from pages.common import OWNER, by_field, open_studio, plain, show_problems
from pages.feed import show_feed
from pages.models import show_add_model, show_missing_model

EXAMPLES = (
    "a castle on a mountain at sunset",
    "a quiet lake in a pine forest, morning mist",
    "a volcano by the sea at night",
    "floating islands above the clouds, golden light",
)
CUSTOM = "Custom"


def main() -> None:
    """Lay out the page."""
    studio = open_studio()
    if "added_model" in st.session_state:
        st.session_state.model = st.session_state.pop("added_model")
    _take_restored_settings(studio)
    left, right = st.columns([2, 3], gap="large")
    with left:
        problems = st.session_state.get("problems", {})
        prompts = _prompts(problems)
        pressed = _generate_button()
        values = prompts | _settings(studio, problems)
    if pressed:
        _submit(studio, values)
    with right:
        show_feed(studio, empty=_examples)


def _prompts(problems: dict[str, str]) -> dict[str, str]:
    prompt = st.text_area(
        "Prompt",
        key="prompt",
        bind="query-params",
        height=96,
        max_chars=MAX_PROMPT_CHARACTERS,
        placeholder="a castle on a mountain at sunset",
    )
    show_problems(problems, "prompt")
    negative = st.text_input(
        "Negative prompt",
        key="negative_prompt",
        bind="query-params",
        max_chars=MAX_PROMPT_CHARACTERS,
        placeholder="what to avoid: blurry, people, text",
    )
    show_problems(problems, "negative_prompt")
    return {"prompt": prompt or "", "negative_prompt": negative or ""}


def _generate_button() -> bool:
    return st.button(
        "Generate", key="generate", type="primary", width="stretch", icon=":material/brush:", shortcut="Ctrl+Enter"
    )


def _settings(studio: Studio, problems: dict[str, str]) -> dict[str, Any]:
    model = _model_picker(studio)
    show_problems(problems, "model")
    if not model.available:
        show_missing_model(studio, model)
    values = {"model": model.name, **_size(model, problems)}
    count, seed = st.columns([1, 2])
    with count:
        values["num_images"] = st.number_input("Images", 1, 8, 1, key="num_images", bind="query-params")
        show_problems(problems, "num_images")
    with seed:
        values["seed"] = _seed(problems)
    values["loras"] = _loras(studio, model)
    show_problems(problems, "loras")
    return values | _advanced(problems)


def _model_picker(studio: Studio) -> ModelInfo:
    models = {info.name: info for info in studio.models()}
    names = list(models)
    picker, add = st.columns([5, 1], vertical_alignment="bottom")
    with add:
        show_add_model(studio)
    name = picker.selectbox(
        "Model",
        names,
        index=names.index(studio.default_model().name),
        format_func=lambda name: _model_label(models[name]),
        key="model",
        bind="query-params",
    )
    return models[name]


def _model_label(info: ModelInfo) -> str:
    return info.title if info.available else f"{info.title}: not on this machine"


def _sizes(info: ModelInfo) -> dict[str, tuple[int, int]]:
    """Presets around the model's native size: the long side up by a quarter, the short one down."""
    native, step = info.native_size, max(info.size_multiple, 32)
    long, short = round(native * 1.25 / step) * step, round(native * 0.75 / step) * step
    return {"Square": (native, native), "Landscape": (long, short), "Portrait": (short, long)}


def _size(info: ModelInfo, problems: dict[str, str]) -> dict[str, int]:
    presets = _sizes(info)
    choice = st.segmented_control(
        "Size",
        [*presets, CUSTOM],
        default="Square",
        required=True,
        key="size",
        bind="query-params",
        width="stretch",
    )
    if choice in presets:
        width, height = presets[choice]
        st.caption(f"{width} × {height} pixels")
    else:
        across, down = st.columns(2)
        step = info.size_multiple
        with across:
            width = st.number_input(
                "Width", 8, value=info.native_size, step=step, key="width", bind="query-params"
            )
        with down:
            height = st.number_input(
                "Height", 8, value=info.native_size, step=step, key="height", bind="query-params"
            )
    show_problems(problems, "width", "height")
    return {"width": width, "height": height}


def _seed(problems: dict[str, str]) -> int | None:
    field, dice = st.columns([4, 1], vertical_alignment="bottom")
    with field:
        seed = st.number_input(
            "Seed",
            0,
            MAX_SEED,
            None,
            key="seed",
            bind="query-params",
            placeholder="random",
            help="The same settings with the same seed give the same picture. Image 2 uses seed + 1, and so on.",
        )
    with dice:
        st.button(
            "", icon=":material/casino:", key="dice", on_click=_roll, help="Draw a new seed and keep it"
        )
    keep = st.toggle(
        "Keep seed",
        key="keep_seed",
        bind="query-params",
        help="Off: every press of Generate draws a new seed.",
    )
    show_problems(problems, "seed")
    return seed if keep else None


def _roll() -> None:
    st.session_state.seed = random.SystemRandom().randrange(RANDOM_SEED_LIMIT)
    st.session_state.keep_seed = True


def _loras(studio: Studio, model: ModelInfo) -> list[tuple[str, float]]:
    loras = {lora.name: lora for lora in studio.loras() if not lora.problem}
    if not loras:
        st.caption(f"LoRAs: none yet. Put .safetensors files into {plain(studio.settings.lora_dir)}")
        return []
    names = st.multiselect(
        "LoRAs",
        list(loras),
        format_func=lambda name: _lora_label(loras[name], model),
        key="loras",
        bind="query-params",
        placeholder="none",
    )
    return [(name, _lora_weight(loras[name])) for name in names]


def _lora_label(lora: LoraInfo, model: ModelInfo) -> str:
    other = lora.cross_attention_dim and lora.cross_attention_dim != model.cross_attention_dim
    return f"{lora.name} (for {lora.base})" if other else lora.name


def _lora_weight(lora: LoraInfo) -> float:
    weight = st.slider(
        f"Weight of {plain(lora.name)}",
        -2.0,
        2.0,
        lora.preferred_weight,
        0.05,
        key=f"weight_{lora.name}",
        persist_state="session",
    )
    if lora.trigger_words:
        st.caption(f"Trigger words: {plain(', '.join(lora.trigger_words))}")
    return weight


def _advanced(problems: dict[str, str]) -> dict[str, Any]:
    fields = ("num_inference_steps", "guidance_scale", "scheduler")
    with st.expander("Advanced", icon=":material/tune:", expanded=any(field in problems for field in fields)):
        steps = st.number_input("Steps", 1, 150, 25, key="num_inference_steps", bind="query-params")
        guidance = st.number_input(
            "Guidance scale",
            1.0,
            30.0,
            7.5,
            0.5,
            key="guidance_scale",
            bind="query-params",
            help="How closely to follow the prompt. 1 ignores the negative prompt and draws twice as fast.",
        )
        scheduler = st.selectbox("Scheduler", SCHEDULERS, key="scheduler", bind="query-params")
        show_problems(problems, *fields)
    return {"num_inference_steps": steps, "guidance_scale": guidance, "scheduler": scheduler}


def _submit(studio: Studio, values: dict[str, Any]) -> None:
    state = st.session_state
    # The nonce changes only after a job was accepted, so a repeated page run finds the same job.
    nonce = state.setdefault("nonce", uuid.uuid4().hex)
    try:
        studio.submit(studio.request(values), key=nonce, owner=OWNER)
    except InvalidRequest as error:
        state.problems = by_field(error.problems)
    except StudioError as error:
        state.problems = {"prompt": str(error)}
    else:
        state.problems = {}
        state.nonce = uuid.uuid4().hex
    st.rerun()


def _examples() -> None:
    st.markdown("#### Type what you want to see, then press Generate")
    st.caption("Or start from one of these:")
    with st.container(gap="xsmall"):
        for example in EXAMPLES:
            st.button(
                example,
                key=f"example_{example}",
                icon=":material/arrow_back:",
                type="tertiary",
                on_click=_use_example,
                args=(example,),
            )


def _use_example(example: str) -> None:
    st.session_state.prompt = example


def _take_restored_settings(studio: Studio) -> None:
    """Fill the form from a recipe that the gallery handed over."""
    restored = st.session_state.pop("restore", None)
    if restored is None:
        return
    state = st.session_state
    for name in ("prompt", "negative_prompt", "seed", "num_inference_steps", "guidance_scale", "scheduler"):
        state[name] = restored[name]
    state.keep_seed, state.num_images = True, 1
    known = {info.name: info for info in studio.models()}
    if restored["model"] in known:
        state.model = restored["model"]
        _restore_size(known[restored["model"]], restored["width"], restored["height"])
    here = {lora.name for lora in studio.loras() if not lora.problem}
    state.loras = [lora["name"] for lora in restored["loras"] if lora["name"] in here]
    for lora in restored["loras"]:
        state[f"weight_{lora['name']}"] = lora["weight"]
    missing = [lora["name"] for lora in restored["loras"] if lora["name"] not in here]
    if restored["model"] not in known:
        missing.append(restored["model"])
    if missing:
        st.warning(f"Not on this machine and left out: {plain(', '.join(missing))}.")


def _restore_size(info: ModelInfo, width: int, height: int) -> None:
    presets = _sizes(info)
    label = next((label for label, size in presets.items() if size == (width, height)), CUSTOM)
    st.session_state.size = label
    if label == CUSTOM:
        st.session_state.width, st.session_state.height = width, height


main()
