"""Gallery: everything that was made, newest first; one picture with all its settings."""

from typing import Any

import streamlit as st

from engine.studio import Studio
from gallery.errors import GalleryError, ImageNotFound
from gallery.records import ImageRecord, Page
from pages.gallery.addresses import COMPARE, FULL, PICK
from pages.gallery.compare import show_compare
from pages.gallery.family import show_family
from pages.gallery.full import neighbours, open_full, show_full
from pages.gallery.many import show_bar
from pages.gallery.pick import show_round
from pages.gallery.selection import selecting, show_checkbox
from pages.gallery.undo import attempt, forget, offer_undo, restore, trash
from pages.generate.actions import show_links
from pages.kinds import shown
from pages.parts.common import GENERATE, OWNER, STORAGE, open_studio, plain
from pages.parts.downloads import download_buttons
from pages.parts.facts import exact
from pages.parts.pictures import show_thumbnail
from pages.parts.reuse import reuse_link
from pages.upscale.button import show_upscale

PAGE_SIZE = 24
TILE_WIDTH = 220
MOST_COUNTED = 1000  # counting the matches of a common word takes longer than finding the newest


def main() -> None:
    """Show one picture when the address names one, else the grid."""
    studio = open_studio()
    if FULL not in st.query_params:
        offer_undo()
    if COMPARE in st.query_params or PICK in st.query_params:
        (show_compare if COMPARE in st.query_params else show_round)(studio)
        return
    search, trash = _toolbar()
    filters = {"search": search, "owner": OWNER, "trash": trash}
    image_id = st.query_params.get("image")
    if image_id:
        _detail(studio, image_id, filters)
    else:
        _grid(studio, filters)


def _toolbar() -> tuple[str, bool]:
    """What is looked for and where; above a single picture too, so that its neighbours are of the same kind."""
    search, trash = st.columns([4, 1], vertical_alignment="bottom")
    words = search.text_input(
        "Search prompts and photo names",
        key="search",
        bind="query-params",
        placeholder="words of the prompt, such as castle sunset",
        on_change=_to_first_page,
    )
    return words or "", trash.toggle("Trash", key="trash", bind="query-params", on_change=_to_first_page)


def _to_first_page() -> None:
    _forget("older_than", "newer_than", "image", FULL)


def _forget(*names: str) -> None:
    for name in names:
        st.query_params.pop(name, None)


# -- the grid


def _grid(studio: Studio, filters: dict[str, Any]) -> None:
    page = _page(studio, filters)
    trash = filters["trash"]
    if not page.images:
        _empty(filters["search"], trash)
        return
    show_bar(studio, page.images, filters, _how_many(studio.gallery.count(**filters, at_most=MOST_COUNTED), trash))
    if trash:
        st.page_link(STORAGE, label="Empty the trash", icon=":material/delete_forever:")
    grid = st.grid(min_column_width=TILE_WIDTH)
    for record in page.images:
        with grid.container(key=f"tile_{record.id}"):
            _tile(studio, record, filters)
    with st.container(horizontal=True, horizontal_alignment="center"):
        _turn("Newest", ":material/first_page:", page.has_newer)
        _turn("Newer", ":material/chevron_left:", page.has_newer, newer_than=page.images[0].id)
        _turn("Older", ":material/chevron_right:", page.has_older, older_than=page.images[-1].id)


def _how_many(count: int, trash: bool) -> str:
    number = f"{MOST_COUNTED}+" if count >= MOST_COUNTED else str(count)
    return f"{number} {'picture' if count == 1 else 'pictures'}{' in the trash' if trash else ''}"


def _page(studio: Studio, filters: dict[str, Any]) -> Page:
    """The page that the address names, or the newest where that one is empty or no page at all."""
    edge = {name: st.query_params[name] for name in ("older_than", "newer_than") if name in st.query_params}
    try:
        page = studio.gallery.page(limit=PAGE_SIZE, **filters, **edge)
        if page.images or not edge:
            return page
    except (GalleryError, ValueError):
        if not edge:
            raise
    _forget("older_than", "newer_than")
    return studio.gallery.page(limit=PAGE_SIZE, **filters)


def _turn(label: str, icon: str, possible: bool, **edge: str) -> None:
    def turn() -> None:
        _forget("older_than", "newer_than")
        st.query_params.update(edge)

    st.button(label, icon=icon, disabled=not possible, on_click=turn)


def _tile(studio: Studio, record: ImageRecord, filters: dict[str, Any]) -> None:
    show_thumbnail(studio, record, "stretch")
    if selecting():
        show_checkbox(studio, record, filters, _short(record.title))
        return
    st.button(
        _short(record.title),
        key=f"open_{record.id}",
        on_click=_open,
        args=(record.id,),
        width="stretch",
        type="tertiary",
        wrap=False,
    )
    if filters["trash"]:
        st.button(
            "Restore",
            key=f"restore_{record.id}",
            icon=":material/restore_from_trash:",
            on_click=attempt,
            args=(restore, studio, [record.id]),
            width="stretch",
        )


def _short(prompt: str) -> str:
    words = " ".join(prompt.split())
    return plain(words if len(words) <= 80 else words[:78].rstrip() + "…")


def _open(image_id: str) -> None:
    st.query_params["image"] = image_id


def _empty(search: str, trash: bool) -> None:
    with st.container(horizontal_alignment="center"):
        st.space("large")
        if search:
            st.markdown("## No picture has these words in its prompt or name", width="content")
            st.caption("Every word must occur; the beginning of a word is enough.", width="content")
        elif trash:
            st.markdown("## The trash is empty", width="content")
        else:
            st.markdown("## Nothing here yet", width="content")
            st.caption("Every picture that you make is kept here with all its settings.", width="content")
            st.page_link(GENERATE, label="Make your first picture", icon=":material/brush:")


# -- one picture


def _detail(studio: Studio, image_id: str, filters: dict[str, Any]) -> None:
    newer, older = neighbours(studio, image_id, filters)
    try:
        record = studio.gallery.get(image_id, OWNER)
    except ImageNotFound as error:
        st.button("Back to the gallery", icon=":material/arrow_back:", on_click=_close, type="tertiary", shortcut="Esc")
        st.error(plain(error), icon=":material/image_not_supported:")
        return
    if FULL in st.query_params:
        show_full(studio, record, newer, older)
        return
    with st.container(horizontal=True):
        st.button("Back to the gallery", icon=":material/arrow_back:", on_click=_close, type="tertiary", shortcut="Esc")
        _step("Newer", ":material/chevron_left:", newer, "Left")
        _step("Older", ":material/chevron_right:", older, "Right")
        st.button("Full screen", icon=":material/fullscreen:", on_click=open_full, type="tertiary", shortcut="Enter")
    picture, facts = st.columns([3, 2], gap="large")
    with picture:
        readable = shown(record).picture(studio, record, "detail")
    with facts:
        _facts(record)
        if readable:
            download_buttons(studio, record, place="detail")
        _actions(studio, record)
        show_family(studio, record, _open)


def _step(label: str, icon: str, target: str | None, key: str) -> None:
    off = target is None
    st.button(label, icon=icon, type="tertiary", disabled=off, on_click=_open, args=(str(target),), shortcut=key)


def _facts(record: ImageRecord) -> None:
    if title := shown(record).title:
        st.caption(title)
    st.code(record.title, language=None, wrap_lines=True)
    if record.negative_prompt:
        st.caption("Negative prompt")
        st.code(record.negative_prompt, language=None, wrap_lines=True)
    rows = {label: plain(value) for label, value in shown(record).details(record).items() if value not in (None, "")}
    st.table(rows, border="horizontal")
    for note in record.recipe.notes:
        st.info(plain(note), icon=":material/info:")
    with st.expander("Complete recipe"):
        st.json(exact(record.recipe.to_dict()))


def _actions(studio: Studio, record: ImageRecord) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        made_by = shown(record)
        if made_by.page:
            with st.container(key="use_settings", width="content"):
                reuse_link(record, made_by.page, "Use these settings", made_by.reuse)
        if record.deleted_at is None:
            show_links(studio, record, "detail")
            show_upscale(studio, record, "detail")
            st.button("Delete", key="delete", icon=":material/delete:", on_click=_delete, args=(studio, record.id))
        else:
            args = (restore, studio, [record.id])
            st.button("Restore", icon=":material/restore_from_trash:", on_click=attempt, args=args)
            with st.popover("Delete for good", icon=":material/delete_forever:"):
                st.markdown("Nothing brings it back.")
                gone = {"on_click": _delete_for_good, "args": (studio, record.id)}
                st.button("Yes, delete it for good", key="gone", **gone)


def _delete_for_good(studio: Studio, image_id: str) -> None:
    studio.gallery.delete_for_good([image_id], owner=OWNER)
    forget([image_id])
    _close()


def _close() -> None:
    _forget("image", FULL)


def _delete(studio: Studio, image_id: str) -> None:
    attempt(trash, studio, [image_id])
    _close()


main()
