"""Presets: the values of a whole form under a name, with the picture that it begins with."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.errors import NotFound, ShelfRefused
from engine.kept_photos import PhotoRef
from engine.prompting.shelf import Shelf

FILE = "presets.json"  # in the studio's folder; `engine.leftovers` looks there for photos that are still needed
WORDS = ("prompt", "negative_prompt", "styles")
PICTURES = ("image", "mask")
OF_A_START = ("kind", *PICTURES, "strength", "fit", "feather", "area", "extend")
SETTINGS = (
    *("seed", "num_inference_steps", "guidance_scale", "width", "height", "enlarged", "num_images"),
    *("scheduler", "model", "loras"),
    *("variation_seed", "variation_strength", "prompt_syntax"),
)
_FIELDS = (*WORDS, *SETTINGS, *OF_A_START)


def presets_of(home: Path) -> Shelf:
    """The presets of the studio in this folder."""
    return Shelf(home / FILE, "preset")


def preset_of(values: Mapping[str, Any], *, words: bool = True, start: bool = True) -> dict[str, Any]:
    """What a preset keeps of a request's values, JSON-ready, under the names that requests have.

    Args:
        values: of a form or a request; photos as `PhotoRef` or mappings, LoRAs as mappings or pairs.
        words: keep prompts and styles.
        start: keep the picture to begin with and how it is used. Where there is none, nothing is kept of it, so the
            form's own stays when the preset is used.
    """
    begins = values.get("image") is not None
    names = [*SETTINGS, *(WORDS if words else ()), *(OF_A_START if start and begins else ())]
    if begins and values.get("fit") == "keep":  # the size follows from the picture
        names = [name for name in names if name not in ("width", "height", "enlarged")]
    return {name: _json(name, values[name]) for name in names if values.get(name) is not None}


def used(presets: Shelf, name: str) -> dict[str, Any]:
    """The values of the preset of that name, photos as `PhotoRef`; names that no request has are left out.

    Raises:
        NotFound: there is none of that name.
        ShelfRefused: the file, or a picture, the LoRAs or the styles in this preset, cannot be read.
    """
    entries = presets.all()
    if name not in entries:
        here = f"The presets are: {', '.join(map(repr, entries))}." if entries else "None is saved yet."
        raise NotFound(f"No preset is called {name!r}. {here}")
    return read_preset(entries[name], name)


def read_preset(entry: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The values of an entry, photos as `PhotoRef`. Raises ShelfRefused where pictures, LoRAs or styles are none."""
    values = {field: entry[field] for field in _FIELDS if entry.get(field) is not None}
    wrong = [field for field in PICTURES if field in values and not _is_photo(values[field])]
    if not isinstance(values.get("loras", []), list) or not all(map(_is_lora, values.get("loras", ()))):
        wrong.append("loras")
    if not isinstance(values.get("styles", []), list):
        wrong.append("styles")
    if wrong:
        got = ", ".join(f"{field} {str(values[field])[:60]!r}" for field in wrong)
        raise ShelfRefused(
            f"In the preset {name!r} a picture has id and name, styles are a list, and a LoRA name and weight; got "
            f"{got}. Save it anew, or correct {FILE}."
        )
    return values | {field: _photo(values[field]) for field in PICTURES if field in values}


def _json(name: str, value: Any) -> Any:
    if isinstance(value, PhotoRef):
        return value.to_dict()
    if name == "loras":
        return [dict(lora) if isinstance(lora, Mapping) else {"name": lora[0], "weight": lora[1]} for lora in value]
    return list(value) if isinstance(value, tuple) else value


def _is_photo(value: Any) -> bool:
    texts = isinstance(value, Mapping) and isinstance(value.get("id"), str) and isinstance(value.get("name"), str)
    return texts and isinstance(value.get("image"), str | None)


def _photo(value: Mapping[str, Any]) -> PhotoRef:
    return PhotoRef(value["id"], value["name"], value.get("image"))


def _is_lora(value: Any) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("name"), str) and value.keys() <= {"name", "weight"}
