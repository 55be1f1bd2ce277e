"""AUTOMATIC1111's text and those of its children: prompt, negative prompt, and one line of pairs."""

import json
import re
from collections.abc import Iterable
from typing import Any

from gallery.foreign.loras import MOST, from_tags, merged
from gallery.foreign.recipe import ForeignEmbedding, ForeignLora, ForeignRecipe
from gallery.foreign.values import Fields, bare_name, hash_digits, json_object, number, plain
from gallery.infotext import MAX_READ, parse_parameters

_SIGNS = ("Steps", "Sampler", "Seed", "CFG scale", "CFG Scale", "Guidance Scale", "Size-1", "Model", "Model hash")
_FEWEST_SIGNS = 2  # one of them stands in other programs' texts too
_HIRES = ("Hires upscale", "Hires upscaler", "Hires steps", "Hires resize-1", "Hires CFG Scale")
# How each child of the first names itself in its version; the first that fits counts.
_VERSIONS = (
    (r"neo", "Forge Neo"),
    (r"classic", "Forge Classic"),
    (r"f[0-9.]+-v|f[0-9.]+v[0-9]+-v|.*reforge", "reForge"),
    (r"f[0-9]", "Forge"),
    (r"ComfyUI", "ComfyUI"),
    (r"Fooocus", "Fooocus"),
    (r"niji-studio", "Niji Studio"),
    (r"stable-diffusion\.cpp", "stable-diffusion.cpp"),
)


def read(text: str, sure: bool = False) -> ForeignRecipe | None:
    """The recipe in such a text; None where the text is something else.

    Args:
        text: as the file has it.
        sure: the text stands where such texts belong, so that a prompt alone is a recipe too.
    """
    values = parse_parameters(text)
    fields = Fields(values)
    signs = sum(sign in fields for sign in _SIGNS)
    signed = signs >= (1 if sure else _FEWEST_SIGNS) or "Civitai resources" in fields
    if not (signed or (sure and text.strip()) or values["Negative prompt"]):
        return None
    if not signed:  # a last line such as "red: 1, green: 2, blue: 3" is of the prompt
        fields = Fields(_prompts_alone(text))
    tool = _tool(fields)
    resources = _resources(fields)
    prompt, tags = from_tags(fields.text("Prompt"))
    negative, more_tags = from_tags(fields.text("Negative prompt"))
    model, model_hash = _model(fields, resources)
    return ForeignRecipe(
        tool=tool,
        prompt=prompt,
        negative_prompt=negative,
        seed=fields.whole("Seed"),
        steps=fields.whole("Steps"),
        sampler=fields.text("Sampler"),
        schedule=fields.text("Schedule type", "Scheduler", "Schedule", "Sampler sigma"),
        guidance=fields.number("CFG scale", "CFG Scale", "Guidance Scale", "Guidance scale"),
        width=fields.whole("Size-1", "Width", least=1),
        height=fields.whole("Size-2", "Height", least=1),
        model=model,
        model_hash=model_hash,
        loras=merged((*tags, *more_tags), _weighted(fields), _hashed(fields), _of_resources(resources)),
        clip_skip=fields.whole("Clip skip", "Clip Skip"),
        strength=_strength(fields),
        embeddings=_embeddings(fields, resources),
        not_understood=fields.rest(),
        notes=_notes(text),
    )


def _prompts_alone(text: str) -> dict[str, str]:
    prompt, _, negative = text[:MAX_READ].replace("\r\n", "\n").partition("Negative prompt:")
    return {"Prompt": prompt.strip(), "Negative prompt": negative.strip()}


def _tool(fields: Fields) -> str:
    if str(fields.peek("App")).startswith("SD.Next"):
        return "SD.Next"
    version = str(fields.peek("Version") or "")
    for pattern, tool in _VERSIONS:
        if re.match(pattern, version, re.IGNORECASE):
            return tool
    return "Civitai" if "Civitai resources" in fields or "Civitai metadata" in fields else "AUTOMATIC1111"


def _strength(fields: Fields) -> float | None:
    """Of image to image. Where a second, larger pass is named, the number is that pass's."""
    return None if any(key in fields for key in _HIRES) else fields.number("Denoising strength", "Denoising Strength")


def _model(fields: Fields, resources: list[dict[str, Any]]) -> tuple[str, str]:
    name = fields.text("Model", "Base Model").strip()
    digits = hash_digits(fields.peek("Model hash"))
    if digits:
        fields.drop("Model hash")
    else:
        digits = hash_digits(json_object(str(fields.peek("Hashes"))).get("model"))
    checkpoint = next((each for each in resources if plain(each.get("type")).lower() in ("checkpoint", "model")), {})
    return name or _named(checkpoint), digits or hash_digits(checkpoint.get("hash"))


def _resources(fields: Fields) -> list[dict[str, Any]]:
    """What Civitai says of checkpoint and LoRAs; it stays among what was not understood, for its further numbers."""
    try:
        found = json.loads(str(fields.peek("Civitai resources") or "[]"))
    except (ValueError, RecursionError):
        return []
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _of_resources(resources: Iterable[dict[str, Any]]) -> list[ForeignLora]:
    kinds = ("lora", "lycoris", "locon", "dora")
    named = [each for each in resources if plain(each.get("type")).lower() in kinds and _named(each)]
    return [ForeignLora(bare_name(_named(each)), number(each.get("weight"))) for each in named]


def _named(resource: dict[str, Any]) -> str:
    name = resource.get("modelName")
    return name if isinstance(name, str) else ""


def _hashed(fields: Fields) -> list[ForeignLora]:
    """The LoRAs of `Lora hashes: "a: 1234, b: 5678"` and of `Hashes: {"lora:a": "1234"}`."""
    found = []
    for key in ("Lora hashes", "LoRA hashes"):
        for name, digits, *weight in _listed(str(fields.peek(key) or "")):
            if hash_digits(digits):  # Fooocus once wrote the weight behind it
                found.append(ForeignLora(bare_name(name), number(weight[0]) if weight else None, hash_digits(digits)))
                fields.drop(key)
    for key, value in json_object(str(fields.peek("Hashes"))).items():
        kind, _, name = str(key).partition(":")
        if kind.lower() in ("lora", "lycoris", "locon") and name:
            found.append(ForeignLora(bare_name(name), None, hash_digits(value)))
    return found


def _embeddings(fields: Fields, resources: Iterable[dict[str, Any]]) -> tuple[ForeignEmbedding, ...]:
    """Those of `TI hashes: "a: 1234, b: 5678"`, of `Hashes: {"embed:a": "1234"}` and of Civitai's resources."""
    found: dict[str, str] = {}
    for name, digits, *_ in _listed(str(fields.peek("TI hashes") or "")):
        found.setdefault(bare_name(name), hash_digits(digits))
    if found:
        fields.drop("TI hashes")
    for key, value in json_object(str(fields.peek("Hashes"))).items():
        kind, _, name = str(key).partition(":")
        if kind.lower() in ("embed", "embedding") and name:
            found[bare_name(name)] = found.get(bare_name(name)) or hash_digits(value)
    for each in resources:
        if plain(each.get("type")).lower() in ("embed", "embedding", "textualinversion") and _named(each):
            found.setdefault(bare_name(_named(each)), "")
    return tuple(ForeignEmbedding(name, digits) for name, digits in list(found.items())[:MOST])


def _weighted(fields: Fields) -> list[ForeignLora]:
    """The LoRAs of `Lora weights: "a: 0.1, b: -1"`, which Fooocus writes beside the hashes."""
    return [ForeignLora(bare_name(name), number(weight)) for name, weight, *_ in _listed(fields.text("Lora weights"))]


def _listed(text: str) -> list[list[str]]:
    """`a: 1, b: 2` in parts."""
    rows = ([part.strip() for part in row.split(":")] for row in text.split(","))
    return [row for row in rows if len(row) >= 2 and row[0]][:MOST]


def _notes(text: str) -> tuple[str, ...]:
    if len(text) <= MAX_READ:
        return ()
    return (f"The text has {len(text):,} characters; the first {MAX_READ:,} were read.",)
