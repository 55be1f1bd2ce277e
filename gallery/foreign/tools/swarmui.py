"""SwarmUI: JSON with `sui_image_params`, in `parameters` or in EXIF's UserComment."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from gallery.foreign import flat
from gallery.foreign.recipe import ForeignEmbedding, ForeignLora, ForeignRecipe
from gallery.foreign.values import Fields, bare_name, hash_digits, number, plain

_KEYS = {
    "prompt": ("prompt",),
    "negative_prompt": ("negativeprompt",),
    "seed": ("seed",),
    "steps": ("steps",),
    "guidance": ("cfgscale",),
    "sampler": ("sampler", "comfyuisampler"),
    "schedule": ("scheduler", "comfyuischeduler"),
    "width": ("width",),
    "height": ("height",),
    "model": ("model",),
}


def read(values: Mapping[str, Any]) -> ForeignRecipe | None:
    """The recipe in SwarmUI's JSON; None where it is another's."""
    said = values.get("sui_image_params")
    if not isinstance(said, dict):
        return None
    more = values.get("sui_extra_data")
    fields = Fields({**(more if isinstance(more, dict) else {}), **said})
    hashes = _hashes(values.get("sui_models"))
    model_hash = hashes.get(bare_name(plain(fields.peek("model"))), "")
    stop = number(fields.peek("clipstopatlayer"))
    if stop is not None:
        fields.drop("clipstopatlayer")
    found = flat.recipe(
        "SwarmUI",
        fields,
        _KEYS,
        _loras(fields, hashes),
        model_hash=model_hash,
        clip_skip=None if stop is None else abs(int(stop)),
        strength=fields.number("initimagecreativity") if "initimage" in fields else None,
    )
    return replace(found, embeddings=tuple(_embeddings(values.get("sui_models"))))


def _loras(fields: Fields, hashes: Mapping[str, str]) -> list[ForeignLora]:
    names, weights = _split(fields, "loras"), _split(fields, "loraweights")
    found = []
    for index, name in enumerate(map(bare_name, names)):
        weight = number(weights[index]) if index < len(weights) else None
        found.append(ForeignLora(name, weight, hashes.get(name, "")))
    return found


def _split(fields: Fields, key: str) -> list[str]:
    """A list, which earlier versions write as one text with commas."""
    values = fields.items(key) or fields.text(key).split(",")
    return [text for value in values if (text := plain(value).strip())]


def _hashes(models: Any) -> dict[str, str]:
    """Hashes of all model files, by name: SHA-256 of the tensors alone."""
    return {bare_name(plain(row.get("name"))): hash_digits(row.get("hash")) for row in _rows(models)}


def _embeddings(models: Any) -> Iterator[ForeignEmbedding]:
    for row in _rows(models):
        if row.get("param") == "used_embeddings" and (name := bare_name(plain(row.get("name")))):
            yield ForeignEmbedding(name, hash_digits(row.get("hash")))


def _rows(models: Any) -> list[dict[str, Any]]:
    return [row for row in models if isinstance(row, dict)] if isinstance(models, list) else []
