"""LoRAs in prompts and beside them, brought together."""

import re
from collections.abc import Iterable
from itertools import islice
from typing import Any

from gallery.foreign.recipe import ForeignLora
from gallery.foreign.values import bare_name, hash_digits, number

MOST = 200
_ONE = r"<(?:lora|lyco):([^:<>]{1,200})(?::([^<>]{0,200}))?>"
# With the spaces before it, but for the one that parts two words; once a run of spaces, so in linear time.
_TAG = re.compile(rf"(?<! ) *(?:{_ONE})++(?!\w)|(?:{_ONE})++", re.IGNORECASE)
_ANY = re.compile(_ONE, re.IGNORECASE)
_TAGS_FIRST = re.compile(rf"^(?: *{_ONE})+ *", re.IGNORECASE | re.MULTILINE)  # in a line, with the space behind
_UNET = re.compile(r"(?:^|:)unet=(-?[0-9.]{1,20})")


def from_tags(prompt: str) -> tuple[str, list[ForeignLora]]:
    """A prompt without its LoRA tags, and what they name."""
    found = [ForeignLora(bare_name(tag[1]), _weight(tag[2] or "")) for tag in islice(_ANY.finditer(prompt), MOST)]
    return _TAG.sub("", _TAGS_FIRST.sub("", prompt)).strip(), found


def merged(*lists: Iterable[ForeignLora]) -> tuple[ForeignLora, ...]:
    """Each LoRA once, in the order of the lists, with the first weight and the first hash that any list has."""
    found: dict[str, ForeignLora] = {}
    for lora in (lora for some in lists for lora in some):
        known = found.get(lora.name, lora)
        weight = lora.weight if known.weight is None else known.weight
        found[lora.name] = ForeignLora(known.name, weight, known.hash or lora.hash)
    return tuple(found.values())[:MOST]


def _weight(rest: str) -> float | None:
    """`0.8`, `0.8:0.5` (text encoder, then UNet) or `0.8:unet=0.5`: the first number counts; none at all means 1."""
    if not rest.strip():
        return 1.0
    first = number(rest.split(":")[0])
    if first is None and (unet := _UNET.search(rest)):
        return number(unet[1])
    return first


def listed(items: Iterable[Any]) -> list[ForeignLora]:
    """LoRAs of a list as tools write it: objects, lists of name, weight and hash in any order, or texts."""
    return [lora for item in list(items)[:MOST] if (lora := _one(item)) and lora.name.lower() != "none"]


def _one(item: Any) -> ForeignLora | None:
    if isinstance(item, dict):
        return _of_object(item)
    if isinstance(item, list):
        return _of_parts(item)
    if isinstance(item, str) and item.strip():
        name, _, weight = item.rpartition(" : ")
        return ForeignLora(bare_name(name), number(weight)) if name else ForeignLora(bare_name(item))
    return None


def _of_object(item: dict[str, Any]) -> ForeignLora | None:
    inner: dict[str, Any] = next((item[key] for key in ("lora", "model") if isinstance(item.get(key), dict)), {})
    both = {**item, **inner}
    name = _first(both, "name", "model_name", "modelFileName", "file", "model", "lora", "lora_name", "label", "path")
    weight = next((both[key] for key in ("weight", "strength", "alpha", "strength_model") if key in both), None)
    return ForeignLora(bare_name(name), number(weight), hash_digits(both.get("hash"))) if name else None


def _of_parts(parts: list[Any]) -> ForeignLora | None:
    hashes = [part for part in parts if isinstance(part, str) and len(part) >= 8 and hash_digits(part)]
    texts = [part for part in parts if isinstance(part, str) and part not in hashes and number(part) is None]
    names = texts or hashes[:1]
    weights = [found for part in parts if part not in hashes and (found := number(part)) is not None]
    if not names:
        return None
    digits = next((text for text in hashes if text != names[0]), "")
    # RuinedFooocus writes the weight before the name: "0.8 - name".
    weighted = re.fullmatch(r"(-?[0-9.]{1,10}) - (.+)", names[0])
    name, weight = (weighted[2], number(weighted[1])) if weighted else (names[0], weights[0] if weights else None)
    return ForeignLora(bare_name(name), weight, hash_digits(digits))


def _first(values: dict[str, Any], *keys: str) -> str:
    return next((values[key] for key in keys if isinstance(values.get(key), str) and values[key].strip()), "")
