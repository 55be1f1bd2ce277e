"""What is looked for stands in the page's address, all of it, so that a link shows the same pictures again."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta

import streamlit as st

from gallery.ids import is_id
from gallery.questions.query import NEWEST, SORTS, Query
from gallery.recipe import SEEDS
from pages.parts.common import OWNER

LISTS = {
    "kinds": "kind", "models": "model", "loras": "lora", "samplers": "sampler", "sizes": "size", "tags": "tag",
    "colours": "colour",
}  # fmt: skip
"""Fields of a query with several values, and their names in the address."""
NAMES = {
    **LISTS, "made_from": "from", "made_before": "to", "seed": "seed", "favourite": "favourite", "rating": "rating",
    "commercial_use": "commercial",
    "board": "board", "parent": "parent", "stack": "stack", "words": "search",
}  # fmt: skip
"""Fields of a query that leave pictures out, and their names in the address."""
EDGES = ("older_than", "newer_than")


def query_of_address(words: str, trash: bool) -> Query:
    """What the address asks for; a value that is none asks for nothing."""
    lists = {field: tuple(st.query_params.get_all(name)) for field, name in LISTS.items()}
    begin, end = day("from"), day("to")
    return Query(
        words=words,
        trash=trash,
        owner=OWNER,
        **lists,
        made_from=_midnight(begin) if begin else None,
        made_before=_midnight(end + timedelta(days=1)) if end else None,
        seed=_whole("seed", SEEDS),
        favourite=_on("favourite"),
        commercial_use=_on("commercial"),
        rating=_whole("rating", 6) or 0,
        board=_id("board"),
        parent=_id("parent"),
        stack=st.query_params.get("stack") or None,
        sort=next((sort for sort in SORTS if sort == st.query_params.get("sort")), NEWEST),
        fold=_on("fold"),
    )


def day(name: str) -> date | None:
    """A day of the address; days with a year of four digits only, which every calendar takes."""
    try:
        found = date.fromisoformat(st.query_params.get(name, ""))
    except ValueError:
        return None
    return found if 1970 <= found.year < 9000 else None


def put(name: str, value: str | list[str] | None) -> None:
    """Write one value, or several, into the address, and go to the first page; nothing takes it out."""
    forget("image", *EDGES)
    if value:
        st.query_params[name] = value
    else:
        forget(name)


def forget(*names: str) -> None:
    """Take names out of the address."""
    for name in names:
        st.query_params.pop(name, None)


def clear(*fields: str) -> None:
    """Ask no more for these fields of the query."""
    for field in fields:
        if field == "words":  # its widget holds the address's value, which cannot be taken out beside it
            st.session_state.search = ""
            forget("image", *EDGES)
        else:
            put(NAMES[field], None)


def from_widget(name: str, key: str, text: Callable[[object], str | list[str] | None]) -> None:
    """After a widget changed: write its value into the address."""
    put(name, text(st.session_state[key]))


def _midnight(day: date) -> float:
    return datetime.combine(day, time.min).timestamp()  # where the studio runs


def _whole(name: str, below: int) -> int | None:
    text = st.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 20 and int(text) < below else None


def _on(name: str) -> bool:
    return st.query_params.get(name) == "true"


def _id(name: str) -> str | None:
    value = st.query_params.get(name)
    return value if is_id(value) else None
