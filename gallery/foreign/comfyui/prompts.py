"""Prompts of a graph: from the sampler's conditioning to the encoders, and from those to the nodes that hold text."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from gallery.foreign.comfyui.graph import Graph, Link, Node
from gallery.foreign.comfyui.replacing import MOST, Replacement, replacing
from gallery.foreign.comfyui.switches import chosen

MOST_STEPS = 200_000
_ENCODED = (  # inputs that hold the words of an encoder, the whole prompt first
    *("t5xxl", "text", "text_g", "clip_g", "text_l", "clip_l", "bert", "mt5xl", "user_prompt", "prompt"),
    *("populated_text", "wildcard_text", "Text", "prompt_text", "multiline_text", "string", "value"),
)
_ONE_IS_ENOUGH = ("populated_text", "wildcard_text", "value", "string", "prompt_text", "multiline_text")
_SIDES = {
    "positive": ("text_positive", "positive_prompt", "positive_g", "positive_l", "positive"),
    "negative": ("text_negative", "negative_prompt", "negative_g", "negative_l", "negative"),
}
_JOINS = re.compile(r"concat|join|combine|append|merge|StringFunction", re.IGNORECASE)
_JOINED = re.compile(r"(?:text|string|prompt|str|part|input)?_?(?:[0-9]{1,2}|[a-h])", re.IGNORECASE)
_BETWEEN = ("delimiter", "separator", "seperator")
# Conditioning comes in through these; models, pictures and masks do not carry words.
_CONDITIONING = re.compile(r"(?:base_)?cond(?:itioning)?(?:_?(?:[0-9]{1,3}|to|from))?|clip_regions")
_WORDLESS = re.compile(
    r"model|clip|vae|image|pixels|mask|control|latent|samples|style|unet|noise|sigmas|sampler|width|height|seed",
    re.IGNORECASE,
)
_EMPTY = re.compile(r"zero_?out|ConditioningSetZero|EmptyConditioning", re.IGNORECASE)


@dataclass
class Words:
    """What was found on one side.

    Attributes:
        text: the prompt.
        encoders: the nodes that encoded it.
        used: ids of the nodes it came from.
        guidance: nodes that set the guidance on the way.
        joined: how many conditionings it is joined from.
    """

    text: str = ""
    encoders: list[Node] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    guidance: list[Node] = field(default_factory=list)
    joined: int = 0


def words(graph: Graph, start: Link | None, side: str) -> Words:
    """The prompt behind a conditioning input.

    Args:
        graph: where it is.
        start: what the sampler or the guider takes.
        side: "positive" or "negative", where nodes have both.
    """
    found, pieces = Words(), list[str]()
    todo: list[Any] = [start]
    seen: set[tuple[str, int]] = set()
    changes = 0
    for _ in range(MOST_STEPS):
        if not todo:
            break
        item = todo.pop()
        if isinstance(item, str):
            pieces.append(item)
            continue
        if isinstance(item, Replacement):
            item.apply(pieces)
            continue
        node = graph.at(item)
        if node is None or (node.id, item.slot) in seen:
            continue
        seen.add((node.id, item.slot))
        if changes < MOST and (changed := replacing(node, len(pieces))):
            changes += 1
            found.used.add(node.id)
            todo.extend(reversed(changed))
        else:
            todo.extend(reversed(_parts(graph, node, side, found)))
    found.text = _joined(pieces) or _shown(graph, found.used)
    return found


def _shown(graph: Graph, used: Iterable[str]) -> str:
    """What a node that shows texts last showed, where the text itself was made while the graph ran."""
    shown = (graph.nodes[key].inputs.get("text_0") for key in used)
    return next((text for text in shown if isinstance(text, str)), "")


_BREAK = "\0"  # between conditionings; one that has words on only one side goes


def _parts(graph: Graph, node: Node, side: str, found: Words) -> list[Any]:
    """What stands for a node: texts, and links to go on with."""
    if _EMPTY.search(node.kind):  # its input is the other side's prompt, multiplied by 0
        return []
    if "guidance" in node.inputs:
        found.guidance.append(node)
        found.used.add(node.id)
    if (branch := chosen(graph, node)) is not None:
        found.used.add(node.id)
        return [branch]
    if strings := _strings(node):
        found.used.add(node.id)
        return strings
    if texts := _texts(node, side):
        found.used.add(node.id)
        if node.links("clip", "clip1") or "clip_skip" in node.inputs:
            found.encoders.append(node)
        return texts
    conditioning = [key for key in node.inputs if _CONDITIONING.fullmatch(key)]
    links = (conditioning and node.links(*conditioning)) or node.links(*_SIDES[side]) or _others(node)
    found.joined += len(links) > 1
    return _with(_BREAK, links)


def _texts(node: Node, side: str) -> list[Any]:
    own = [node.inputs[key] for key in _SIDES[side] if isinstance(node.inputs.get(key), str) and node.inputs[key]]
    if own or any(isinstance(node.inputs.get(key), str) for key in _SIDES[side]):
        return own[:1] or [""]
    held = {key: node.inputs[key] for key in _ENCODED if isinstance(node.inputs.get(key), (str, Link))}
    taken: list[Any] = []
    for key, value in held.items():
        if value in taken or (taken and key in _ONE_IS_ENOUGH) or value == "":
            continue
        taken.append(value)
    return _with(_BREAK, taken) if taken else [""] * bool(held)


def _strings(node: Node) -> list[Any]:
    """The parts of a node that joins texts, with what it puts between them."""
    if not _JOINS.search(node.kind):
        return []
    keys = sorted(key for key in node.inputs if _JOINED.fullmatch(key))
    parts = [node.inputs[key] for key in keys if isinstance(node.inputs[key], (str, Link)) and node.inputs[key] != ""]
    between = next((node.inputs[key] for key in _BETWEEN if isinstance(node.inputs.get(key), str)), "")
    if node.inputs.get("tidy_tags") == "yes" and node.inputs.get("action") == "append":
        between = ", "
    return _with(between.replace("\\n", "\n"), parts)


def _others(node: Node) -> list[Link]:
    """The inputs of a node that is not known, without those that carry no words."""
    return [value for key, value in node.inputs.items() if isinstance(value, Link) and not _WORDLESS.search(key)]


def _with(between: str, parts: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    for part in parts:
        found += [between, part] if found and between else [part]
    return found


def _joined(pieces: list[str]) -> str:
    blocks = [block.strip() for block in "".join(pieces).split(_BREAK)]
    return "\n".join(dict.fromkeys(block for block in blocks if block))
