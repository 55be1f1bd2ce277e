"""Tools that are not known by name: JSON, or one text for each value, under the names that most tools use.

Sygil writes them with `SD:` before each; spaces on Hugging Face write JSON with `resolution` and `Model`.
"""

from collections.abc import Mapping
from typing import Any

from gallery.foreign import flat
from gallery.foreign.loras import listed
from gallery.foreign.recipe import ForeignRecipe
from gallery.foreign.values import Fields

UNKNOWN = "an unknown tool"
_KEYS = {
    "prompt": ("prompt", "Prompt", "positive_prompt", "positivePrompt"),
    "negative_prompt": ("negative_prompt", "negativePrompt", "negative", "Negative prompt", "Negative Prompt"),
    "seed": ("seed", "Seed"),
    "steps": ("num_inference_steps", "steps", "Steps", "ddim_steps"),
    "guidance": ("guidance_scale", "cfg_scale", "cfgScale", "cfg", "guidance", "CFG scale"),
    "sampler": ("sampler", "sampler_name", "samplerName", "Sampler", "scheduler"),
    "schedule": ("schedule", "schedule_type", "scheduler", "Schedule type"),
    "size": ("resolution", "size", "Size"),
    "width": ("width", "Width"),
    "height": ("height", "Height"),
    "model": ("model", "model_name", "Model", "base_model"),
    "model_hash": ("model_hash", "Model hash"),
    "clip_skip": ("clip_skip", "clipSkip"),
    "strength": ("strength", "denoising_strength"),
}
_NUMBERS = ("seed", "steps", "guidance", "sampler")


def read(values: Mapping[str, Any], software: str = "") -> ForeignRecipe | None:
    """The recipe in a mapping with a prompt and two of seed, steps, guidance and sampler; else None.

    Args:
        values: JSON, or the texts of a file.
        software: the tool, where the file names one.
    """
    bare = {key.removeprefix("SD:"): value for key, value in values.items()}
    found = [name for name in _NUMBERS if any(key in bare for key in _KEYS[name])]
    if len(found) < 2 or not any(isinstance(bare.get(key), str) for key in _KEYS["prompt"]):
        return None
    fields = Fields(bare)
    tool = software or str(bare.get("software") or ("Sygil" if "SD:prompt" in values else UNKNOWN))
    return flat.recipe(tool[:200], fields, _KEYS, listed(fields.items("loras", "lora")))
