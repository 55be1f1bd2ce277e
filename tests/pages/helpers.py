"""What tests read from a page and do on it."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from streamlit.testing.v1 import AppTest


def texts(elements: Iterable[Any]) -> str:
    """The values of these elements, one a line."""
    return "\n".join(str(element.value) for element in elements)


def press_generate(page: AppTest) -> None:
    """Press Generate; its key changes with every accepted job, so it is found by its label."""
    button(page, "Generate").click().run()


def button(page: AppTest, label: str) -> Any:
    """The first button with this label."""
    return next(button for button in page.button if button.label == label)


def opened(page: AppTest) -> list[str]:
    """The prompts on the gallery's tiles, in their order."""
    return [button.label for button in page.button if (button.key or "").startswith("open_")]


def jumps(page: AppTest) -> list[str]:
    """Where the links of the page's errors lead, each to a widget that is there."""
    keys = [getattr(getattr(node, "proto", None), "id", "").split("-", 2)[-1] for node in nodes(page.main)]
    found = re.findall(r"\(#field-([\w-]+)\)", texts(page.error))
    assert [name for name in found if not any(re.sub(r"[^\w-]", "-", key).startswith(name) for key in keys)] == []
    return found


def nodes(block: Any) -> Iterator[Any]:
    """The elements in it, at any depth."""
    for child in block.children.values():
        yield from nodes(child) if hasattr(child, "children") else [child]
