"""One row of a recipe beside the form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import Problem
from engine.rules import field_label

SAME, DIFFERS, ASKS, CANNOT = "same", "differs", "asks", "cannot"
NONE = "none"


@dataclass(frozen=True, slots=True)
class Field:
    """One row.

    Attributes:
        name: unique among the rows.
        label: for people.
        current, incoming: what the form has and what the recipe says, in words.
        state: `SAME`; `DIFFERS`, and it can be taken; `ASKS`, it is taken only where the artist says so; `CANNOT`.
        becomes: what the form would have, in words; empty where that is what comes.
        said: sentences on it; empty where all is plain.
        values: what the form takes, by its own names.
        links: where a model or LoRA that is not here may be had, as words and address.
        unhashed: files to be hashed before one can be found by its hash.
    """

    name: str
    label: str
    current: str
    incoming: str
    state: str = DIFFERS
    becomes: str = ""
    said: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    links: tuple[tuple[str, str], ...] = ()
    unhashed: tuple[Path, ...] = ()


def row(
    name: str,
    now: str,
    incoming: str,
    values: Mapping[str, Any],
    is_same: bool,
    problems: Sequence[Problem],
    notes: Sequence[str] = (),
) -> Field:
    """A row of values that can be taken unless something speaks against them."""
    said = " ".join([*(problem.message for problem in problems), *notes])
    state = state_of(is_same, True, not problems)
    return Field(name, field_label(name), now, incoming, state, "", said, {} if problems else values)


def state_of(is_same: bool, sure: bool, usable: bool) -> str:
    """One of the states, by what is known of a row."""
    if not usable:
        return CANNOT
    return SAME if is_same else DIFFERS if sure else ASKS


def named(name: str, digits: str) -> str:
    """A name with the beginning of its hash, as much as tools show."""
    return f"{name} ({digits[:12]})" if name and digits else name or digits[:12]


def number_text(value: Any) -> str:
    """A number in words."""
    return f"{value:.10g}" if isinstance(value, float) else NONE if value is None else str(value)
