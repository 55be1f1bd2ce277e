"""LoRAs in prompts and beside them, brought together."""

import re
from collections.abc import Iterable

from gallery.foreign.recipe import ForeignLora
from gallery.foreign.values import bare_name, number

MOST = 200
_ONE = r"<(?:lora|lyco):([^:<>]{1,200})(?::([^<>]{0,200}))?>"
_TAG = re.compile(rf"(?<! ) *{_ONE}", re.IGNORECASE)  # once a run of spaces, so in linear time
_ANY = re.compile(_ONE, re.IGNORECASE)
_TAGS_FIRST = re.compile(rf"^(?: *{_ONE})+ *", re.IGNORECASE | re.MULTILINE)  # in a line, with the space behind
_UNET = re.compile(r"(?:^|:)unet=(-?[0-9.]{1,20})")


def from_tags(prompt: str) -> tuple[str, list[ForeignLora]]:
    """A prompt without its LoRA tags, and what they name."""
    found = [ForeignLora(bare_name(tag[1]), _weight(tag[2] or "")) for tag in _ANY.finditer(prompt)]
    return _TAG.sub("", _TAGS_FIRST.sub("", prompt)).strip(), found[:MOST]


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
