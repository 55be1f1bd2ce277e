"""Filling the form from the recipe of an earlier picture."""

from collections.abc import Mapping
from typing import Any, TypeGuard

import streamlit as st

from engine.diffusion.prompts.embeddings import Names
from engine.diffusion.prompts.grammar import PLAIN, WEIGHTED
from engine.diffusion.request import LORA_WEIGHT, PER_IMAGE, TextToImage, text_to_image_problems
from engine.diffusion.templating import FIELDS
from engine.grids.request import Grid
from engine.prompting.parsing import literal
from engine.prompting.styles import Styles
from engine.studio import Studio
from engine.weights.hashes import file_sha256
from engine.weights.models import ModelInfo
from gallery.records import ImageRecord
from pages.generate.defaults import keep_fields
from pages.generate.grids import restore_axes
from pages.generate.loras import weight_key
from pages.generate.restore_start import restore_saved_start, restore_start, restore_variation
from pages.generate.sizes import CUSTOM, SQUARE, label_of, native_size
from pages.generate.styles import remember_template

NOT_OF_A_FORM = (*PER_IMAGE.values(), "styles")  # words of further images, and what is in the words already
SIMPLE_FIELDS = ("prompt", "negative_prompt", "num_inference_steps", "scheduler")


def fill_generate(studio: Studio, record: ImageRecord) -> list[str]:
    """Fill the form from a picture; returns the names of what is not here and was left out.

    A recipe can be of another version of the studio: what is there and valid is taken, the rest is as in a new form.
    """
    recipe = _recipe_of(studio, record)
    values = _valid_values(recipe, native_size(studio.default_model()))
    state = st.session_state
    for name in SIMPLE_FIELDS:
        state[name] = values[name]
    state.prompt_syntax = values["prompt_syntax"]
    restored = {name: literal(values[name]) for name in FIELDS}  # what was drawn, also signs of templates in it
    for name, text in restored.items():
        state[name] = text
    state.styles = []
    remember_template(dict(recipe), restored)
    state.guidance_scale = float(values["guidance_scale"])
    state.seed = "" if values["seed"] is None else str(values["seed"])
    state.num_images = 1
    keep_fields()
    restore_variation(record, values)
    missing = [*_restore_model(studio, recipe, values), *_restore_loras(studio, recipe), *_embeddings(studio, record)]
    return [*missing, *restore_start(studio, record, values["model"])]


def _recipe_of(studio: Studio, record: ImageRecord) -> Mapping[str, Any]:
    """What the form takes of a picture's recipe; of a grid's sheet that of the drawing that was varied."""
    request = studio.kinds.read(record.kind, record.recipe.request)
    if not isinstance(request, Grid):
        restore_axes(())
        return {**record.recipe.request, "seed": record.seed}
    restore_axes(request.axes)
    return request.base.to_dict()


def fill_values(studio: Studio, preset: Mapping[str, Any]) -> list[str]:
    """Fill the form from a preset as `read_preset` gives it; what it does not hold stays, but for the seeds, which are
    open then. Returns the names of what is not here.
    """
    state = st.session_state
    values = _valid_values(preset, native_size(studio.default_model()))
    for name in (*SIMPLE_FIELDS, "prompt_syntax", "num_images"):
        if name in preset:
            state[name] = values[name]
    for name in ("variation_strength", "guidance_scale"):
        if name in preset:
            state[name] = float(values[name])
    state.variation_seed = "" if values["variation_seed"] is None else str(values["variation_seed"])
    state.seed = "" if values["seed"] is None else str(values["seed"])
    keep_fields()
    wanted = [str(name) for name in preset["styles"]] if _is_list(preset.get("styles")) else []
    known = Styles(studio.settings.home).all()
    if "styles" in preset:
        state.styles = [name for name in wanted if name in known]
    missing = [name for name in wanted if name not in known]
    if {"model", "width"} & preset.keys():
        missing += _restore_model(studio, {"model": state.get("model"), **preset}, values)
    missing += _restore_loras(studio, preset) if "loras" in preset else []
    return [*missing, *restore_saved_start(studio, preset)]


def _valid_values(recipe: Mapping[str, Any], side: int) -> dict[str, Any]:
    """Every field with the recipe's value where that breaks no rule, else with the default."""
    defaults = {name: spec.default for name, spec in TextToImage.__dataclass_fields__.items()}
    defaults |= {"prompt": "", "width": side, "height": side, "model": ""}
    taken = [name for name in defaults if name in recipe and name not in NOT_OF_A_FORM]
    values = {**defaults, **{name: recipe[name] for name in taken}, "loras": ()}
    wrong = {problem.field for problem in text_to_image_problems(values)}
    return {name: defaults[name] if name in wrong else value for name, value in values.items()}


def _restore_model(studio: Studio, recipe: Mapping[str, Any], values: Mapping[str, Any]) -> list[str]:
    """Choose the model and its size; returns its name when it is not known here."""
    known = {info.name: info for info in studio.models()}
    name = recipe.get("model") or studio.default_model().name
    name = name if isinstance(name, str) else str(name)
    st.session_state.size = SQUARE
    if name not in known:
        return [str(name)]
    st.session_state.model = name
    if "width" in recipe and "height" in recipe:
        _restore_size(known[name], values["width"], values["height"], values["enlarged"])
    return []


def _restore_size(info: ModelInfo, width: int, height: int, enlarged: int) -> None:
    state = st.session_state
    state.size = label_of(info, width, height, enlarged)
    if state.size == CUSTOM:
        state.width, state.height, state.enlarged = width, height, enlarged


def _is_list(value: object) -> TypeGuard[list[Any] | tuple[Any, ...]]:
    return isinstance(value, list | tuple)


def _restore_loras(studio: Studio, recipe: Mapping[str, Any]) -> list[str]:
    """Choose the LoRAs with their weights; returns the names of those that are not here."""
    here = {lora.name for lora in studio.loras() if not lora.problem}
    listed = recipe.get("loras")
    loras = [lora for lora in listed if isinstance(lora, Mapping) and lora.get("name")] if _is_list(listed) else []
    wanted = {str(lora["name"]): lora.get("weight") for lora in loras}
    st.session_state.loras = [name for name in wanted if name in here]
    for name in st.session_state.loras:
        if wanted[name] in LORA_WEIGHT:
            st.session_state[weight_key(name)] = float(wanted[name])
    return [name for name in wanted if name not in here]


def _embeddings(studio: Studio, record: ImageRecord) -> list[str]:
    """Those that the picture's words named and that are not here as they were, and words that name one only now; the
    words stay.
    """
    here = {info.name.casefold(): info for info in studio.embeddings() if not info.problem}
    hashes = studio.settings.home / "hashes.json"
    missing = []
    for used in record.recipe.embeddings:
        name = str(used.get("name"))
        info = here.get(name.casefold())
        if info is None:
            missing.append(f"embedding {name} (its name is read as a word)")
        elif file_sha256(info.path, hashes) != used.get("sha256"):
            missing.append(f"embedding {name} as it was (another file has its name)")
    recorded = {str(used.get("name")).casefold() for used in record.recipe.embeddings}
    syntax = WEIGHTED if record.recipe.request.get("prompt_syntax") == WEIGHTED else PLAIN
    named = Names(here.values()).used((record.recipe.prompt, record.recipe.negative_prompt), syntax)
    new = [info.name for info in named if info.name.casefold() not in recorded]
    return [*missing, *(f"{name} as a word (an embedding has its name now)" for name in new)]
