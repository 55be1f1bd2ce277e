"""Easy Diffusion: one text for each value in PNG, JSON in EXIF's UserComment (`easydiffusion/utils/save_utils.py`)."""

import re
from collections.abc import Mapping
from typing import Any

from gallery.foreign import flat
from gallery.foreign.recipe import ForeignLora, ForeignRecipe
from gallery.foreign.values import Fields, bare_name, number

_KEYS = {
    "prompt": ("prompt", "Prompt"),
    "negative_prompt": ("negative_prompt", "Negative Prompt"),
    "seed": ("seed", "Seed"),
    "steps": ("num_inference_steps", "Steps"),
    "guidance": ("guidance_scale", "Guidance Scale"),
    "sampler": ("sampler_name", "Sampler"),
    "schedule": ("scheduler_name", "Scheduler"),
    "width": ("width", "Width"),
    "height": ("height", "Height"),
    "model": ("use_stable_diffusion_model", "Stable Diffusion model"),
}
_MODELS = ("use_stable_diffusion_model", "Stable Diffusion model")
_ITEM = re.compile(r"'([^']{0,300})'|\"([^\"]{0,300})\"|(-?[0-9.]{1,20})")
_NOTHING = ("None", "null", "", "[]", "False", "false")


def read(values: Mapping[str, Any]) -> ForeignRecipe | None:
    """The recipe in the texts of a PNG file, or in JSON; None where another tool wrote it."""
    if not any(key in values for key in _MODELS):
        return None
    fields = Fields({key: value for key, value in values.items() if value not in _NOTHING})
    names = _list(fields, "use_lora_model", "LoRA model")
    weights = [number(weight) for weight in _list(fields, "lora_alpha", "LoRA Strength")]
    weights += [None] * len(names)
    loras = [ForeignLora(bare_name(name), weight) for name, weight in zip(names, weights, strict=False) if name]
    started = any(key in fields for key in ("init_image", "Initial image"))
    strength = fields.number("prompt_strength", "Prompt Strength") if started else None
    return flat.recipe("Easy Diffusion", fields, _KEYS, loras, strength=strength)


def _list(fields: Fields, *keys: str) -> list[str]:
    """A list, one value, or a list as Python prints it, which is what the texts of PNG files hold."""
    if items := fields.items(*keys):
        return [str(item) for item in items]
    if (single := fields.number(*keys)) is not None:
        return [str(single)]
    text = fields.text(*keys)
    if not text.startswith("["):
        return [text] if text else []
    return ["".join(parts) for parts in _ITEM.findall(text[:10_000])]
