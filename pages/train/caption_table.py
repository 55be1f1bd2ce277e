"""Captions beside their pictures, to be read and changed.

What was written stays with the session until it is saved, also while the table is not shown.
"""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import streamlit as st
from PIL import Image

from engine.datasets.pictures import CaptionedPicture, PictureRefused, facts_of, open_picture

SIDE = 96  # pixels of the thumbnails
MOST = 200  # rows; more would make the page slow


_WRITTEN = "captions_by_hand"  # in the session, by picture: not saved yet
_BEGINNING = "captions_beginning"  # the captions that the table began with: others would make it begin anew
_TABLE = "captions"


def by_hand(pictures: Sequence[CaptionedPicture]) -> dict[Path, str]:
    """The captions that were written by hand and not saved yet."""
    written: Mapping[Path, str] = st.session_state.get(_WRITTEN, {})
    return {each.path: written[each.path] for each in pictures if written.get(each.path, each.caption) != each.caption}


def with_hand(pictures: Sequence[CaptionedPicture]) -> list[CaptionedPicture]:
    """The pictures with those captions."""
    written = by_hand(pictures)
    return [replace(each, caption=written.get(each.path, each.caption)) for each in pictures]


def forget_hand(pictures: Sequence[CaptionedPicture]) -> None:
    """They are saved, or read anew."""
    for each in pictures:
        st.session_state.get(_WRITTEN, {}).pop(each.path, None)


def edited_captions(pictures: Sequence[CaptionedPicture]) -> dict[Path, str]:
    """Show the table; returns the captions that were changed in it, or before it was left."""
    shown = list(pictures[:MOST])
    if len(pictures) > MOST:
        st.caption(f"The first {MOST} of {len(pictures)} pictures")
    rows = [
        {"picture": _thumbnail(picture.path, facts_of(picture.path).sha256), "caption": caption}
        for picture, caption in zip(shown, _beginning(shown), strict=True)
    ]
    edited = st.data_editor(
        rows,
        key=_TABLE,
        hide_index=True,
        num_rows="fixed",
        width="stretch",
        row_height=72,
        column_config={
            "picture": st.column_config.ImageColumn("Picture", width="small"),
            "caption": st.column_config.TextColumn("Caption", width="large"),
        },
        disabled=["picture"],
    )
    forget_hand(shown)
    st.session_state.setdefault(_WRITTEN, {}).update(
        (picture.path, str(row["caption"] or ""))
        for picture, row in zip(shown, edited, strict=True)
        if (row["caption"] or "") != picture.caption
    )
    return by_hand(pictures)


def _beginning(shown: Sequence[CaptionedPicture]) -> list[str]:
    """The captions of the table's beginning: the same while it is shown and nothing in the folder changes."""
    folder = [(each.path, each.caption) for each in shown]
    kept = st.session_state.get(_BEGINNING)
    if _TABLE not in st.session_state or kept is None or kept[0] != folder:
        kept = folder, [each.caption for each in with_hand(shown)]
        st.session_state[_BEGINNING] = kept
    return kept[1]


@st.cache_data(max_entries=1000, show_spinner=False)
def _thumbnail(path: Path, sha256: str) -> str:
    """As a data address; empty where the picture cannot be read any more."""
    try:
        image = open_picture(path)
    except PictureRefused:
        return ""
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode()}"
