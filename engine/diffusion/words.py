"""What a drawn picture is called, and its `parameters` text, which other image tools read."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from engine.diffusion.prompts.grammar import WEIGHTED, escaped
from engine.diffusion.request import NO_GUIDANCE
from engine.diffusion.sampler_names import SAMPLERS
from engine.rules import finite
from gallery.infotext import number_text
from gallery.recipe import SEEDS, Recipe
from gallery.words import TRAINED, Pairs, Parameters, Words


def describe(recipe: Recipe, digital_source: str = TRAINED) -> Words:
    """By its prompt."""
    return Words(recipe.prompt, recipe.negative_prompt, parameters_of(recipe), digital_source)


def parameters_of(recipe: Recipe) -> Parameters:
    """As AUTOMATIC1111 calls what made the picture."""
    return Parameters(
        _prompt_with_tags(recipe), _exported(recipe, recipe.negative_prompt), _core(recipe), _optional(recipe)
    )


def _core(recipe: Recipe) -> Pairs:
    request = recipe.request
    sampler, schedule = _sampler(request.get("scheduler"))
    width, height = request.get("width"), request.get("height")
    return (
        ("Steps", request.get("num_inference_steps")),
        ("Sampler", sampler),
        ("Schedule type", schedule),
        ("CFG scale", _cfg_scale(request.get("guidance_scale"))),
        ("Seed", recipe.seed),
        ("Size", f"{width}x{height}" if width and height else None),
    )


def _optional(recipe: Recipe) -> Pairs:
    model, request = recipe.model, recipe.request
    # Only a single file has the hash that other tools mean; a folder of weights has none.
    hashed = model.get("single_file") and model.get("sha256")
    studio = recipe.software.get("studio")
    return (
        ("Model hash", str(hashed)[:10] if hashed else None),
        ("Model", recipe.model_name),
        ("Variation seed", _variation_seed(recipe)),
        ("Variation seed strength", request.get("variation_strength") or None),
        ("Denoising strength", 0 if _enlarged(recipe) else request.get("strength")),
        ("Hires upscale", _enlarged(recipe)),
        ("Hires upscaler", _upscaler(recipe)),
        ("Mask blur", request.get("feather")),
        ("RNG", "CPU"),
        ("Lora hashes", _hashes(recipe.loras)),
        ("TI hashes", _hashes(recipe.embeddings)),
        # A bare number would be read as an old AUTOMATIC1111 and switch on its old behaviour.
        ("Version", f"niji-studio-{studio}" if studio else "niji-studio"),
    )


def _enlarged(recipe: Recipe) -> int | None:
    """Of a drawing from words: others read "Hires" as a second pass after it, which here redraws nothing (strength 0).
    Beside a start picture the one strength would be taken for the second pass's.
    """
    times = recipe.request.get("enlarged")
    return times if isinstance(times, int) and times > 1 and "strength" not in recipe.request else None


def _upscaler(recipe: Recipe) -> str | None:
    by = recipe.model.get("enlarged_by")
    return str(by["name"]) if isinstance(by, Mapping) and by.get("name") and _enlarged(recipe) else None


def _variation_seed(recipe: Recipe) -> int | None:
    seed = recipe.request.get("variation_seed")
    if not isinstance(seed, int) or not recipe.request.get("variation_strength"):
        return None
    return (seed + recipe.image_index) % SEEDS


def _prompt_with_tags(recipe: Recipe) -> str:
    tags = (f"<lora:{_lora_name(lora)}:{number_text(lora.get('weight', 1.0))}>" for lora in recipe.loras)
    return " ".join(filter(None, [_exported(recipe, recipe.prompt), *tags]))


def _exported(recipe: Recipe, prompt: str) -> str:
    """A prompt so that other tools read it as it was read here: the brackets of a plain one are marked as such."""
    weighted = recipe.request.get("prompt_syntax") == WEIGHTED
    return _without_tags(prompt if weighted else escaped(prompt))


def _without_tags(prompt: str) -> str:
    """The artist's words with a space in each tag, which was read as words: other tools apply `<lora:x:1>` alone."""
    return re.sub(r"<(?=\w+:)", "< ", prompt)


def _hashes(files: Iterable[Mapping[str, Any]]) -> str | None:
    """`name: hash` of each, with the first twelve digits, as AUTOMATIC1111 writes them."""
    return ", ".join(f"{_lora_name(each)}: {str(each['sha256'])[:12]}" for each in files if each.get("sha256")) or None


def _lora_name(lora: Mapping[str, Any]) -> str:
    return re.sub(r"[:,<>\n]", "", str(lora.get("name", "")))


def _sampler(scheduler: Any) -> tuple[str | None, str | None]:
    """As AUTOMATIC1111 calls them; a scheduler that is not in the table, of another version, by its own name."""
    name = str(scheduler or "")
    return SAMPLERS[name].a1111 if name in SAMPLERS else (name or None, None)


def _cfg_scale(guidance: Any) -> Any:
    """Without guidance is 1 to other tools; with 0 they would draw the negative prompt alone."""
    number = finite(guidance)
    return guidance if number is None else max(guidance, NO_GUIDANCE)
