"""What tests read from a page and do on it."""

from collections.abc import Iterable
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
