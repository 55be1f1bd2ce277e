"""Draw Things: JSON in XMP's exif:UserComment, in the words of its first version: `c`, `uc`, `scale`."""

from collections.abc import Mapping
from typing import Any

from gallery.foreign import flat
from gallery.foreign.loras import listed
from gallery.foreign.recipe import ForeignRecipe
from gallery.foreign.values import Fields, number

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
    return flat.recipe("Draw Things", fields, _KEYS, loras, strength=strength)
