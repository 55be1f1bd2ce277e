"""Nodes that hand on one of several inputs: which one, where the graph says so."""

import re
from typing import Any

from gallery.foreign.comfyui.graph import Graph, Link, Node

_SWITCHES = re.compile(r"switch|if_?else|ConditionalBranch", re.IGNORECASE)
_FIRST = re.compile(r"(?:any|context) switch.*\(rgthree\)", re.IGNORECASE)  # the first input that has something
_BY = ("select", "index", "Input", "switch", "boolean", "boolean_value", "cond")
_SIDES = {
    True: ("on_true", "true", "if_true", "tt_value", "input1"),
    False: ("on_false", "false", "if_false", "ff_value", "input2"),
}
_NUMBERED = re.compile(r"[A-Za-z]+_?0*([0-9]{1,3})")


def chosen(graph: Graph, node: Node) -> Link | None:
    """The branch that a switch hands on; None for other nodes, and where it is computed."""
    if not _SWITCHES.search(node.kind):
        return None
    if _FIRST.search(node.kind):
        return next(iter(_numbered(node)), (0, None))[1]
    for key in _BY:
        value = node.inputs.get(key)
        source = graph.at(value)
        if found := _branch(node, source.inputs.get("value") if source else value):
            return found
    return None


def _branch(node: Node, value: Any) -> Link | None:
    if isinstance(value, bool):
        return next(iter(node.links(*_SIDES[value])), None)
    return next((link for number, link in _numbered(node) if number == value), None)


def _numbered(node: Node) -> list[tuple[int, Link]]:
    """The links of `input1`, `text_2`, `any_03` and the like, by their number."""
    found = ((_NUMBERED.fullmatch(key), value) for key, value in node.inputs.items())
    return sorted(
        ((int(key[1]), value) for key, value in found if key and isinstance(value, Link)), key=lambda row: row[0]
    )
