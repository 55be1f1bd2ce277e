"""The last change to pictures, said above the page with the way back, until it is undone or dismissed."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import streamlit as st

from engine.studio import Studio
from gallery.marks import Undo
from pages.parts.common import OWNER, PEOPLE_ERRORS

_CHANGE = "last_change"


@dataclass(frozen=True)
class _Change:
    text: str
    undo: Callable[[], object] | None
    trashed: frozenset[str] = frozenset()


def said(text: str, undo: Callable[[], object] | None = None, trashed: Collection[str] = ()) -> None:
    """Say what was done, and offer its undo.

    Args:
        text: a sentence.
        undo: takes it back; None where nothing can be.
        trashed: ids of the pictures that it put into the trash.
    """
    st.session_state[_CHANGE] = _Change(text, undo, frozenset(trashed))


def marked(studio: Studio, text: str, undo: Undo) -> None:
    """Say that pictures were marked, and offer to take it back; `text` follows their number."""
    if undo.changed:
        said(f"{pictures(undo.changed)} {text}", lambda: undo.undo(studio.database))
    else:
        said("Nothing is changed: the pictures were like that already.")


def changed(studio: Studio, text: str, undos: Sequence[Undo]) -> None:
    """Say that one picture was marked otherwise, and offer to take all of it back; nothing where it was like that."""
    if any(undo.changed for undo in undos):
        said(text, lambda: [undo.undo(studio.database) for undo in reversed(undos)])


def trash(studio: Studio, image_ids: Collection[str]) -> None:
    """Put pictures into the trash; those that were there already are let be."""
    live = [record.id for record in studio.gallery.several(image_ids, OWNER) if record.deleted_at is None]
    if not live:
        said("Nothing is changed: the pictures were in the trash already, or are gone.")
        return
    studio.gallery.delete(live, owner=OWNER)
    text = "The picture is in the trash." if len(live) == 1 else f"{pictures(len(live))} are in the trash."
    said(text, lambda: _take_back(studio, live), live)


def restore(studio: Studio, image_ids: Collection[str]) -> None:
    """Take pictures out of the trash; a single one says it by being there."""
    trashed = [record.id for record in studio.gallery.several(image_ids, OWNER) if record.deleted_at is not None]
    studio.gallery.restore(trashed, owner=OWNER)
    nothing_to_undo(trashed)
    if len(image_ids) > 1:
        said(f"{pictures(len(trashed))} restored.", lambda: studio.gallery.delete(trashed, owner=OWNER))


def _take_back(studio: Studio, trashed: Collection[str]) -> None:
    """Out of the trash again; what is no more, since the trash was emptied meanwhile, is said."""
    studio.gallery.restore(trashed, owner=OWNER)
    if gone := len(trashed) - len(studio.gallery.several(trashed, OWNER)):
        was = "was" if gone == 1 else "were"
        said(f"{pictures(gone)} {was} deleted for good meanwhile and cannot come back.")


def nothing_to_undo(image_ids: Collection[str]) -> None:
    """However pictures left the trash, there is nothing left to undo of having put them there."""
    change = st.session_state.get(_CHANGE)
    if change and change.trashed and change.trashed <= set(image_ids):
        _dismiss()


def offer_undo() -> None:
    """Say the last change, if there was one."""
    change = st.session_state.get(_CHANGE)
    if change is None:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.text(change.text)
        if change.undo is not None:
            st.button("Undo", key="undo", icon=":material/undo:", on_click=_undo, args=(change,))
        st.button("Dismiss", icon=":material/close:", key="dismiss", on_click=_dismiss, type="tertiary")


def attempt(change: Callable[..., object], *args: object) -> bool:
    """Carry out a change, or say above the page why it was not; returns whether it was."""
    try:
        change(*args)
    except PEOPLE_ERRORS as error:
        said(str(error))
        return False
    return True


def pictures(count: int) -> str:
    """ "1 picture", "12 pictures"."""
    return f"{count:,} {'picture' if count == 1 else 'pictures'}"


def _undo(change: _Change) -> None:
    _dismiss()
    if change.undo is not None:
        attempt(change.undo)


def _dismiss() -> None:
    st.session_state.pop(_CHANGE, None)
