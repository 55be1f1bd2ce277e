"""Fooocus and RuinedFooocus: JSON in `parameters`. Fooocus' other scheme is AUTOMATIC1111's text.

Sources: lllyasviel/Fooocus `modules/meta_parser.py` (`FooocusMetadataParser.parse_string`, `get_exif`), its log of
versions before 2.2, and files of RuinedFooocus.
"""

from collections.abc import Mapping
from typing import Any

from gallery.foreign import flat
from gallery.foreign.loras import listed
from gallery.foreign.recipe import ForeignLora, ForeignRecipe
from gallery.foreign.values import Fields

_KEYS = {
    "prompt": ("prompt", "Prompt"),
    "negative_prompt": ("negative_prompt", "Negative Prompt", "Negative", "negative"),
    "seed": ("seed", "Seed"),
    "steps": ("steps", "Steps"),
    "guidance": ("guidance_scale", "Guidance Scale", "cfg", "CFG"),
    "sampler": ("sampler", "sampler_name", "Sampler"),
    "schedule": ("scheduler", "Scheduler"),
    "size": ("resolution", "Resolution"),
    "width": ("width",),
    "height": ("height",),
    "model": ("base_model", "base_model_name", "Base Model"),
    "model_hash": ("base_model_hash", "Base Model Hash"),
    "clip_skip": ("clip_skip", "CLIP Skip"),
    "strength": ("denoise",),
}
_SIGNS = ("base_model", "base_model_name", "Base Model", "metadata_scheme")


def read(values: Mapping[str, Any]) -> ForeignRecipe | None:
    """The recipe in JSON values of `parameters` or of EXIF's UserComment; None where another tool wrote them."""
    if not any(sign in values for sign in _SIGNS):
        return None
    fields = Fields(values)
    ruined = "RuinedFooocus" in str(values.get("software")) or "base_model_name" in values
    loras = [*listed(fields.items("loras", "Loras")), *_numbered(fields)]
    fields.drop("software", "metadata_scheme")
    return flat.recipe("RuinedFooocus" if ruined else "Fooocus", fields, _KEYS, loras)


def _numbered(fields: Fields) -> list[ForeignLora]:
    """`lora_combined_1: "name : 0.1"`, and `LoRA 1` of earlier versions."""
    found = []
    for key in (f"{name}{number}" for name in ("lora_combined_", "LoRA ") for number in range(1, 31)):
        found += listed([fields.text(key)])
    return found
