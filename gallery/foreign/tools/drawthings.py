"""Draw Things: JSON in XMP's exif:UserComment, in the words of its first version: `c`, `uc`, `scale`."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gallery.foreign import flat
from gallery.foreign.loras import listed
from gallery.foreign.recipe import ForeignRecipe
from gallery.foreign.values import Fields, number

TOOL = "Draw Things"
_SEVERAL = "Several lines begin with -; the last of them was taken for the negative prompt."
_KEYS = {
    "prompt": ("c",),
    "negative_prompt": ("uc",),
    "seed": ("seed",),
    "steps": ("steps",),
    "guidance": ("scale",),
    "sampler": ("sampler",),
    "size": ("size",),
    "model": ("model",),
    "clip_skip": ("clip_skip",),
}


def read(values: Mapping[str, Any]) -> ForeignRecipe | None:
    """The recipe in that JSON; None where another tool wrote it."""
    if "c" not in values or not ("sampler" in values or "scale" in values):
        return None
    fields = Fields(values)
    strength = number(values.get("strength"))
    if strength == 1:  # drawn from noise alone
        fields.drop("strength")
        strength = None
    elif strength is not None:
        fields.drop("strength")
    second = values.get("v2")
    more = second.get("loras") if isinstance(second, dict) else None
    loras = listed(fields.items("lora", "loras") or (more if isinstance(more, list) else []))
    return flat.recipe(TOOL, fields, _KEYS, loras, strength=strength)


def of_text(recipe: ForeignRecipe) -> ForeignRecipe:
    """A recipe that was read from the description: AUTOMATIC1111's text, but for a `-` before the negative prompt.

    Prompts have lists with such lines more often than what is to be avoided: the last of several counts, and is said.
    """
    prompt, found, negative = recipe.prompt.rpartition("\n-")
    if not found:
        prompt, negative = recipe.prompt, ""
    fields = Fields(recipe.not_understood)
    strength = fields.number("Strength")
    return replace(
        recipe,
        tool=TOOL,
        prompt=prompt.strip(),
        negative_prompt=negative.strip() or recipe.negative_prompt,
        strength=strength if strength is not None and strength < 1 else None,
        not_understood=fields.rest(),
        notes=(*recipe.notes, _SEVERAL) if "\n-" in prompt else recipe.notes,
    )
