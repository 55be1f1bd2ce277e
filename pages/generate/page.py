"""Generate: from a prompt to images."""

from functools import partial
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from engine.diffusion.defaults import Defaults
from engine.diffusion.request import ENLARGED, GUIDANCE_SCALE, NUM_IMAGES, SCHEDULERS, STEPS, VARIATION_STRENGTH
from engine.studio import Studio
from engine.weights.models import ModelInfo
from pages.generate.defaults import follow_model, own_defaults, say_defaults
from pages.generate.details import FED
from pages.generate.engine import pick_backend
from pages.generate.grids import show_grid
from pages.generate.history import show_history
from pages.generate.incoming.dialog import open_button, show_dialog
from pages.generate.incoming.filling import fill_incoming, say_applied
from pages.generate.live import show_live
from pages.generate.loras import pick_loras
from pages.generate.models import show_missing_model, show_model_menu, show_model_note
from pages.generate.notes import show_drawing_notes, show_prompt_notes, show_size_notes
from pages.generate.pace import pick_pace
from pages.generate.presets import fill_preset, show_presets
from pages.generate.reading import pick_embedding, syntax_field
from pages.generate.restore import fill_generate, fill_values
from pages.generate.results import show_drawings, show_earlier
from pages.generate.seed import read_seed, seed_field
from pages.generate.sizes import CUSTOM, native_size, presets, usual
from pages.generate.start import Start, absent_fields, pick_start, start_fields, start_values
from pages.generate.styles import edit_styles, pick_styles, show_words
from pages.parts.attention import show_status
from pages.parts.common import OWNER, STUDIO, open_studio, show_problems
from pages.parts.feed import show_feed
from pages.parts.fields import show_wrong_fields
from pages.parts.licences import offered
from pages.parts.reuse import INCOMING, fill_form, fill_named, settle_form
from pages.parts.submit import Press

PRESS = Press(
    "generate",
    together=[
        ("model", "loras"),
        ("mask", "extend", "image"),
        *((own, side) for own in ("model", "size") for side in ("width", "height")),
    ],
)
BY_THE_BUTTON = ("prompt", "negative_prompt", "styles", STUDIO)
EXAMPLES = (
    "a castle on a mountain at sunset",
    "a quiet lake in a pine forest, morning mist",
    "a volcano by the sea at night",
    "floating islands above the clouds, golden light",
)


def main() -> None:
    """Lay out the page."""
    studio = open_studio()
    if "added_model" in st.session_state:
        st.session_state.model = st.session_state.pop("added_model")
    fill_form(studio, FED, partial(fill_generate, studio))
    fill_preset(studio, partial(fill_values, studio))
    fill_named(INCOMING, partial(fill_incoming, studio))
    models = {info.name: info for info in studio.models()}
    _take_model_name(models)
    left, right = st.columns([2, 3], gap="large")
    with left:
        problems = PRESS.problems(start_fields())
        prompts, draft = _prompts(studio)
        pressed = PRESS.button("Generate", ":material/brush:")
        show_status(studio, FED)
        # Below the button: a message that leaves when its prompt changes must not move the button under the mouse.
        show_problems(problems, *BY_THE_BUTTON)
        show_wrong_fields(problems, *BY_THE_BUTTON, *absent_fields())
        say_applied()
        notes = st.container()
        start = pick_start(studio, problems)
        values, info = _settings(studio, models, start, problems)
        values = start_values(studio, start, prompts | values, info, problems)
        st.session_state.form_values = values
        show_grid(studio, values)
        with notes:
            show_prompt_notes(studio, values, info)
        with draft:
            show_live(studio, values, info)
    if pressed:
        _submit(studio, values)
    with right:
        show_feed(studio, FED, _examples, show_drawings)
        if studio.jobs(owner=OWNER, kind=FED, limit=1):
            show_earlier(studio)
            with st.expander("Examples to start from", icon=":material/lightbulb:"):
                _example_buttons()
    show_dialog(studio)
    settle_form()


def _prompts(studio: Studio) -> tuple[dict[str, Any], DeltaGenerator]:
    """The words, and the place for what is drawn while they are typed: by the field, where the eye is."""
    prompt = st.text_area(
        "Prompt",
        key="prompt",
        bind="query-params",
        height=96,
        placeholder="a castle on a mountain at sunset",
    )
    draft = st.container()
    negative = st.text_input(
        "Negative prompt",
        key="negative_prompt",
        bind="query-params",
        placeholder="what to avoid: blurry, people, text",
    )
    styles = pick_styles(studio)
    with st.container(horizontal=True, gap="small"):
        show_history(studio)
        edit_styles(studio)
        show_presets(studio)
        open_button()
    show_words(studio, prompt or "", negative or "", styles)
    words = {
        "prompt": prompt or "",
        "negative_prompt": negative or "",
        "styles": styles,
        "prompt_syntax": syntax_field(),
    }
    return words, draft


def _settings(
    studio: Studio, models: dict[str, ModelInfo], start: Start, problems: dict[str, str]
) -> tuple[dict[str, Any], ModelInfo]:
    model = _model_picker(studio, models)
    show_problems(problems, "model")
    with st.container():  # as in show_problems: what comes and goes keeps its place
        if not model.available:
            show_missing_model(studio, model)
    values: dict[str, Any] = {"model": model.name}
    if not start.sizes_itself:
        values |= _size(model, problems)
        show_size_notes(model, values["width"], values["height"])
    count, seed = st.columns([1, 2])
    with count:
        values["num_images"] = st.number_input(
            "Images",
            value=NUM_IMAGES.default,
            step=1,
            key="num_images",
            bind="query-params",
            help=f"{NUM_IMAGES}, each from its own seed",
        )
        show_problems(problems, "num_images")
    with seed:
        values["seed"] = seed_field(studio, problems)
    with st.container():
        pick_pace(studio, model)
    with st.container():
        values["loras"] = pick_loras(studio, model)
        pick_embedding(studio, model)
    show_problems(problems, "loras")
    said = st.container()
    wanted = follow_model(studio, model, values["loras"])
    values |= _advanced(studio, model, wanted, problems)
    with said:
        say_defaults(model, wanted)
        show_drawing_notes(studio, model, values)
    return values, model


def _take_model_name(models: dict[str, ModelInfo]) -> None:
    """Let the address name a model by its short name too: put the title there, which the picker reads and writes."""
    name = st.query_params.get("model")
    titles = {info.name: info.title for info in models.values()}
    if "model" not in st.session_state and titles.get(name, name) != name:
        st.query_params["model"] = titles[name]
        st.rerun()


def _model_picker(studio: Studio, models: dict[str, ModelInfo]) -> ModelInfo:
    default = studio.default_model(models.values()).name
    names = offered(models, (default, st.session_state.get("model", "")))
    picker, add = st.columns([5, 1], vertical_alignment="bottom")
    name = picker.selectbox(
        "Model",
        names,
        index=names.index(default),
        format_func=lambda name: models[name].title,
        key="model",
        bind="query-params",
    )
    with add:
        show_model_menu(studio, models[name])
    show_model_note(models[name])
    return models[name]


def _size(info: ModelInfo, problems: dict[str, str]) -> dict[str, int]:
    sizes = presets(info)
    if st.session_state.get("size", CUSTOM) not in (*sizes, CUSTOM):  # another model was chosen, which has it not
        st.session_state.size = usual(sizes)
    choice = st.segmented_control(
        "Size",
        [*sizes, CUSTOM],
        default=usual(sizes),
        required=True,
        key="size",
        bind="query-params",
        width="stretch",
        wrap=True,
    )
    if choice in sizes:
        size = sizes[choice]
        st.caption(str(size))
        width, height, enlarged = size
    else:
        across, down, times = st.columns(3)
        shared = {"value": native_size(info), "step": info.size_multiple, "bind": "query-params"}
        width = across.number_input("Width", key="width", **shared)
        height = down.number_input("Height", key="height", **shared)
        enlarged = times.selectbox(
            "Times as large",
            ENLARGED,
            key="enlarged",
            bind="query-params",
            help="The drawn picture is made that many times as large by the upscaler that ships, in the same job",
        )
    show_problems(problems, "width", "height", "enlarged")
    return {"width": width, "height": height, "enlarged": enlarged}


def _advanced(studio: Studio, model: ModelInfo, wanted: Defaults, problems: dict[str, str]) -> dict[str, Any]:
    fields = ("num_inference_steps", "guidance_scale", "scheduler", "variation_strength", "variation_seed", "backend")
    with st.expander("Advanced", icon=":material/tune:", expanded=any(field in problems for field in fields)):
        steps = st.number_input(
            "Steps",
            value=wanted.num_inference_steps,
            step=1,
            key="num_inference_steps",
            bind="query-params",
            help=str(STEPS),
        )
        guidance = st.number_input(
            "Guidance scale",
            value=float(wanted.guidance_scale),
            step=0.5,
            key="guidance_scale",
            bind="query-params",
            help=f"{GUIDANCE_SCALE}: how closely to follow the prompt. "
            "0 and 1 both draw without guidance: the negative prompt counts for nothing, and it is twice as fast.",
        )
        scheduler = st.selectbox(
            "Scheduler",
            SCHEDULERS,
            index=SCHEDULERS.index(wanted.scheduler),
            key="scheduler",
            bind="query-params",
            help="LCM and Turbo are for models and LoRAs that were made for few steps.",
        )
        variation = _variation()
        backend = pick_backend(studio, model)
        show_problems(problems, *fields)
        own_defaults(studio, model, wanted)
    return {"num_inference_steps": steps, "guidance_scale": guidance, "scheduler": scheduler, **variation, **backend}


def _variation() -> dict[str, Any]:
    """How much of another seed's noise is mixed in; which, is asked only where there is any."""
    strength = st.number_input(
        "Variation strength",
        value=VARIATION_STRENGTH.default,
        step=0.05,
        key="variation_strength",
        bind="query-params",
        help=f"{VARIATION_STRENGTH}: how much noise of another seed is mixed into the seed's. "
        "0 is the seed's picture, 0.1 to 0.3 are pictures near it.",
    )
    if not strength:
        return {}
    seed = st.text_input("Variation seed", key="variation_seed", bind="query-params", placeholder="drawn anew")
    return {"variation_strength": strength, "variation_seed": read_seed(seed)}


def _submit(studio: Studio, values: dict[str, Any]) -> None:
    fields = {name: value for name, value in values.items() if name != "kind"}

    def submit(key: str) -> None:
        studio.submit(studio.request(values["kind"], fields), key=key, owner=OWNER)

    PRESS.ask(values, submit, start_fields())


def _examples() -> None:
    st.markdown("## Type what you want to see, then press Generate")
    st.caption("Or start from one of these:")
    _example_buttons()


def _example_buttons() -> None:
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


main()
