"""Nodes that replace words in a text."""

import re
from dataclasses import dataclass
from typing import Any

from gallery.foreign.comfyui.graph import Node

_REPLACES = re.compile(r"replace", re.IGNORECASE)
_PATTERN = re.compile(r"regex|pattern", re.IGNORECASE)  # another's pattern is never run
_NAMES = (("text_a", "text_b", "text_c"), ("string", "find", "replace"), ("text", "find", "replace"))
LONGEST = 100_000  # characters of a text that was changed
MOST = 50  # in one prompt


@dataclass(frozen=True, slots=True)
class Replacement:
    """What is put in place of what, in the pieces from the number `since` on."""

    find: str
    put: str
    since: int

    def apply(self, pieces: list[str]) -> None:
        """Change the pieces."""
        text = "".join(pieces[self.since :])[:LONGEST]
        count = max(1, LONGEST // max(1, len(self.put)))
        pieces[self.since :] = [text.replace(self.find, self.put, count)[:LONGEST]]


def replacing(node: Node, since: int) -> list[Any]:
    """The text that a node changes, and the change; empty where it is no such node or its words are computed."""
    acts = node.inputs.get("action") == "replace" or _REPLACES.search(node.kind)
    if not acts or _PATTERN.search(node.kind):
        return []
    for source, find, put in _NAMES:
        if source in node.inputs and isinstance(words := node.inputs.get(find), str):
            new = node.inputs.get(put)
            change = [Replacement(words, new, since)] if words and isinstance(new, str) else []
            return [node.inputs[source], *change]
    return []
