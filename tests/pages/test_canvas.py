"""What the browser sends from the canvas, and what becomes of a mask."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from pages.parts import canvas


def png(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, "PNG")
    return stream.getvalue()


def sent(data: bytes | str, token: object = "a.1") -> dict[str, object]:
    text = base64.b64encode(data).decode() if isinstance(data, bytes) else data
    return {"drawing": {"png": f"data:image/png;base64,{text}", "token": token}}


DRAWING = png(np.zeros((8, 12, 3), np.uint8))


@pytest.mark.parametrize(
    "state",
    [
        None,
        {},
        {"drawing": None},
        {"drawing": "text"},
        {"drawing": {"png": 7}},
        {"drawing": {"png": "data:text/html;base64,PGI+"}},
        sent("not base64!"),
        sent(b"no picture"),
        sent(DRAWING[:20]),
        sent(png(np.zeros((9, 12, 3), np.uint8))),
    ],
)
def test_what_is_no_drawing_of_the_canvas_is_passed_over(state):
    assert canvas._drawn(state, (12, 8)) is None


def test_a_drawing_comes_with_its_token():
    assert canvas._drawn(sent(DRAWING), (12, 8)) == (DRAWING, "a.1")


@pytest.mark.parametrize(
    ("size", "painted"), [((2048, 1024), (1024, 512)), ((30, 20), (30, 20)), ((9000, 3), (1024, 1))]
)
def test_a_mask_is_brought_to_the_size_of_its_picture(size, painted):
    assert canvas._within(size) == painted
    mask = np.zeros(painted[::-1], np.uint8)
    assert canvas._brought_to(size, png(mask)) == b""  # nothing is painted
    mask[:, painted[0] // 2 :] = 255
    with Image.open(io.BytesIO(canvas._brought_to(size, png(mask)))) as image:
        assert (image.size, image.mode) == (size, "L")
        assert image.getpixel((0, 0)) == 0
        assert image.getpixel((size[0] - 1, 0)) == 255
