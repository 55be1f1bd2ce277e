"""Numbers and names of a graph, through the nodes that only hold or hand on a value."""

import re
from typing import Any

from gallery.foreign.comfyui.graph import MOST_HOPS, Graph, Link, Node

# Names under which nodes hold one value: primitives, seeds, constants, and those that hand one on.
_HELD = ("value", "seed", "noise_seed", "int", "float", "number", "Value", "Number", "integer", "val", "string")
_COMPUTES = re.compile(r"math|multiply|multiple|divide|add|subtract|expression|operation|switch|random", re.IGNORECASE)


def value_of(graph: Graph, node: Node, *names: str) -> Any:
    """The value of the first of these inputs that has one; None where it is computed, or nowhere to be found."""
    for name in names:
        if (found := _followed(graph, node.inputs.get(name), name)) is not None:
            return found
    return None


def text_value(graph: Graph, node: Node | None, *names: str) -> str:
    """The same, as a text; empty where it is none."""
    found = value_of(graph, node, *names) if node else None
    return found if isinstance(found, str) else ""


def _followed(graph: Graph, value: Any, name: str) -> Any:
    seen: set[str] = set()
    for _ in range(MOST_HOPS):
        if not isinstance(value, Link):
            return value
        node = graph.at(value)
        if node is None or node.id in seen:
            return None
        seen.add(node.id)
        value = _held(node, name)
    return None


def _held(node: Node, name: str) -> Any:
    for key in (name, *_HELD):
        if (found := node.inputs.get(key)) is not None and not isinstance(found, (list, dict)):
            return found
    if _COMPUTES.search(node.kind):
        return None
    links = node.links()
    return links[0] if len(links) == 1 else None
