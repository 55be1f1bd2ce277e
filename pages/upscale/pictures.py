"""Which pictures of the gallery are made larger: chosen among the newest, remembered in the address."""

from collections.abc import Sequence

import streamlit as st

from engine.kept_photos import PhotoRef
from engine.studio import Studio
from gallery.errors import GalleryError
from gallery.records import ImageRecord
from pages.parts.common import OWNER, plain
from pages.parts.pictures import show_thumbnail

NEWEST = 24
PICTURES = "pictures"  # in the address: ids of the gallery


def pick_pictures(studio: Studio) -> tuple[PhotoRef, ...]:
    """The pictures of the gallery that were chosen; one that is gone is left out."""
    chosen = _chosen()
    newest = studio.gallery.page(limit=NEWEST, owner=OWNER).images
    if not newest and not chosen:
        return ()
    label = f"From the gallery, {len(chosen)} chosen" if chosen else "From the gallery"
    with st.expander(label, icon=":material/photo_library:", expanded=bool(chosen)):
        shown = {record.id: record for record in [*_records(studio, chosen), *newest]}
        grid = st.grid(min_column_width=110)
        for record in shown.values():
            with grid.container(key=f"pick_{record.id}"):
                _choice(studio, record, chosen)
    return tuple(photo for image_id in chosen if (photo := _kept(studio, image_id)))


def choose_pictures(ids: Sequence[str]) -> None:
    """Have the address name these pictures."""
    if ids:
        st.query_params[PICTURES] = ".".join(ids)
    else:
        st.query_params.pop(PICTURES, None)


def _chosen() -> list[str]:
    return list(dict.fromkeys(filter(None, st.query_params.get(PICTURES, "").split("."))))


def _records(studio: Studio, ids: Sequence[str]) -> list[ImageRecord]:
    found = []
    for image_id in ids:
        try:
            found.append(studio.gallery.get(image_id, OWNER))
        except GalleryError as error:
            st.warning(plain(error), icon=":material/image_not_supported:")
    return found


def _choice(studio: Studio, record: ImageRecord, chosen: Sequence[str]) -> None:
    show_thumbnail(studio, record, "stretch")
    here = record.id in chosen
    others = [image_id for image_id in chosen if image_id != record.id]
    st.button(
        "Take out" if here else "Choose",
        key=f"choose_{record.id}",
        icon=":material/close:" if here else ":material/add:",
        type="tertiary",
        help=plain(record.title),
        on_click=choose_pictures,
        args=(others if here else [*chosen, record.id],),
        wrap=False,
    )


def _kept(studio: Studio, image_id: str) -> PhotoRef | None:
    """The picture's kept copy, made the first time that it is asked for."""
    key = f"kept_{image_id}"
    photo: PhotoRef | None = st.session_state.get(key)
    try:
        if photo is None or studio.photo(photo.id) is None:
            photo = st.session_state[key] = studio.start_from(image_id, OWNER)
    except GalleryError:
        return None  # said above, or by the refusal
    return photo
