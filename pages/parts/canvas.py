"""A canvas on the page: a mask painted over a picture, or a sketch in colours.

Brush, eraser, undo and the rest work in the browser, so that no stroke waits for the page or is lost to it. What was
drawn comes as a PNG file after each stroke; the page keeps it and hands it back, so it outlives the browser's memory.
"""

import base64
import binascii
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st
from PIL import Image

MOST_SIDE = 1024  # pixels of the longer side that the browser draws with; a mask is brought to its picture's size
SHOWN_SIDE = 560  # pixels of the screen for the longer side, where there is room
_HEAD = "data:image/png;base64,"
_FOLDER = Path(__file__).parent
_canvas = st.components.v2.component(
    "canvas",
    html=(_FOLDER / "canvas.html").read_text(),
    css=(_FOLDER / "canvas.css").read_text(),
    js=(_FOLDER / "canvas.js").read_text(),
)


def paint_mask(
    size: tuple[int, int], behind: bytes, key: str, name: str, mask: bytes | None, keep: Callable[[bytes], str]
) -> None:
    """Let the artist paint on a picture what is to be redrawn.

    Args:
        size: width and height of the picture in pixels.
        behind: the picture as JPEG, of any size.
        key: of the widget.
        name: of the mask that is kept; empty for none. Another name than before has the canvas show that mask.
        mask: its file, white where it is painted; None for none.
        keep: takes what was painted since, a PNG file of mode L and of `size`, white on black, or empty where nothing
            is painted; it returns the mask's name from now on.
    """

    def keep_mask(png: bytes) -> str:
        return keep(_brought_to(size, png))

    width, height = _within(size)
    values = {"mask": True, "label": "Paint what is to be redrawn", "width": width, "height": height}
    pictures = {"behind": f"data:image/jpeg;base64,{base64.b64encode(behind).decode()}", "drawing": _address(mask)}
    _show(key, name, keep_mask, values | pictures)


def sketch(size: tuple[int, int], key: str, name: str, drawing: bytes | None, keep: Callable[[bytes], str]) -> None:
    """Let the artist sketch in colours; as `paint_mask`, with a PNG file of mode RGB and of `size` or smaller."""
    width, height = _within(size)
    values = {"mask": False, "label": "Sketch in colours", "width": width, "height": height, "behind": ""}
    _show(key, name, keep, values | {"drawing": _address(drawing)})


def _show(key: str, name: str, keep: Callable[[bytes], str], values: dict[str, Any]) -> None:
    """Take what was drawn, then show the canvas; a drawing that is the canvas's own is not shown to it again."""
    token_key = f"{key}_token"
    kept_name, token = st.session_state.get(token_key, ("", ""))
    drawn = _drawn(st.session_state.get(key), (values["width"], values["height"]))
    if drawn and drawn[1] != st.session_state.get(f"{key}_seen"):
        st.session_state[f"{key}_seen"] = drawn[1]
        before = name
        kept_name, token = name, _ = keep(drawn[0]), drawn[1]
        st.session_state[token_key] = (kept_name, token)
        if kept_name and not before:
            st.rerun()  # all of the page: what it said of an empty canvas is over
    own = {"name": name, "token": token if name == kept_name else "", "most": _shown_width(values)}
    _canvas(key=key, data=values | own, default={"drawing": None}, on_drawing_change=lambda: None)


def _drawn(state: Any, size: tuple[int, int]) -> tuple[bytes, str] | None:
    """The file and its token, as the browser sent them; None where that can be no drawing of `size`."""
    drawing = state.get("drawing") if state else None
    if not isinstance(drawing, dict) or not str(drawing.get("png", "")).startswith(_HEAD):
        return None
    try:
        png = base64.b64decode(drawing["png"][len(_HEAD) :], validate=True)
        with Image.open(io.BytesIO(png), formats=("PNG",)) as image:  # reads the head alone
            return (png, str(drawing.get("token", ""))) if image.size == size else None
    except (binascii.Error, OSError):
        return None


def _shown_width(values: dict[str, Any]) -> int:
    return round(SHOWN_SIDE * values["width"] / max(values["width"], values["height"]))


def _within(size: tuple[int, int]) -> tuple[int, int]:
    scale = min(1.0, MOST_SIDE / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _brought_to(size: tuple[int, int], png: bytes) -> bytes:
    stream = io.BytesIO()
    with Image.open(io.BytesIO(png), formats=("PNG",)) as painted:
        mask = painted.convert("L")
    if not mask.getbbox():
        return b""
    mask.resize(size, Image.Resampling.BILINEAR).save(stream, "PNG")
    return stream.getvalue()


def _address(png: bytes | None) -> str:
    return f"{_HEAD}{base64.b64encode(png).decode()}" if png else ""
