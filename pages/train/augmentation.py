"""How training pictures are cropped and varied: the settings, and examples of what the model will see."""

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import streamlit as st
from PIL import Image

from engine.datasets.augment import Augmentation, preview
from engine.datasets.pictures import CaptionedPicture, PictureRefused, facts_of, open_picture
from engine.lora.runs.config import Config
from pages.parts.common import plain

SHOWN, VARIANTS = 3, 4  # pictures, and examples of each
SIDE = 200  # pixels of an example; the model sees the resolution that is set


def augmentation_settings(base: Config, preset: str, native_size: int) -> dict[str, object]:
    """Fields of `Config` about what the model sees of a picture.

    Args:
        preset: keeps the widgets of different presets apart.
        native_size: of the model, pixels.
    """
    return _crop(base, preset, native_size) | _variation(base, preset)


def _crop(base: Config, preset: str, native_size: int) -> dict[str, object]:
    resolution = st.number_input(
        "Resolution",
        value=base.resolution or native_size,
        step=64,
        key=f"resolution_{native_size}",
        help=f"Pixels of each side; the model's own size is {native_size}",
    )
    crop = st.toggle(
        "Random crops",
        value=base.random_crop,
        key=f"crop_{preset}",
        help="A square anywhere in the picture, scaled to the resolution; off, the square in its middle",
    )
    scale = st.slider(
        "Smallest crop",
        25,
        100,
        round(100 * base.min_scale),
        format="%d %%",
        key=f"scale_{preset}",
        disabled=not crop,
        help="Its side as a share of the picture's shorter side",
    )
    return {
        "resolution": None if resolution == native_size else resolution,
        "random_crop": crop,
        "min_scale": scale / 100,
    }


def _variation(base: Config, preset: str) -> dict[str, object]:
    flip = st.slider(
        "Mirrored",
        0,
        100,
        round(100 * base.horizontal_flip),
        format="%d %%",
        key=f"flip_{preset}",
        help="How often a picture is mirrored; 0 for faces, writing and all that has a right side",
    )
    jitter = st.slider(
        "Change of colours",
        0,
        50,
        round(100 * base.color_jitter),
        format="%d %%",
        key=f"jitter_{preset}",
        help="Brightness, contrast and saturation change by up to this much; 0 for a style that lives from its colours",
    )
    return {"horizontal_flip": flip / 100, "color_jitter": jitter / 100}


def show_preview(pictures: Sequence[CaptionedPicture], settings: Augmentation) -> None:
    """A few pictures, each with examples of what the model will see of it."""
    small = replace(settings, resolution=min(settings.resolution, SIDE))
    for picture in pictures[:SHOWN]:
        try:
            examples = _examples(picture.path, facts_of(picture.path).sha256, small)
        except PictureRefused as error:
            st.caption(plain(error))
            continue
        columns = st.columns(1 + VARIANTS, vertical_alignment="center")
        for column, example in zip(columns, examples, strict=True):
            column.image(example, width="stretch", alt="An example of what the model will see")
    words = f"scaled to {settings.resolution} pixels"
    st.caption(f"On the left the picture, beside it {VARIANTS} of its looks, {words}; the training draws others.")


@st.cache_data(max_entries=200, show_spinner=False)
def _examples(path: Path, sha256: str, settings: Augmentation) -> list[bytes]:
    """The whole picture and its looks, as JPEG."""
    image = open_picture(path)
    whole = image.copy()
    whole.thumbnail((settings.resolution, settings.resolution), Image.Resampling.LANCZOS)
    return [_jpeg(example) for example in (whole, *preview(image, settings, VARIANTS))]


def _jpeg(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=88)
    return stream.getvalue()
