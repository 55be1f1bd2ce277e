"""Civitai's own generator where it draws with ComfyUI: `extraMetadata` inside the graph's JSON.

Its other form is AUTOMATIC1111's text with `Civitai resources`, read by `infotext`.
"""

from collections.abc import Mapping
from typing import Any

from gallery.foreign import flat
from gallery.foreign.recipe import ForeignLora, ForeignRecipe
from gallery.foreign.values import Fields, json_object, number

_KEYS = {
    "prompt": ("prompt",),
    "negative_prompt": ("negativePrompt",),
    "seed": ("seed",),
    "steps": ("steps",),
    "guidance": ("cfgScale",),
    "sampler": ("sampler",),
    "width": ("width",),
    "height": ("height",),
    "clip_skip": ("clipSkip",),
}


def read(texts: Mapping[str, str], graph: ForeignRecipe | None) -> ForeignRecipe | None:
    """The recipe in the texts of a file; None where Civitai did not write them."""
    for place in ("prompt", "UserComment", "comment"):
        if "extraMetadata" in texts.get(place, "") and (said := _said(json_object(texts[place]))):
            fields = Fields(said)
            loras = _loras(fields.peek("resources"))
            return flat.completed(flat.recipe("Civitai", fields, _KEYS, loras), graph, "schedule", "strength", "loras")
    return None


def _said(values: Mapping[str, Any]) -> dict[str, Any]:
    inner = values.get("extra")
    for holder in (values, inner if isinstance(inner, dict) else {}):
        more = holder.get("extraMetadata")
        if found := more if isinstance(more, dict) else json_object(more) if isinstance(more, str) else {}:
            return found
    return {}


def _loras(resources: Any) -> list[ForeignLora]:
    """Resources are told by number alone; only those with a name can be named."""
    rows = [row for row in resources if isinstance(row, dict)] if isinstance(resources, list) else []
    named = [row for row in rows if isinstance(row.get("modelName"), str) and str(row.get("type")).lower() == "lora"]
    return [ForeignLora(row["modelName"], number(row.get("strength", row.get("weight")))) for row in named]
