"""The recipes of several pictures side by side, with what differs marked."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import streamlit as st

from gallery.records import ImageRecord
from pages.kinds import shown

_STYLE = """<style>
.recipes { overflow-x: auto; } .recipes table { border-collapse: collapse; width: 100%; font-size: 0.875rem; }
.recipes th, .recipes td { text-align: left; vertical-align: top; padding: 0.35rem 0.6rem; min-width: 7rem;
  border-bottom: 1px solid var(--st-border-color, rgba(128, 128, 128, 0.3)); overflow-wrap: anywhere; }
.recipes tr.differs { background: rgba(240, 160, 106, 0.18); } .recipes tr.differs th::before { content: "≠ "; }
</style>"""


def rows_of(records: Sequence[ImageRecord]) -> list[tuple[str, list[str], bool]]:
    """What people read of each recipe, by label: a value for each picture, and whether they differ."""
    return _rows([_details(record) for record in records])


def all_rows_of(records: Sequence[ImageRecord]) -> list[tuple[str, list[str], bool]]:
    """As `rows_of`, of every value of the recipes, by its path."""
    return _rows([_flat(record.recipe.to_dict()) for record in records])


def show_recipes(records: Sequence[ImageRecord]) -> None:
    """The table that people read, and below it everything else that differs."""
    rows = rows_of(records)
    differing = sum(differs for _, _, differs in rows)
    fields = f"{differing} of {len(rows)} fields"
    st.caption(f"{fields} differ, marked with ≠" if differing else "The recipes say the same in all of these fields")
    _table(rows, len(records))
    with st.expander("Everything that differs in the complete recipes"):
        _table([row for row in all_rows_of(records) if row[2]], len(records))


def _details(record: ImageRecord) -> dict[str, str]:
    details = {"Title": record.title, "Negative prompt": record.negative_prompt, **shown(record).details(record)}
    return {label: str(value) for label, value in details.items() if value not in (None, "")}


def _rows(values: Sequence[Mapping[str, str]]) -> list[tuple[str, list[str], bool]]:
    labels = dict.fromkeys(label for each in values for label in each)
    texts = {label: [each.get(label, "–") for each in values] for label in labels}
    return [(label, row, len(set(row)) > 1) for label, row in texts.items()]


def _flat(value: Any, path: str = "") -> dict[str, str]:
    if isinstance(value, Mapping):
        items = [(str(name), inner) for name, inner in value.items()]
    elif isinstance(value, (list, tuple)):
        items = [(str(number), inner) for number, inner in enumerate(value, 1)]
    else:
        return {path: str(value)}
    return {
        key: text for name, inner in items for key, text in _flat(inner, f"{path}.{name}" if path else name).items()
    }


def _table(rows: Sequence[tuple[str, list[str], bool]], count: int) -> None:
    head = "".join(f'<th scope="col">{number}</th>' for number in range(1, count + 1))
    body = "".join(_row(*row) for row in rows)
    table = f'<table><tr><th scope="col">Field</th>{head}</tr>{body}</table>'
    label = 'role="region" tabindex="0" aria-label="Recipes side by side"'
    st.html(f'{_STYLE}<div class="recipes" {label}>{table}</div>')


def _row(label: str, values: list[str], differs: bool) -> str:
    cells = "".join(f"<td>{escape(value)}</td>" for value in values)
    said = '<span class="only-heard">differs: </span>' if differs else ""
    kind = ' class="differs"' if differs else ""
    return f'<tr{kind}><th scope="row">{said}{escape(label)}</th>{cells}</tr>'
