"""Numbers and names of a graph, through the nodes that only hold or hand on a value."""

import re
from typing import Any

from gallery.foreign.comfyui.graph import Graph, Link, Node
from gallery.foreign.comfyui.switches import chosen
from gallery.foreign.values import plain

# Names under which nodes hold one value: primitives, seeds, constants, and those that hand one on.
_HELD = ("value", "seed", "noise_seed", "int", "float", "number", "Value", "Number", "integer", "val", "string")
_OTHER_NAMES = {"steps": ("steps_total",), "sampler_name": ("sampler",), "cfg": ("guidance",)}
# Nodes with a menu of sizes have width and height too, which count only where the menu says so.
_MENUS = ("aspect_ratio", "resolution", "dimensions", "size")
_SIZE = re.compile(r"([0-9]{2,5}) ?[x×] ?([0-9]{2,5})")
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
            value = _held(graph, node, name)
    graph.followed.update(dict.fromkeys(way, value))
    return value


def _held(graph: Graph, node: Node, name: str) -> Any:
    if (branch := chosen(graph, node)) is not None:
        return branch
    if name in ("width", "height") and (menu := menu_of(node)):
        return side_of(node, name, node.inputs[menu])
    for key in (name, *_OTHER_NAMES.get(name, ()), *_HELD):
        if (found := node.inputs.get(key)) is not None and not isinstance(found, (list, dict)):
            return found
    if _COMPUTES.search(node.kind):
        return None
    links = node.links()
    return links[0] if len(links) == 1 else None


def menu_of(node: Node) -> str:
    """The input in which a node has its menu of sizes; empty where it has none."""
    return next((key for key in _MENUS if isinstance(node.inputs.get(key), str)), "")


def side_of(node: Node, name: str, chosen: Any) -> Any:
    """A side of the size that was chosen from a menu such as `3:4 portrait 896x1152`; None where it is computed."""
    if not isinstance(chosen, str) or "custom" in chosen.lower():
        return node.inputs.get(name)
    size = _SIZE.search(chosen[:200])
    if size is None:
        return None
    turned = plain(node.inputs.get("swap_dimensions")).lower() in ("on", "true")
    return int(size[1 if (name == "width") != turned else 2])
