"""A graph of ComfyUI's API: nodes by id, each with a class and inputs that are values or links to other nodes."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MOST_NODES = 20_000
LONGEST_NAME = 200  # of a class or an input


@dataclass(frozen=True, slots=True)
class Link:
    """The output of another node that an input takes."""

    node: str
    slot: int


@dataclass(frozen=True, slots=True)
class Node:
    """One node.

    Attributes:
        kind: its class, such as `KSampler`.
        inputs: values as JSON has them, and `Link`s.
    """

    id: str
    kind: str
    inputs: Mapping[str, Any]

    def links(self, *names: str) -> list[Link]:
        """The links of the inputs with these names, in that order; of all inputs where none is named."""
        return [self.inputs[name] for name in names or self.inputs if isinstance(self.inputs.get(name), Link)]


class Graph:
    """Nodes and the walks through them. No walk enters a node twice, so cycles and depth do no harm.

    Attributes:
        nodes: by id.
        followed: what stands behind a node's input of some name, for those who look values up.
    """

    def __init__(self, nodes: Mapping[str, Node]):
        self.nodes = nodes
        self.followed: dict[tuple[str, str], Any] = {}

    def __bool__(self) -> bool:
        return bool(self.nodes)

    def at(self, link: Any) -> Node | None:
        """The node behind a link; None where the value is no link, or one to nowhere."""
        return self.nodes.get(link.node) if isinstance(link, Link) else None

    def upstream(self, starts: Iterable[Link], onward: Callable[[Node], Iterable[Link]]) -> Iterator[Node]:
        """The nodes behind links, nearest first.

        Args:
            starts: where the walk begins.
            onward: the links to follow from a node.
        """
        todo, seen = deque(starts), set[str]()
        while todo:
            node = self.at(todo.popleft())
            if node is None or node.id in seen:
                continue
            seen.add(node.id)
            yield node
            todo.extend(onward(node))


def from_api(values: Mapping[str, Any]) -> Graph:
    """The graph of the JSON in `prompt`; what is no node in it is left out."""
    objects = ((key, row) for key, row in values.items() if isinstance(row, dict))
    rows = [(key, row) for key, row in objects if isinstance(row.get("class_type"), str)][:MOST_NODES]
    ids = {key for key, _ in rows}
    nodes = {}
    for key, row in rows:
        inputs = row.get("inputs")
        named = inputs.items() if isinstance(inputs, dict) else ()
        linked = {name: _input(value, ids) for name, value in named if len(name) <= LONGEST_NAME}
        nodes[key] = Node(key, row["class_type"][:LONGEST_NAME], linked)
    return Graph(nodes)


def _input(value: Any, ids: set[str]) -> Any:
    if isinstance(value, list) and len(value) == 2 and isinstance(value[0], (str, int)) and str(value[0]) in ids:
        return Link(str(value[0]), value[1] if isinstance(value[1], int) else 0)
    if isinstance(value, dict) and isinstance(value.get("content"), str):
        return value["content"]  # a name with its picture, as a menu of pysssss has it
    return value
