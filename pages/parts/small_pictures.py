"""Pictures of data sets and reports as small as they are shown."""

import io
from pathlib import Path

import streamlit as st
from PIL import Image

from engine.datasets.pictures import open_picture

SIDE = 512  # pixels


def small_picture(path: Path, side: int = SIDE) -> bytes:
    """The middle square of a picture as JPEG.

    Args:
        side: pixels at most.

    Raises:
        PictureRefused: it cannot be read.
    """
    status = path.stat() if path.exists() else None
    return _small(path, side, (status.st_size, status.st_mtime_ns) if status else None)


@st.cache_data(max_entries=512, show_spinner=False)
def _small(path: Path, side: int, state: tuple[int, int] | None) -> bytes:
    image = open_picture(path)
    edge = min(image.size)
    left, top = (image.width - edge) // 2, (image.height - edge) // 2
    square = image.crop((left, top, left + edge, top + edge))
    square.thumbnail((side, side), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    square.save(stream, "JPEG", quality=88)
    return stream.getvalue()
