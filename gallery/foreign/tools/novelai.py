"""NovelAI: PNG texts `Software`, `Source` (model, its hash) and `Comment` (JSON); the same as JSON in stealth alpha."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gallery.foreign import flat
from gallery.foreign.recipe import ForeignRecipe
from gallery.foreign.values import Fields, json_object, plain

_KEYS = {
    "prompt": ("prompt",),
    "negative_prompt": ("uc", "negative_prompt"),
    "seed": ("seed",),
    "steps": ("steps",),
    "guidance": ("scale",),
    "sampler": ("sampler",),
    "schedule": ("noise_schedule",),
    "width": ("width",),
    "height": ("height",),
    "strength": ("strength",),
}
_SIGNS = ("v4_prompt", "noise_schedule", "uncond_scale")
_SOURCE = re.compile(r"(.{1,200}?)(?:\s+([0-9A-Fa-f]{8}))?\s*", re.DOTALL)


def read(texts: Mapping[str, str]) -> ForeignRecipe | None:
    """The recipe in the texts of a file; None where they are not NovelAI's."""
    said = next((json_object(texts[key]) for key in ("Comment", "UserComment", "comment") if key in texts), {})
    said = json_object(said["Comment"]) if isinstance(said.get("Comment"), str) else said
    signed = "seed" in said and any(sign in said for sign in _SIGNS)
    if not signed and not texts.get("Software", "").startswith("NovelAI"):
        return None
    words = {key: _caption(said.get(f"v4_{long}")) for key, long in (("prompt", "prompt"), ("uc", "negative_prompt"))}
    words["prompt"] = texts.get("Description") or words["prompt"]
    fields = Fields({**words, **said})
    characters = [text for key in ("v4_prompt", "v4_negative_prompt") for text in _characters(said.get(key))]
    if not characters:  # the same words as in `prompt` and `uc`
        fields.drop("v4_prompt", "v4_negative_prompt")
    fields.drop("signed_hash")
    source = _SOURCE.fullmatch(texts.get("Source", ""))
    model, digits = (source[1], (source[2] or "").lower()) if source else ("", "")
    found = flat.recipe("NovelAI", fields, _KEYS, model_hash=digits)
    note = f"Beside the prompt stand {len(characters)} prompts of single characters; see `v4_prompt`."
    return replace(found, model=model.strip(), notes=(note,) if characters else ())


def _caption(prompt: Any) -> str:
    """The prompt of the whole picture, as versions 4 and later have it beside those of characters."""
    caption = prompt.get("caption") if isinstance(prompt, dict) else None
    return plain(caption.get("base_caption")) if isinstance(caption, dict) else ""


def _characters(prompt: Any) -> list[str]:
    """Prompts of single characters, which versions 4 and later have."""
    caption = prompt.get("caption") if isinstance(prompt, dict) else None
    rows = caption.get("char_captions") if isinstance(caption, dict) else None
    found = [row.get("char_caption") for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return [text for text in found if isinstance(text, str) and text.strip()]
