"""Captions beside their pictures, to be read and changed."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import streamlit as st
from PIL import Image

from engine.datasets.pictures import CaptionedPicture, PictureRefused, facts_of, open_picture

SIDE = 96  # pixels of the thumbnails
MOST = 200  # rows; more would make the page slow


def edited_captions(pictures: Sequence[CaptionedPicture]) -> dict[Path, str]:
    """Show the table; returns the captions that were changed in it."""
    shown = list(pictures[:MOST])
    if len(pictures) > MOST:
        st.caption(f"The first {MOST} of {len(pictures)} pictures")
    rows = [
        {"picture": _thumbnail(picture.path, facts_of(picture.path).sha256), "caption": picture.caption}
        for picture in shown
    ]
    edited = st.data_editor(
        rows,
        key="captions",
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
    return {
        picture.path: str(row["caption"] or "")
        for picture, row in zip(shown, edited, strict=True)
        if (row["caption"] or "") != picture.caption
    }


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
