"""Where a picture comes from, and what came of it."""

from collections.abc import Callable, Sequence

import streamlit as st

from engine.studio import Studio
from gallery.family import Parent
from gallery.records import ImageRecord
from pages.gallery.address import NAMES, clear, put
from pages.parts.common import OWNER, plain
from pages.parts.pictures import show_thumbnail

MOST_SHOWN = 12
TILE_WIDTH = 110
ROLES = {
    "start": "Start picture",
    "mask": "Mask",
    "photo": "Photo",
    "style": "Style picture",
    "variation": "Varied from",
    "original": "Enlarged from",
    "cell": "Part of the grid",
}


def show_family(studio: Studio, record: ImageRecord, open_picture: Callable[[str], None]) -> None:
    """Small pictures of both ends; nothing where there are none.

    Args:
        open_picture: shows the picture of that id instead.
    """
    parents = studio.gallery.parents(record, OWNER)
    children = studio.gallery.children(record.id, OWNER)
    if parents:
        st.markdown("**Comes from**")
        _row(parents, lambda parent: _parent(studio, parent, open_picture))
    if children:
        st.markdown("**Came of it**")
        _row(children, lambda child: _picture(studio, child, "Open", open_picture))
        st.button(
            "All that were made from this one",
            key="made_from_this",
            icon=":material/account_tree:",
            type="tertiary",
            on_click=_show_all,
            args=(record.id,),
        )


def _show_all(image_id: str) -> None:
    """The grid, with nothing asked but this; so it shows those that other filters would leave out."""
    clear(*NAMES)
    st.session_state.trash = False
    put("parent", image_id)


def _row(shown: Sequence, show: Callable) -> None:
    grid = st.grid(min_column_width=TILE_WIDTH)
    for each in shown[:MOST_SHOWN]:
        with grid.container():
            show(each)
    if len(shown) > MOST_SHOWN:
        st.caption(f"… and {len(shown) - MOST_SHOWN} more")


def _parent(studio: Studio, parent: Parent, open_picture: Callable[[str], None]) -> None:
    role = ROLES.get(parent.role) or plain(parent.role.capitalize()) or "Picture"
    if parent.image is not None:
        trashed = " (in the trash)" if parent.image.deleted_at else ""
        _picture(studio, parent.image, f"{role}{trashed}", open_picture)
        return
    path = studio.photos.path(parent.photo) if parent.photo and len(parent.photo) == 64 else None
    if path is not None and path.is_file():
        st.image(str(path), width="stretch")
        st.caption(role)
    else:
        st.caption(f"{role}: gone for good")


def _picture(studio: Studio, record: ImageRecord, label: str, open_picture: Callable[[str], None]) -> None:
    show_thumbnail(studio, record, "stretch")
    st.button(label, key=f"family_{label}_{record.id}", on_click=open_picture, args=(record.id,), width="stretch")
