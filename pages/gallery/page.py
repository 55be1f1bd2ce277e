"""Gallery: everything that was made, newest first; one picture with all its settings."""

import streamlit as st

from engine.studio import Studio
from gallery.errors import GalleryError, ImageNotFound
from gallery.questions.query import LARGEST, NEWEST, OLDEST, RATING, Query
from gallery.records import ImageRecord, Page
from pages.gallery.address import EDGES, forget, put
from pages.gallery.alike import show_more_like, show_near_duplicates
from pages.gallery.bring_in import show_bring_in, show_brought_in
from pages.gallery.compare import show_compare
from pages.gallery.family import show_family
from pages.gallery.filters import show_bar, show_relaxing
from pages.gallery.full import open_full, show_full
from pages.gallery.many import show_selecting
from pages.gallery.marks import line, show_marks
from pages.gallery.pick import show_round
from pages.gallery.reproduce import show_reproduce_button, show_reproduction
from pages.gallery.selection import deselect, selecting, show_checkbox
from pages.gallery.statistics import show_statistics
from pages.gallery.undo import attempt, nothing_to_undo, offer_undo, restore, trash
from pages.gallery.views import COMPARE, FULL, PICK
from pages.generate.actions import show_links
from pages.kinds import shown
from pages.parts.common import GENERATE, OWNER, STORAGE, open_studio, plain
from pages.parts.dialogs import close_elsewhere
from pages.parts.downloads import download_buttons
from pages.parts.facts import exact
from pages.parts.pictures import show_thumbnail
from pages.parts.reuse import reuse_link
from pages.upscale.button import show_upscale

PAGE_SIZE = 24
NEAR, STATISTICS = "near", "statistics"  # views, by the address
TILE_WIDTH = 220
# What leads to the first page, and to the one before and after.
TURNS = {
    NEWEST: ("Newest", "Newer", "Older"),
    OLDEST: ("Oldest", "Older", "Newer"),
    RATING: ("Best", "Better", "Next"),
    LARGEST: ("Largest", "Larger", "Next"),
}
MOST_COUNTED = 1000  # counting the matches of a common word takes longer than finding the newest


def main() -> None:
    """Show what the address names: a comparison, a picking round, a view, one picture; else the grid."""
    studio = open_studio()
    close_elsewhere()
    if FULL not in st.query_params:
        offer_undo()
    image_id, view = st.query_params.get("image"), st.query_params.get("view")
    if COMPARE in st.query_params:
        show_compare(studio)
    elif PICK in st.query_params:
        show_round(studio)
    elif image_id:
        _detail(studio, image_id, show_bar(studio))
    elif view == NEAR:
        show_near_duplicates(studio, _open, _delete)
    elif view == STATISTICS:
        show_statistics(studio)
    else:
        query = show_bar(studio)
        _menu(studio)
        _grid(studio, query)


def _menu(studio: Studio) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        show_bring_in(studio)
        look = {"type": "tertiary", "on_click": _view}
        st.button("Near duplicates", key="near", icon=":material/filter_none:", args=(NEAR,), **look)
        st.button("Statistics", key="statistics", icon=":material/bar_chart:", args=(STATISTICS,), **look)
    show_brought_in(studio)


def _view(name: str) -> None:
    st.query_params["view"] = name


# -- the grid


def _grid(studio: Studio, query: Query) -> None:
    page = _page(studio, query)
    if not page.images:
        _empty(studio, query)
        return
    show_selecting(studio, page.images, query, _how_many(studio, query))
    if query.trash:
        st.page_link(STORAGE, label="Empty the trash", icon=":material/delete_forever:")
    grid = st.grid(min_column_width=TILE_WIDTH)
    for record in page.images:
        with grid.container(key=f"tile_{record.id}"):
            _tile(studio, record, query, page.stacked.get(record.id, 1))
    with st.container(horizontal=True, horizontal_alignment="center"):
        first, before, after = TURNS[query.sort]
        _turn(first, ":material/first_page:", page.has_newer)
        _turn(before, ":material/chevron_left:", page.has_newer, newer_than=page.images[0].id)
        _turn(after, ":material/chevron_right:", page.has_older, older_than=page.images[-1].id)


def _how_many(studio: Studio, query: Query) -> str:
    count = studio.gallery.count(query, at_most=MOST_COUNTED if query.of_words_only else None)
    number = f"{MOST_COUNTED}+" if count >= MOST_COUNTED and query.of_words_only else str(count)
    what = ("stack", "stacks") if query.fold else ("picture", "pictures")
    return f"{number} {what[count != 1]}{' in the trash' if query.trash else ''}"


def _page(studio: Studio, query: Query) -> Page:
    """The page that the address names, or the first where that one is empty or no page at all."""
    edge = {name: st.query_params[name] for name in EDGES if name in st.query_params}
    try:
        page = studio.gallery.page(query, limit=PAGE_SIZE, **edge)
        if page.images or not edge:
            return page
    except (GalleryError, ValueError):
        if not edge:
            raise
    forget(*EDGES)
    return studio.gallery.page(query, limit=PAGE_SIZE)


def _turn(label: str, icon: str, possible: bool, **edge: str) -> None:
    def turn() -> None:
        forget(*EDGES)
        st.query_params.update(edge)

    st.button(label, icon=icon, disabled=not possible, on_click=turn)


def _tile(studio: Studio, record: ImageRecord, query: Query, stacked: int) -> None:
    show_thumbnail(studio, record, "stretch")
    if marked := line(record, stacked):
        st.caption(marked)
    if selecting():
        show_checkbox(studio, record, query, _short(record.title))
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
    if stacked > 1:
        st.button(
            "Show all seeds",
            key=f"stack_{record.id}",
            icon=":material/stacks:",
            on_click=_unfold,
            args=(record.stack,),
            width="stretch",
        )
    if query.trash:
        st.button(
            "Restore",
            key=f"restore_{record.id}",
            icon=":material/restore_from_trash:",
            on_click=attempt,
            args=(restore, studio, [record.id]),
            width="stretch",
        )


def _unfold(stack: str) -> None:
    put("fold", None)
    put("stack", stack)


def _short(prompt: str) -> str:
    words = " ".join(prompt.split())
    return plain(words if len(words) <= 80 else words[:78].rstrip() + "…")


def _open(image_id: str) -> None:
    st.query_params["image"] = image_id


def _empty(studio: Studio, query: Query) -> None:
    with st.container(horizontal_alignment="center"):
        st.space("large")
        if query.filters == ("words",):
            st.markdown("## No picture has these words in its prompt or name", width="content")
            st.caption("Every word must occur; the beginning of a word is enough.", width="content")
        elif query.filters:
            st.markdown("## No picture answers to all of this", width="content")
            show_relaxing(studio, query)
        elif query.trash:
            st.markdown("## The trash is empty", width="content")
        else:
            st.markdown("## Nothing here yet", width="content")
            st.caption("Every picture that you make is kept here with all its settings.", width="content")
            st.page_link(GENERATE, label="Make your first picture", icon=":material/brush:")


# -- one picture


def _detail(studio: Studio, image_id: str, query: Query) -> None:
    before, after = _neighbours(studio, image_id, query)
    try:
        record = studio.gallery.get(image_id, OWNER)
    except ImageNotFound as error:
        st.button("Back to the gallery", icon=":material/arrow_back:", on_click=_close, type="tertiary", shortcut="Esc")
        st.error(plain(error), icon=":material/image_not_supported:")
        return
    if FULL in st.query_params:
        show_full(studio, record, before and before.id, after and after.id, TURNS[query.sort][1:])
        return
    with st.container(horizontal=True):
        st.button("Back to the gallery", icon=":material/arrow_back:", on_click=_close, type="tertiary", shortcut="Esc")
        _, newer, older = TURNS[query.sort]
        _step(newer, ":material/chevron_left:", before, "Left")
        _step(older, ":material/chevron_right:", after, "Right")
        st.button("Full screen", icon=":material/fullscreen:", on_click=open_full, type="tertiary", shortcut="Enter")
    picture, facts = st.columns([3, 2], gap="large")
    with picture:
        readable = shown(record).picture(studio, record, "detail")
    with facts:
        show_marks(studio, record)
        _facts(record)
        if readable:
            download_buttons(studio, record, place="detail")
            shown(record).more(studio, record)
        _actions(studio, record)
        show_reproduction(studio, record)
        show_family(studio, record, _open)
        show_more_like(studio, record, _open)


def _neighbours(studio: Studio, image_id: str, query: Query) -> tuple[ImageRecord | None, ImageRecord | None]:
    try:
        return studio.gallery.neighbours(query, image_id)
    except GalleryError:
        return None, None


def _step(label: str, icon: str, neighbour: ImageRecord | None, key: str) -> None:
    target = (neighbour.id,) if neighbour else ()
    st.button(label, icon=icon, type="tertiary", disabled=not neighbour, on_click=_open, args=target, shortcut=key)


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
            show_reproduce_button(studio, record)
            delete = {"on_click": _delete, "args": (studio, record.id), "shortcut": "Delete"}
            st.button("Delete", key="delete", icon=":material/delete:", **delete)
        else:
            args = (restore, studio, [record.id])
            st.button("Restore", icon=":material/restore_from_trash:", on_click=attempt, args=args)
            with st.popover("Delete for good", icon=":material/delete_forever:"):
                st.markdown("Nothing brings it back.")
                gone = {"on_click": _delete_for_good, "args": (studio, record.id)}
                st.button("Yes, delete it for good", key="gone", **gone)


def _delete_for_good(studio: Studio, image_id: str) -> None:
    studio.gallery.delete_for_good([image_id], owner=OWNER)
    nothing_to_undo([image_id])
    _close()


def _close() -> None:
    forget("image", FULL)


def _delete(studio: Studio, image_id: str) -> None:
    attempt(trash, studio, [image_id])
    deselect([image_id])
    _close()


main()
