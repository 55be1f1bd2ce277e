"""Which of several reports is shown."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import streamlit as st


class Kept(Protocol):
    """A report in a folder of its own."""

    @property
    def folder(self) -> Path: ...


R = TypeVar("R", bound=Kept)


def choose_report(found: Sequence[R], name: str, key: str, label: Callable[[R], str]) -> R:
    """The newest, or the one that is chosen.

    Args:
        found: newest first, at least one.
        name: of the field.
        key: how its key begins.
        label: what one of them is called.
    """
    if len(found) == 1:
        return found[0]
    names = {each.folder.name: each for each in found}
    key = f"{key}_{found[0].folder.name}"  # with a newer one the choice begins anew, at the newest
    return names[st.selectbox(name, list(names), format_func=lambda each: label(names[each]), key=key)]
