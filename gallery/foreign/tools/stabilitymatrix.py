"""StabilityMatrix: JSON in the PNG text `parameters-json`, beside a graph of ComfyUI (`GenerationParameters.cs`)."""

from collections.abc import Mapping

from gallery.foreign import flat
from gallery.foreign.recipe import ForeignRecipe
from gallery.foreign.values import Fields, json_object

_KEYS = {
    "prompt": ("PositivePrompt",),
    "negative_prompt": ("NegativePrompt",),
    "seed": ("Seed",),
    "steps": ("Steps",),
    "guidance": ("CfgScale",),
    "sampler": ("Sampler",),
    "width": ("Width",),
    "height": ("Height",),
    "model": ("ModelName",),
    "model_hash": ("ModelHash",),
}


def read(texts: Mapping[str, str], graph: ForeignRecipe | None) -> ForeignRecipe | None:
    """The recipe in the texts of a file; None where another tool wrote them."""
    said = json_object(texts.get("parameters-json", ""))
    if not said:
        return None
    fields = Fields({key: value for key, value in said.items() if value})  # 0 and false in all that is about videos
    # Its sampler's name holds the schedule.
    return flat.completed(flat.recipe("StabilityMatrix", fields, _KEYS), graph, "schedule", "strength")
