"""What a drawing starts from: nothing, a picture, a part of one, or a sketch made here.

The address names pictures and masks, so they survive a refresh, and a link can bring one along.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

from engine.diffusion.request import TextToImage, steps_run
from engine.image_to_image.fitting import fitted, shape_of
from engine.image_to_image.request import STRENGTH, ImageToImage
from engine.inpainting.request import Inpaint
from engine.kept_photos import PhotoRef
from engine.picture_files import PHOTO_SUFFIXES
from engine.studio import Studio
from engine.weights.models import ModelInfo
from pages.generate.kept import (
    DRAWN,
    MASK,
    NOTHING,
    PART,
    PICTURE,
    SKETCH,
    START,
    START_FROM,
    address_of,
    keep_drawing,
    kept_drawing,
    kept_photo,
    start_from,
)
from pages.generate.mask import extend_of, show_mask
from pages.generate.sizes import native_size
from pages.parts.before_after import small_jpeg
from pages.parts.canvas import sketch
from pages.parts.common import PEOPLE_ERRORS, plain, show_problems, shown_width
from pages.parts.pictures import show_broken

FITS = {"keep": "Keep its shape", "crop": "Crop", "pad": "Pad"}
FIT_HELP = (
    "Keep its shape: the size follows from the picture. Crop: what is over on two sides is cut off. "
    "Pad: all of it is seen, and its edges are drawn out."
)


@dataclass(frozen=True, slots=True)
class Start:
    """What was chosen to start from, before model and size are known.

    Attributes:
        choice: one of `NOTHING`, `PICTURE`, `PART` and `SKETCH`.
        photo: the picture, where there is one.
        fit: how it is brought to the size.
        place: where canvas and preview are shown.
    """

    choice: str
    photo: PhotoRef | None
    fit: str
    place: DeltaGenerator

    @property
    def sizes_itself(self) -> bool:
        """Whether the size follows from the picture, so that none is asked for."""
        return self.choice == PICTURE and self.fit == "keep" and self.photo is not None


def start_fields() -> dict[str, Any]:
    """What the form says, by the fields that problems name."""
    state, address = st.session_state, st.query_params
    names = ("strength", "redraw_strength")
    return {
        **state.to_dict(),
        "image": (state.get(START_FROM), address.get(START), address.get(DRAWN)),
        "mask": (state.get(START_FROM), address.get(START), address.get(MASK), *extend_of()),
        "extend": extend_of(),
        "strength": [state.get(f"start_{name}") for name in names],
    }


def absent_fields() -> tuple[str, ...]:
    """Fields of a part that are not shown while there is no picture to have a part of."""
    return () if st.query_params.get(START) else ("mask", "extend")


def pick_start(studio: Studio, problems: dict[str, str]) -> Start:
    """Let the artist choose what to start from; `start_values`, later, shows the rest in the place left for it."""
    if START_FROM not in st.session_state and START in st.query_params and START_FROM not in st.query_params:
        st.session_state[START_FROM] = PICTURE
    choice = st.segmented_control(
        "Start from",
        [NOTHING, PICTURE, PART, SKETCH],
        default=NOTHING,
        required=True,
        key=START_FROM,
        bind="query-params",
        width="stretch",
        help="A picture is drawn over as a whole. A part is redrawn where you paint, or beyond its edges. "
        "A sketch in rough colours says where what stands.",
    )
    with st.container():  # as in show_problems: what comes and goes keeps its place
        if choice == NOTHING:
            return Start(choice, None, "crop", st.container())
        photo = _picture(studio) if choice in (PICTURE, PART) else None
        fit = _fit() if choice == PICTURE and photo else "crop"
        place = st.container()
        show_problems(_said(problems, choice), "image")
    return Start(choice, photo, fit, place)


def _said(problems: dict[str, str], choice: str) -> dict[str, str]:
    if choice == SKETCH and "image" in problems:
        return {"image": "The paper is empty. Sketch something on it first."}
    return problems


def _fit() -> str:
    return st.segmented_control(
        "Fit",
        list(FITS),
        default="keep",
        required=True,
        format_func=FITS.get,
        key="fit",
        bind="query-params",
        width="stretch",
        help=FIT_HELP,
    )


def _picture(studio: Studio) -> PhotoRef | None:
    """The picture that the address names, else a place to bring one."""
    photo = _named(studio)
    if photo is None:
        _upload(studio)
        return None
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            _short(photo.name),
            icon=":material/close:",
            type="tertiary",
            help="Take this picture out",
            on_click=start_from,
            args=("", st.session_state[START_FROM]),
            wrap=False,
        )
    return photo


def _short(name: str) -> str:
    return plain(name if len(name) <= 40 else f"{name[:37]}…")


def _named(studio: Studio) -> PhotoRef | None:
    name = st.query_params.get(START)
    if not name:
        return None
    try:
        photo = kept_photo(studio, name)
    except PEOPLE_ERRORS as error:
        show_broken(error)
        return None
    if photo is None:
        st.error("The picture that this page's address names is not here. Choose another.", icon=":material/error:")
    return photo


def _upload(studio: Studio) -> None:
    file = st.file_uploader(
        "Start picture",
        type=PHOTO_SUFFIXES,
        key=f"start_file_{st.session_state.setdefault('start_files', 0)}",
        help="PNG, JPEG, WebP or HEIC. It stays on this machine. For a picture that was made here, choose "
        "“Use as start” beside it.",
    )
    with st.container():
        if refused := st.session_state.get("refused_start"):
            st.warning(plain(refused), icon=":material/image_not_supported:")
    if file:
        st.session_state.refused_start = ""
        try:
            st.query_params[START] = address_of(studio.add_photo(file.getvalue(), file.name))
            st.query_params.pop(MASK, None)
        except PEOPLE_ERRORS as error:
            st.session_state.refused_start = str(error)
        st.session_state.start_files += 1  # an empty uploader: the file's bytes need not stay in memory
        st.rerun()


# -- what is chosen once model and size are known


def start_values(
    studio: Studio, start: Start, values: Mapping[str, Any], info: ModelInfo, problems: dict[str, str]
) -> dict[str, Any]:
    """The form's values with what it starts from; `kind` among them is what is asked for."""
    with start.place:
        if start.choice == PICTURE:
            more = _from_picture(studio, start, values, info, problems)
        elif start.choice == PART:
            more = {"kind": Inpaint.kind, "image": start.photo, "enlarged": 1}  # a part keeps its picture's size
            if start.photo:
                more |= show_mask(studio, start.photo, values, info, problems)
                more |= _strength("start_redraw_strength", 1.0, values, problems)
        elif start.choice == SKETCH:
            more = {"kind": ImageToImage.kind, "image": _sketched(studio, values, info), "fit": "crop"}
            more |= _strength("start_strength", STRENGTH.default, values, problems)
        else:
            more = {"kind": TextToImage.kind}
    return {**values, **more}


def _from_picture(
    studio: Studio, start: Start, values: Mapping[str, Any], info: ModelInfo, problems: dict[str, str]
) -> dict[str, Any]:
    more = {"kind": ImageToImage.kind, "image": start.photo, "fit": start.fit}
    if start.photo is None:
        return more
    if start.sizes_itself:
        more |= followed_size(studio, start.photo, info)
    width, height = (more.get(side, values.get(side)) for side in ("width", "height"))
    if _drawable(width, height):
        _preview(studio, start.photo, width, height, start.fit)
    return more | _strength("start_strength", STRENGTH.default, values, problems)


def followed_size(studio: Studio, photo: PhotoRef, info: ModelInfo) -> dict[str, int]:
    """Width and height in the picture's own shape, with about as many pixels as the model was trained on."""
    try:
        size = studio.photos.size(photo.id)
    except PEOPLE_ERRORS:  # the preview says it
        return {"width": native_size(info), "height": native_size(info)}
    width, height = shape_of(*size, native_size(info) ** 2, info.size_multiple, info.min_size, info.max_size)
    return {"width": width, "height": height}


def _drawable(width: Any, height: Any) -> bool:
    return all(isinstance(side, int) and 8 <= side <= 4096 for side in (width, height))


def _preview(studio: Studio, photo: PhotoRef, width: int, height: int, fit: str) -> None:
    try:
        seen = _seen(studio, photo.id, width, height, fit)
    except PEOPLE_ERRORS as error:
        show_broken(error)
        return
    st.image(seen, width=min(2 * width, 320) if shown_width(width) != "stretch" else 320, alt="What the model sees")
    st.caption(f"What the model sees: {width} × {height} pixels")


@st.cache_data(max_entries=32, show_spinner=False)
def _seen(_studio: Studio, photo_id: str, width: int, height: int, fit: str) -> bytes:
    with Image.open(io.BytesIO(_studio.photos.png(photo_id)), formats=("PNG",)) as picture:
        seen = fitted(picture.convert("RGB"), width, height, fit)
    stream = io.BytesIO()
    seen.save(stream, "PNG")
    return small_jpeg(stream.getvalue(), 1024)


def _strength(key: str, default: float, values: Mapping[str, Any], problems: dict[str, str]) -> dict[str, float]:
    strength = st.slider(
        "Strength",
        float(STRENGTH.low),
        float(STRENGTH.high),
        default,
        0.05,
        key=key,
        bind="query-params",
        help="How much of what is there is given up: 0 gives it back, 1 is free of it",
    )
    steps = values.get("num_inference_steps")
    if isinstance(steps, int) and steps > 0:
        st.caption(_steps_in_words(steps, steps_run(steps, strength)))
    show_problems(problems, "strength")
    return {"strength": strength}


def _steps_in_words(steps: int, run: int) -> str:
    if not run:
        return "No step will run: the picture is given back as the model sees it."
    return f"{run} of {steps} {'step' if steps == 1 else 'steps'} will run"


def _sketched(studio: Studio, values: Mapping[str, Any], info: ModelInfo) -> PhotoRef | None:
    size = values.get("width"), values.get("height")
    side = native_size(info)
    st.fragment(_sketch_part)(studio, size if _drawable(*size) else (side, side))
    return studio.photo(st.query_params.get(DRAWN, "") or "-")


def _sketch_part(studio: Studio, size: tuple[int, int]) -> None:
    """Apart from the page, so that a stroke does not have all of it run again."""
    name, drawing = kept_drawing(studio, DRAWN)
    sketch(size, "sketch_canvas", name, drawing, partial(keep_drawing, studio, DRAWN))
