"""Other tools' `<lora:name:0.8>` in a prompt: what it names here, and the prompt without it; and trigger words.

A tag applies nothing by itself. It is offered to be moved to the field of the LoRAs, where its weight is seen.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from engine.diffusion.request import LORA_WEIGHT
from engine.rules import MAX_PROMPT_CHARACTERS
from engine.weights.hashes import file_sha256, tensor_sha256
from engine.weights.loras import LoraInfo

MOST = 8  # tags of one prompt that are looked at

_TAG = re.compile(r"<[ \t]*(?:lora|lyco)[ \t]*:(?P<name>[^<>:]{1,200})(?P<numbers>(?::[^<>:]{0,40}){0,6})>", re.I)
_HASH = re.compile(r"[0-9a-f]{10}|[0-9a-f]{12}", re.I)
_BLANK = " \t"


@dataclass(frozen=True, slots=True)
class LoraTag:
    """A tag as it is typed.

    Attributes:
        text: all of it, with its angle brackets.
        name: of the LoRA, or the first digits of its hash.
        weight: the first of its numbers as it is typed; "1" where it has none.
    """

    text: str
    name: str
    weight: str


@dataclass(frozen=True, slots=True)
class Offer:
    """What can be made of a tag.

    Attributes:
        tag: that is meant.
        lora: that it names; None where it cannot be applied.
        weight: of `LORA_WEIGHT`.
        refusal: why it cannot be applied, a sentence; empty where it can.
    """

    tag: LoraTag
    lora: LoraInfo | None = None
    weight: float = LORA_WEIGHT.default
    refusal: str = ""


def tags_of(prompt: str) -> list[LoraTag]:
    """The first `MOST` different tags of a prompt; none of a text that is too long, which is refused anyway."""
    if len(prompt) > MAX_PROMPT_CHARACTERS:
        return []
    found = (LoraTag(match[0], match["name"].strip(), _first(match["numbers"])) for match in _TAG.finditer(prompt))
    return list(dict.fromkeys(found))[:MOST]


def offers(prompt: str, loras: Sequence[LoraInfo], hashes: Path | None = None) -> list[Offer]:
    """What can be made of each tag of a prompt.

    Args:
        prompt: as typed.
        loras: all that are here, also those that cannot be used.
        hashes: where hashes of files are remembered, see `engine.weights.hashes`; files are read only for a name that
            no LoRA has and that looks like a hash.
    """
    return [_offer(tag, loras, hashes) for tag in tags_of(prompt)]


def without_tag(prompt: str, tag: str) -> str:
    """The prompt without a tag wherever it stands, and without the comma and the spaces that belonged to it."""
    while (start := prompt.find(tag)) >= 0:
        prompt = _cut(prompt, start, start + len(tag))
    return prompt


def has_words(prompt: str, words: str) -> bool:
    """Whether these words stand in the prompt, whole and in this order, in upper or lower case."""
    return _place(prompt, words) is not None


def with_words(prompt: str, words: str) -> str:
    """The prompt with these words at its end, unless it has them."""
    if has_words(prompt, words):
        return prompt
    kept = prompt.rstrip()
    comma = "" if kept.endswith(",") or not kept else ","
    return f"{kept}{comma} {words}" if kept else words


def without_words(prompt: str, words: str) -> str:
    """The prompt without these words wherever they stand, and without brackets that held nothing else."""
    while place := _place(prompt, words):
        prompt = _cut(prompt, *_widened(prompt, *place))
    return prompt


def _first(numbers: str) -> str:
    """Of ":0.8:0.6" the 0.8; tools that give the text encoder a weight of its own write it first."""
    first = numbers[1:].partition(":")[0].strip()
    return first.rpartition("=")[2] or "1"


def _offer(tag: LoraTag, loras: Sequence[LoraInfo], hashes: Path | None) -> Offer:
    lora = _named(tag.name, loras) or _hashed(tag.name, loras, hashes)
    if lora is None:
        return Offer(tag, refusal=_unknown(tag.name, loras))
    if lora.problem:
        return Offer(tag, refusal=f"The LoRA {lora.name} of {tag.text} cannot be used: {lora.problem}")
    try:
        weight = float(tag.weight)
    except ValueError:
        return Offer(tag, refusal=f"The weight of {tag.text} is no number; it must be {LORA_WEIGHT}.")
    if weight not in LORA_WEIGHT:
        return Offer(tag, refusal=f"The weight of {tag.text} must be {LORA_WEIGHT}; got {tag.weight}.")
    return Offer(tag, lora, weight)


def _named(name: str, loras: Sequence[LoraInfo]) -> LoraInfo | None:
    """By the studio's name first, which no two have, then by the file's."""
    wanted = name.casefold()
    ways = ((lambda lora: lora.name), (lambda lora: lora.name.casefold()), (lambda lora: lora.path.stem.casefold()))
    sought = (name, wanted, wanted)
    return next((lora for way, want in zip(ways, sought, strict=True) for lora in loras if way(lora) == want), None)


def _hashed(name: str, loras: Sequence[LoraInfo], hashes: Path | None) -> LoraInfo | None:
    """By ten digits of the file's hash or twelve of its tensors', as model hubs and picture texts write them."""
    if not _HASH.fullmatch(name):
        return None
    digest = file_sha256 if len(name) == 10 else tensor_sha256
    for lora in loras:
        try:
            if not lora.problem and digest(lora.path, hashes).startswith(name.lower()):
                return lora
        except OSError:
            continue
    return None


def _unknown(name: str, loras: Sequence[LoraInfo]) -> str:
    here = {lora.name.casefold(): lora.name for lora in loras if not lora.problem}
    near = [here[found] for found in get_close_matches(name.casefold(), here, 3, 0.6)]
    hint = f" Nearly the same: {', '.join(near)}." if near else ""
    return f"No LoRA here is called {name[:60]}.{hint}"


def _place(prompt: str, words: str) -> tuple[int, int] | None:
    """From where to where they stand; words that begin or end with a sign may touch letters there."""
    before = r"(?<!\w)" if words[:1].isalnum() else ""
    behind = r"(?!\w)" if words[-1:].isalnum() else ""
    match = re.search(before + re.escape(words) + behind, prompt, re.I) if words else None
    return match.span() if match else None


def _widened(prompt: str, start: int, end: int) -> tuple[int, int]:
    """With the brackets and the weight around it, as in `((word:1.2))`."""
    while opened := re.search(r"(?<!\\)([(\[])[ \t]*$", prompt[:start][-20:]):
        closing = r"[ \t]*(?::[ \t]*[-+.\d]{1,10}[ \t]*)?\)" if opened[1] == "(" else r"[ \t]*\]"
        closed = re.match(closing, prompt[end:])
        if not closed:
            break
        start, end = start - len(opened[0]), end + closed.end()
    return start, end


def _cut(prompt: str, start: int, end: int) -> str:
    left, right = prompt[:start].rstrip(_BLANK), prompt[end:].lstrip(_BLANK)
    if right.startswith(",") and (not left or left[-1] in ",([{|\n"):
        right = right[1:].lstrip(_BLANK)
    if not right:
        left = left.removesuffix(",").rstrip(_BLANK)
    touching = not left or not right or left[-1] in "([{|\n" or right[0] in ",.;:)]}|\n"
    return left + ("" if touching else " ") + right
