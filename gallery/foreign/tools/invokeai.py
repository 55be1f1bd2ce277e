"""InvokeAI: `invokeai_metadata` (since 3), `sd-metadata` and `Dream` (before).

Sources: invoke-ai/InvokeAI `invokeai/app/invocations/metadata.py`; `ldm/invoke/pngwriter.py` and `args.py` of 2.3.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gallery.foreign import flat
from gallery.foreign.loras import listed
from gallery.foreign.recipe import ForeignRecipe
from gallery.foreign.values import Fields, hash_digits, json_object

TOOL = "InvokeAI"
_KEYS = {
    "prompt": ("positive_prompt", "prompt"),
    "negative_prompt": ("negative_prompt",),
    "seed": ("seed",),
    "steps": ("steps",),
    "guidance": ("cfg_scale", "guidance"),
    "sampler": ("scheduler", "sampler"),
    "width": ("width",),
    "height": ("height",),
    "clip_skip": ("clip_skip",),
    "strength": ("strength",),
}
_DREAM = re.compile(r'\s*"((?:\\.|[^"\\])*)"(.*)', re.DOTALL)
_OPTION = re.compile(r"(?:^|\s)-(?:-([A-Za-z_]{1,40})[ =]?|(cf|[A-Za-z]) ?)([^\s]{1,200})?")
_OPTIONS = {"s": "steps", "S": "seed", "W": "width", "H": "height", "C": "cfg_scale", "A": "sampler", "f": "strength"}
_UNWANTED = re.compile(r"\[([^\[\]]*)\]")


def read(texts: Mapping[str, str]) -> ForeignRecipe | None:
    """The recipe in the texts of a file; None where they are not InvokeAI's."""
    for key, reader in (("invokeai_metadata", _new), ("sd-metadata", _old), ("core_metadata", _new)):
        if said := json_object(texts.get(key, "")):
            return reader(said)
    return _dream(texts["Dream"]) if "Dream" in texts else None


def _new(said: dict[str, Any]) -> ForeignRecipe:
    fields = Fields(said)
    model = fields.mapping("model")
    loras = listed(fields.items("loras"))
    digits = str(model.get("hash") or "")
    found = flat.recipe(
        TOOL,
        fields,
        _KEYS,
        loras,
        model=str(model.get("name") or model.get("model_name") or ""),
        model_hash=hash_digits(digits),
    )
    # Its usual hash is BLAKE3, which is no other tool's.
    other = {"model hash": digits} if digits and not found.model_hash else {}
    return replace(found, not_understood={**found.not_understood, **other})


def _old(said: dict[str, Any]) -> ForeignRecipe:
    image = said.get("image")
    if isinstance(said.get("images"), list) and said["images"]:
        image = said["images"][0]
    fields = Fields({**said, **(image if isinstance(image, dict) else {})})
    fields.drop("image", "images", "app_id")
    prompt, negative = split_prompt(_prompt(fields))
    keys = {**_KEYS, "model": ("model_weights",), "model_hash": ("model_hash",)}
    found = flat.recipe(TOOL, fields, keys)
    return replace(found, prompt=prompt, negative_prompt=negative or found.negative_prompt)


def _prompt(fields: Fields) -> str:
    """One text, or a list of objects with weights."""
    parts = fields.items("prompt")
    texts = [str(part["prompt"]) for part in parts if isinstance(part, dict) and "prompt" in part]
    return " ".join(texts) or fields.text("prompt")


def _dream(text: str) -> ForeignRecipe | None:
    found = _DREAM.match(text)
    if found is None:
        return None
    prompt, negative = split_prompt(re.sub(r"\\(.)", r"\1", found[1]))
    options = {_OPTIONS.get(short, long or short): value for long, short, value in _OPTION.findall(found[2])}
    recipe = flat.recipe(TOOL, Fields(options), _KEYS)
    return replace(recipe, prompt=prompt, negative_prompt=negative)


def split_prompt(text: str) -> tuple[str, str]:
    """The prompt, and what stands in square brackets: what was to be avoided."""
    unwanted = [part.strip(" ,") for part in _UNWANTED.findall(text)]
    wanted = [part.strip(" ,") for part in _UNWANTED.sub("\0", text).split("\0")]
    return ", ".join(filter(None, wanted)), ", ".join(filter(None, unwanted))
