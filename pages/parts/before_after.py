"""A photo and what was made of it in one frame, with a slider between them."""

import base64
import io

import streamlit as st
from PIL import Image

from engine.studio import Studio
from gallery.errors import GalleryError
from gallery.records import ImageRecord
from pages.parts.common import plain
from pages.parts.pictures import show_broken, show_picture

SHOWN_SIDE = 1280  # pixels of the long side; the downloads have them all

# Both pictures fill the same frame; the upper one is cut off at the slider, which is a range input over the whole
# frame, so that mouse, touch and arrow keys move it.
_HTML = """
<div class="frame">
  <img class="after" alt="">
  <img class="before" alt="">
  <div class="line"></div>
  <span class="tag left"></span><span class="tag right"></span>
  <input type="range" min="0" max="100" step="1" value="50">
</div>
"""
_CSS = """
.frame { position: relative; display: block; width: 100%; line-height: 0; border-radius: 0.5rem; overflow: hidden; }
.frame img { width: 100%; height: auto; display: block; }
.frame .before { position: absolute; inset: 0; height: 100%; clip-path: inset(0 50% 0 0); }
.frame .line { position: absolute; top: 0; bottom: 0; left: 50%; width: 2px; margin-left: -1px; background: white;
  box-shadow: 0 0 4px rgba(0, 0, 0, 0.6); pointer-events: none; }
.frame .tag { position: absolute; top: 0.5rem; padding: 0.1rem 0.5rem; border-radius: 1rem; color: white;
  font: 0.75rem/1.4 sans-serif; background: rgba(0, 0, 0, 0.55); pointer-events: none; }
.frame .left { left: 0.5rem; } .frame .right { right: 0.5rem; }
.frame input { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; opacity: 0; cursor: ew-resize; }
.frame input:focus-visible ~ .line, .frame:focus-within .line { background: #f0a06a; }
"""
_JS = """
export default function ({ data, parentElement }) {
  const find = (name) => parentElement.querySelector(name);
  const [before, after, line, input] = [".before", ".after", ".line", "input"].map(find);
  const [left, right] = data.labels;
  find(".left").textContent = left;
  find(".right").textContent = right;
  input.setAttribute("aria-label", `${left} and ${right.toLowerCase()}`);
  before.alt = `${left}: ${data.titles[0]}`;
  after.alt = `${right}: ${data.titles[1]}`;
  before.src = data.before;
  after.src = data.after;
  const move = () => {
    before.style.clipPath = `inset(0 ${100 - input.value}% 0 0)`;
    line.style.left = `${input.value}%`;
  };
  input.oninput = move;
  move();
}
"""
_slider = st.components.v2.component("before_after", html=_HTML, css=_CSS, js=_JS)


def show_before_after(studio: Studio, image: ImageRecord, place: str) -> bool:
    """Show a translated photo beside its original; returns whether the picture could be read.

    Args:
        place: keeps the widgets of the same picture apart when it is shown twice on a page.
    """
    try:
        after = _picture_url(studio, image.id)
    except GalleryError as error:
        show_broken(error)
        return False
    try:
        before = _photo_url(studio, _photo_id(image))
    except GalleryError as error:
        show_picture(studio, image, "stretch")
        st.caption(plain(f"Without its photo: {error}"))
        return True
    pictures = {"before": before, "after": after, "titles": [image.title] * 2, "labels": ["Before", "After"]}
    _slider(key=f"slider_{place}_{image.id}", data=pictures)
    return True


def show_two(studio: Studio, left: ImageRecord, right: ImageRecord, labels: tuple[str, str]) -> None:
    """Two pictures of the gallery in one frame, with a slider between them; the second gives the frame its shape."""
    try:
        before, after = _picture_url(studio, left.id), _picture_url(studio, right.id)
    except GalleryError as error:
        show_broken(error)
        return
    pictures = {"before": before, "after": after, "titles": [left.title, right.title], "labels": list(labels)}
    _slider(key=f"slider_two_{left.id}_{right.id}", data=pictures)


def _photo_id(image: ImageRecord) -> str:
    """Of the photo that the picture was made from; empty where its recipe does not say."""
    try:
        return str(image.recipe.request["photos"][0]["id"])
    except (KeyError, IndexError, TypeError):
        return ""


@st.cache_data(max_entries=64, show_spinner=False)
def _picture_url(_studio: Studio, image_id: str) -> str:
    return _small(_studio.gallery.png(image_id))


@st.cache_data(max_entries=64, show_spinner=False)
def _photo_url(_studio: Studio, photo_id: str) -> str:
    return _small(_studio.photos.png(photo_id))


def _small(png: bytes) -> str:
    """The picture as a data address, no larger than it is shown."""
    return f"data:image/jpeg;base64,{base64.b64encode(small_jpeg(png, SHOWN_SIDE)).decode()}"


def small_jpeg(png: bytes, side: int) -> bytes:
    """The picture as JPEG with its longer side at `side` pixels at most."""
    stream = io.BytesIO()
    with Image.open(io.BytesIO(png), formats=("PNG",)) as image:
        image.thumbnail((side, side))
        image.convert("RGB").save(stream, "JPEG", quality=88)
    return stream.getvalue()
