"""The bar above the pictures: words, filters with counts beside their values, what is set, and the order."""

import base64
import io
import zlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import streamlit as st
from PIL import Image, ImageOps

from engine.studio import Studio
from gallery import marks
from gallery.looks.palette import NAMES, PALETTE
from gallery.questions.query import LARGEST, NEWEST, OLDEST, RATING, Counts, Facets, Query
from pages.gallery import address
from pages.parts.common import OWNER, plain

SORTED = {NEWEST: "Newest first", OLDEST: "Oldest first", RATING: "Best rated first", LARGEST: "Largest first"}
LABELS = {
    "kinds": "Kind", "models": "Model", "loras": "LoRA", "samplers": "Sampler", "sizes": "Size", "tags": "Tag",
    "made_from": "From", "made_before": "To", "seed": "Seed", "favourite": "Favourites", "rating": "Stars",
    "board": "Board", "parent": "Made from", "stack": "Stack", "words": "Words", "colours": "Colour",
    "commercial_use": "Commercial use",
}  # fmt: skip
COMMERCIAL = (
    "Pictures whose recipe has licences of its model and LoRAs that all allow it, and likewise every picture that they "
    "were made from. Where a licence is not known, as in other tools' pictures and early ones, it is left out."
)


def show_bar(studio: Studio) -> Query:
    """Above one picture too, so that its neighbours are those of what is looked for."""
    words, more, order, trash = st.columns([4, 1.3, 1.8, 1], vertical_alignment="bottom")
    text = words.text_input(
        "Search prompts and photo names",
        key="search",
        bind="query-params",
        placeholder="words of the prompt, such as castle sunset",
        on_change=_to_first_page,
    )
    in_trash = trash.toggle("Trash", key="trash", bind="query-params", on_change=_to_first_page)
    query = address.query_of_address(text or "", in_trash)
    number = len([name for name in query.filters if name != "words"])
    label = f"Filters ({number})" if number else "Filters"
    with more.popover(
        label, icon=":material/filter_list:", key="filters", on_change="rerun", width="stretch"
    ) as inside:
        if inside.open:
            _filters(studio, query)
    with order:
        _order(query)
    _chips(studio, query)
    return query


def _to_first_page() -> None:
    address.forget("image", *address.EDGES)


def _order(query: Query) -> None:
    st.session_state.sort_by = query.sort
    st.selectbox(
        "Order",
        list(SORTED),
        format_func=SORTED.__getitem__,
        key="sort_by",
        on_change=address.from_widget,
        args=("sort", "sort_by", lambda sort: None if sort == NEWEST else str(sort)),
    )


# -- the filters


def _filters(studio: Studio, query: Query) -> None:
    facets = studio.gallery.facets(query)
    _toggle("favourite", f"Favourites only ({facets.favourites})", query.favourite)
    _toggle("fold", "One picture for each stack", query.fold, "Pictures of the same recipe with other seeds")
    _toggle("commercial", f"Commercial use only ({facets.commercial})", query.commercial_use, COMMERCIAL)
    _stars(query, facets)
    _colours(query, facets)
    for field, label in (("kinds", "Kind"), ("models", "Model"), ("loras", "LoRA"), ("tags", "Tag")):
        _values(field, label, query, getattr(facets, field))
    _board(studio, query, facets)
    for field, label in (("samplers", "Sampler"), ("sizes", "Size")):
        _values(field, label, query, getattr(facets, field))
    begin, end = st.columns(2)
    with begin:
        _day("from", "Made from")
    with end:
        _day("to", "Made to")
    _seed(query)


def _values(field: str, label: str, query: Query, counts: Counts) -> None:
    """Nothing where there is nothing to choose."""
    chosen, known = list(getattr(query, field)), dict(counts)
    if not known and not chosen:
        return
    options = {value: f"{_value(field, value)} ({known.get(value, 0)})" for value in [*known, *chosen]}
    key = _key(field, options)
    st.session_state[key] = chosen
    st.multiselect(
        label,
        list(options),
        format_func=options.__getitem__,
        key=key,
        on_change=address.from_widget,
        args=(address.LISTS[field], key, lambda values: list(values)),
        placeholder="any",
    )


def _stars(query: Query, facets: Facets) -> None:
    options = {int(stars): f"{stars} ★ ({number})" for stars, number in reversed(facets.ratings)}
    key = _key("rating", options)
    st.session_state[key] = query.rating or None
    st.pills(
        "Stars, at least",
        list(options),
        format_func=options.__getitem__,
        key=key,
        on_change=address.from_widget,
        args=("rating", key, lambda stars: str(stars) if stars else None),
    )


def _colours(query: Query, facets: Facets) -> None:
    """Of all colours in their order, those that any picture has; nothing where none was looked at."""
    known = dict(facets.colours)
    shown = [name for name in NAMES if name in known or name in query.colours]
    if not shown:
        return
    options = {name: f"{_swatch(name)} {name} ({known.get(name, 0)})" for name in shown}
    key = _key("colours", options)
    st.session_state[key] = [name for name in query.colours if name in options]
    st.pills(
        "Colours, all of these",
        list(options),
        selection_mode="multi",
        format_func=options.__getitem__,
        key=key,
        on_change=address.from_widget,
        args=("colour", key, lambda names: list(names)),
    )


@lru_cache(maxsize=len(PALETTE))
def _swatch(name: str) -> str:
    """A small square of the colour, as Markdown."""
    edge = "#808080"  # so that white and black are seen on every ground
    square = ImageOps.expand(Image.new("RGB", (20, 20), f"#{PALETTE[name][0]}"), 2, edge)
    stream = io.BytesIO()
    square.save(stream, "PNG")
    return f"![{name}](data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()})"


def _board(studio: Studio, query: Query, facets: Facets) -> None:
    boards = {board.id: board.name for board in marks.boards(studio.database, OWNER)}
    if not boards and not query.board:
        return
    counts = dict(facets.boards)
    if query.board and query.board not in boards:
        boards[query.board] = "a board that is gone"
    options = {board: f"{name} ({counts.get(board, 0)})" for board, name in boards.items()}
    key = _key("board", options)
    st.session_state[key] = query.board
    st.selectbox(
        "Board",
        list(options),
        index=None,
        format_func=options.__getitem__,
        key=key,
        on_change=address.from_widget,
        args=("board", key, lambda board: board),
        placeholder="any",
    )


def _key(name: str, options: dict[Any, str]) -> str:
    """Another one when a label changes: the browser tells what is chosen by its label, and an old one is no choice."""
    return f"filter_{name}_{zlib.crc32(repr(options).encode()):x}"


def _toggle(name: str, label: str, on: bool, why: str | None = None) -> None:
    key = f"filter_{name}"
    st.session_state[key] = on
    st.toggle(
        label,
        key=key,
        help=why,
        on_change=address.from_widget,
        args=(name, key, lambda on: "true" if on else None),
    )


def _day(name: str, label: str) -> None:
    key = f"filter_{name}"
    st.session_state[key] = address.day(name)
    st.date_input(
        label,
        value=None,
        key=key,
        format="YYYY-MM-DD",
        on_change=address.from_widget,
        args=(name, key, lambda day: day.isoformat() if day else None),
    )


def _seed(query: Query) -> None:
    st.session_state.filter_seed = st.query_params.get("seed", "")
    st.text_input(
        "Seed",
        key="filter_seed",
        placeholder="any",
        on_change=address.from_widget,
        args=("seed", "filter_seed", lambda text: str(text).strip() or None),
    )
    if st.query_params.get("seed") and query.seed is None:
        st.error("A seed is a whole number from 0 to 18446744073709551615 (2^64 - 1).", icon=":material/error:")


# -- what is set


def _chips(studio: Studio, query: Query) -> None:
    """Each can be taken away with one press."""
    fields = [field for field in query.filters if field != "words"]
    if not fields:
        return
    with st.container(horizontal=True, key="chips"):
        for field in fields:
            clear: dict[str, Any] = {"on_click": address.clear, "args": (field,)}
            why = f"Ask no more for this: {LABELS[field]}"
            st.button(_chip(studio, query, field), icon=":material/close:", key=f"chip_{field}", help=why, **clear)
        if len(fields) > 1:
            st.button("Clear all", key="chip_all", type="tertiary", on_click=address.clear, args=tuple(fields))


def _chip(studio: Studio, query: Query, field: str) -> str:
    text: dict[str, Callable[[], str]] = {
        "favourite": lambda: "Favourites",
        "commercial_use": lambda: "Commercial use only",
        "rating": lambda: f"{query.rating} ★ or more" if query.rating < 5 else "5 ★",
        "seed": lambda: f"Seed {query.seed}",
        "made_from": lambda: f"From {st.query_params['from']}",
        "made_before": lambda: f"To {st.query_params['to']}",
        "parent": lambda: "Made from one picture",
        "stack": lambda: "One stack of seeds",
        "board": lambda: f"Board: {_board_name(studio, query.board)}",
    }
    if field in text:
        return plain(text[field]())
    between = " and " if field in ("loras", "tags", "colours") else " or "
    joined = between.join(_value(field, v) for v in getattr(query, field))
    return plain(f"{LABELS[field]}: {joined if len(joined) <= 60 else joined[:58] + '…'}")


def _board_name(studio: Studio, board_id: str | None) -> str:
    names = {board.id: board.name for board in marks.boards(studio.database, OWNER)}
    return names.get(board_id or "", "gone")


def _value(field: str, value: str) -> str:
    if field == "kinds":
        return value.replace("_", " ").capitalize()
    return value.replace("x", " × ") if field == "sizes" else value


# -- nothing found


def show_relaxing(studio: Studio, query: Query) -> None:
    """Which filters to take away where nothing is found; each press shows what is there then."""
    relaxed = studio.gallery.facets(query).relaxed
    for field, number in sorted(relaxed.items(), key=lambda each: -each[1]):
        label = f"Without “{_of(studio, query, field)}”: {number} picture{'' if number == 1 else 's'}"
        st.button(label, key=f"relax_{field}", on_click=address.clear, args=(field,))
    if not relaxed and query.filters:
        everything = {"on_click": address.clear, "args": query.filters}
        st.button("Clear the search and all filters", key="relax_all", **everything)


def _of(studio: Studio, query: Query, field: str) -> str:
    return plain(query.words.strip()) if field == "words" else _chip(studio, query, field)
