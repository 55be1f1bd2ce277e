"""Recipes that are one flat mapping: which of a tool's keys means which field of ours."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any

from gallery.foreign.loras import from_tags, merged
from gallery.foreign.recipe import ForeignLora, ForeignRecipe
from gallery.foreign.values import Fields, hash_digits, plain

Keys = Mapping[str, tuple[str, ...]]
_TEXTS = ("sampler", "schedule")
_SIZE = re.compile(r"\(?\s*([0-9]{1,6})\s*(?:x|X|×|,)\s*([0-9]{1,6})(?![0-9])")


def recipe(tool: str, taken: Fields, keys: Keys, loras: Iterable[ForeignLora] = (), **given: Any) -> ForeignRecipe:
    """A recipe from a tool's values.

    Args:
        tool: its name.
        taken: its values; what is not used stays in `not_understood`.
        keys: the tool's keys for each field of ours, the first that is there counts; `size` for both sides at once.
        loras: those that stand beside the prompts.
        given: fields that were read in another way.
    """
    prompt, tags = from_tags(_lines(taken.text(*keys.get("prompt", ()))))
    negative, more = from_tags(_lines(taken.text(*keys.get("negative_prompt", ()))))
    width, height = _size(taken, keys)
    found: dict[str, Any] = {
        "prompt": prompt,
        "negative_prompt": negative,
        "seed": taken.whole(*keys.get("seed", ())),
        "steps": taken.whole(*keys.get("steps", ())),
        "guidance": taken.number(*keys.get("guidance", ())),
        "width": width,
        "height": height,
        "model": taken.text(*keys.get("model", ())).strip(),
        "model_hash": _hash(taken, keys),
        "clip_skip": taken.whole(*keys.get("clip_skip", ())),
        "strength": taken.number(*keys.get("strength", ())),
        **{name: taken.text(*keys.get(name, ())) for name in _TEXTS},
    }
    found |= {name: value for name, value in given.items() if value not in (None, "")}
    return ForeignRecipe(tool, **found, loras=merged(tags, more, loras), not_understood=taken.rest())


def completed(first: ForeignRecipe, second: ForeignRecipe | None, *leave: str) -> ForeignRecipe:
    """The first recipe, with what it does not say taken from the second; notes of both.

    Args:
        first, second: of the same picture, written in two ways.
        leave: fields that mean different things in the two.
    """
    if second is None:
        return first
    names = {spec.name for spec in fields(ForeignRecipe)} - {"tool", "not_understood", "notes", *leave}
    missing = {name: getattr(second, name) for name in names if getattr(first, name) in (None, "", ())}
    rest = {**second.not_understood, **first.not_understood}
    return replace(first, **missing, not_understood=rest, notes=(*first.notes, *second.notes))


def size_of(text: str) -> tuple[int, int] | None:
    """Width and height in a text such as `1024x768`, `(1024, 768)` or `1024 x 768 (landscape)`."""
    found = _SIZE.match(text.strip()[:100])
    if found is None or not int(found[1]) or not int(found[2]):
        return None
    return int(found[1]), int(found[2])


def _size(taken: Fields, keys: Keys) -> tuple[int | None, int | None]:
    for key in keys.get("size", ()):
        if size := size_of(plain(taken.peek(key))):
            taken.drop(key)
            return size
    return taken.whole(*keys.get("width", ()), least=1), taken.whole(*keys.get("height", ()), least=1)


def _hash(taken: Fields, keys: Keys) -> str:
    for key in keys.get("model_hash", ()):
        if digits := hash_digits(taken.peek(key)):
            taken.drop(key)
            return digits
    return ""


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").strip()
