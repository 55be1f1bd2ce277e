"""Tensor.Art: JSON in the PNG text `generation_data`, beside a graph of ComfyUI."""

from collections.abc import Mapping

from gallery.foreign import flat
from gallery.foreign.loras import listed
from gallery.foreign.recipe import ForeignRecipe
from gallery.foreign.values import Fields, json_object, repaired

_KEYS = {
    "prompt": ("prompt",),
    "negative_prompt": ("negativePrompt",),
    "seed": ("seed",),
    "steps": ("steps",),
    "guidance": ("cfgScale",),
    "sampler": ("ksamplerName", "samplerName", "sampler"),
    "schedule": ("schedule", "scheduler"),
    "width": ("width",),
    "height": ("height",),
    "clip_skip": ("clipSkip",),
}


def read(texts: Mapping[str, str], graph: ForeignRecipe | None) -> ForeignRecipe | None:
    """The recipe in the texts of a file; its graph knows the seed where -1, any, was asked for."""
    said = json_object(repaired(texts.get("generation_data", "")))
    if not said:
        return None
    fields = Fields(said)
    model = fields.mapping("baseModel")
    loras = listed(item for item in fields.items("models") if isinstance(item, dict))
    if fields.peek("seed") in (-1, "-1") and graph and graph.seed is not None:
        fields.drop("seed")
    name, digits = (str(model.get(key) or "") for key in ("modelFileName", "hash"))
    strength = None if fields.peek("enableHr") else fields.number("denoisingStrength")
    found = flat.recipe("Tensor.Art", fields, _KEYS, loras, strength=strength)
    of_model = flat.recipe("", Fields({"model": name, "hash": digits}), {"model": ("model",), "model_hash": ("hash",)})
    return flat.completed(flat.completed(found, of_model), graph, "model", "strength")
