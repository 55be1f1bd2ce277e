"""Numbers and names of a graph, through the nodes that only hold or hand on a value."""

import re
from typing import Any

from gallery.foreign.comfyui.graph import Graph, Link, Node

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
    """What stands at the end of the links; remembered for every node on the way, since many ways are long ones."""
    way: list[tuple[str, str]] = []
    while isinstance(value, Link):
        node = graph.at(value)
        if node is None:
            value = None
        elif (key := (node.id, name)) in graph.followed:
            value = graph.followed[key]
        else:
            graph.followed[key] = None  # so that a circle ends
            way.append(key)
            value = _held(node, name)
    graph.followed.update(dict.fromkeys(way, value))
    return value


def _held(node: Node, name: str) -> Any:
    for key in (name, *_HELD):
        if (found := node.inputs.get(key)) is not None and not isinstance(found, (list, dict)):
            return found
    if _COMPUTES.search(node.kind):
        return None
    links = node.links()
    return links[0] if len(links) == 1 else None
