"""Subgraphs of the editor's graph, unfolded: nodes inside get the ids that the API gives them, such as `133:0`.

The two nodes through which wires enter and leave a subgraph become bypassed ones, each output of which hands on the
input of the same number; so the table of links knows the way.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from gallery.foreign.comfyui.graph import MOST_NODES
from gallery.foreign.values import plain

_ENTRY, _EXIT = "-10", "-20"
_DEEPEST = 8
_MOST_LINKS = 200_000
BYPASSED = 4


def unfolded(values: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[list[Any]]]:
    """All nodes and all links of a graph, with those of its subgraphs in their places."""
    definitions = values.get("definitions")
    known = {plain(each.get("id")): each for each in _rows(definitions, "subgraphs")}
    exits = {name: _exits(inner) for name, inner in known.items()}
    nodes: list[dict[str, Any]] = []
    links: list[list[Any]] = []
    todo = [("", 0, values)]
    while todo and len(nodes) < MOST_NODES and len(links) < _MOST_LINKS:
        prefix, depth, graph = todo.pop()
        links += _links(graph, prefix)
        for row in _rows(graph, "nodes")[:MOST_NODES]:
            kind, row = plain(row.get("type")), _renamed(row, prefix)
            if kind not in known or depth >= _DEEPEST or row.get("mode"):
                nodes.append(row)
            else:
                nodes += _doors(row, exits[kind])
                todo.append((f"{row['id']}:", depth + 1, known[kind]))
    return nodes, links


def _renamed(row: dict[str, Any], prefix: str) -> dict[str, Any]:
    ports = [{**port, "link": _number(port.get("link"), prefix)} for port in _rows(row, "inputs")]
    return {**row, "id": prefix + plain(row.get("id")), "inputs": ports}


def _links(graph: Mapping[str, Any], prefix: str) -> Iterator[list[Any]]:
    """Links as lists, whether they were lists or objects; their numbers and nodes named with the place."""
    table = graph.get("links")
    for row in table if isinstance(table, list) else []:
        if isinstance(row, dict):
            row = [row.get(key) for key in ("id", "origin_id", "origin_slot", "target_id", "target_slot")]
        if isinstance(row, list) and len(row) >= 5:
            yield [_number(row[0], prefix), prefix + plain(row[1]), row[2], prefix + plain(row[3]), row[4]]


def _exits(inner: Mapping[str, Any]) -> dict[int, str]:
    """The links that leave a subgraph, by the number of its output."""
    return {link[4]: link[0] for link in _links(inner, "") if link[3] == _EXIT and isinstance(link[4], int)}


def _doors(row: Mapping[str, Any], exits: Mapping[int, str]) -> list[dict[str, Any]]:
    """The node of a subgraph as it is seen from outside, and the one through which wires enter it."""
    inside = f"{row['id']}:"
    leaving = [_number(exits.get(slot), inside) for slot in range(len(_rows(row, "outputs")))]
    return [_door(row["id"], leaving), _door(inside + _ENTRY, [port.get("link") for port in row["inputs"]])]


def _door(name: str, links: list[Any]) -> dict[str, Any]:
    ports = [{"name": str(slot), "type": slot, "link": link} for slot, link in enumerate(links)]
    return {"id": name, "type": "Subgraph", "mode": BYPASSED, "inputs": ports, "outputs": ports}


def _number(number: Any, prefix: str) -> str | None:
    return f"{prefix}{number}" if isinstance(number, (int, str)) else None


def _rows(holder: Any, key: str) -> list[dict[str, Any]]:
    listed = holder.get(key) if isinstance(holder, dict) else None
    return [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
