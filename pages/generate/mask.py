"""Which part of a picture is redrawn: painted, brought as a file, or beyond the picture's edges."""

import io
from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st
from PIL import Image

from engine.inpainting.region import Region, region
from engine.inpainting.request import EXTEND, FEATHER, SIDES
from engine.kept_photos import PhotoRef
from engine.picture_files import PHOTO_SUFFIXES
from engine.studio import Studio
from engine.weights.models import ModelInfo
from gallery.metadata import can_keep
from pages.generate.kept import ADDRESS_CHARACTERS, MASK, keep_drawing, kept_drawing
from pages.parts.before_after import small_jpeg
from pages.parts.canvas import MOST_SIDE, paint_mask
from pages.parts.common import PEOPLE_ERRORS, plain, show_problems
from pages.parts.pictures import show_broken

AREAS = {"whole": "The whole picture", "masked": "Only the part"}
MARKED = (230, 0, 122)  # as the canvas paints masks
PREVIEW_SIDE = 640  # pixels


def extend_of() -> tuple[int | None, ...]:
    """By how many pixels the form extends the picture on its sides."""
    return tuple(st.session_state.get(f"extend_{side}", 0) for side in SIDES)


def show_mask(
    studio: Studio, photo: PhotoRef, values: Mapping[str, Any], info: ModelInfo, problems: dict[str, str]
) -> dict[str, Any]:
    """Let the artist say what is redrawn; returns the request's mask, feather, area and extend."""
    canvas = st.container()
    show_problems(problems, "mask")
    _upload(studio)
    more = {**_edges(problems), "extend": _extended(problems)}
    with canvas:
        st.fragment(_canvas_part)(studio, photo, {**values, **more}, info)
    return {**more, "mask": studio.photo(st.query_params.get(MASK) or "-")}


def _edges(problems: dict[str, str]) -> dict[str, Any]:
    area, feather = st.columns([3, 2])
    with area:
        seen = st.segmented_control(
            "In view",
            list(AREAS),
            default="whole",
            required=True,
            format_func=AREAS.get,
            key="area",
            bind="query-params",
            help="Only the part: what you painted and a little around it is drawn with all the pixels that the model "
            "draws best, which gives a small part more detail.",
        )
    with feather:
        width = st.number_input(
            "Feather",
            value=FEATHER.default,
            step=1,
            key="feather",
            bind="query-params",
            help=f"{FEATHER} pixels around the part, over which new passes into old",
        )
        show_problems(problems, "feather")
    return {"area": seen, "feather": width}


def _extended(problems: dict[str, str]) -> tuple[int | None, ...]:
    with st.expander("Extend", icon=":material/open_in_full:", expanded="extend" in problems or any(extend_of())):
        sides = zip(SIDES, st.columns(2) + st.columns(2), strict=True)
        extend = tuple(
            column.number_input(
                side.capitalize(),
                value=0,
                step=32,
                key=f"extend_{side}",
                bind="query-params",
                help=f"Pixels to draw beyond this edge, {EXTEND}",
            )
            for side, column in sides
        )
        show_problems(problems, "extend")
    return extend


def _upload(studio: Studio) -> None:
    with st.container():
        if refused := st.session_state.get("refused_mask"):
            st.warning(plain(refused), icon=":material/image_not_supported:")
    with st.popover("Bring a mask", icon=":material/upload:", type="tertiary"):
        file = st.file_uploader(
            "Mask",
            type=PHOTO_SUFFIXES,
            key=f"mask_file_{st.session_state.setdefault('mask_files', 0)}",
            help="A picture of the same size: what is white is redrawn",
        )
    if file:
        st.session_state.refused_mask = ""
        try:
            st.query_params[MASK] = studio.add_photo(file.getvalue(), file.name).id[:ADDRESS_CHARACTERS]
        except PEOPLE_ERRORS as error:
            st.session_state.refused_mask = str(error)
        st.session_state.mask_files += 1
        st.rerun()


def _canvas_part(studio: Studio, photo: PhotoRef, values: Mapping[str, Any], info: ModelInfo) -> None:
    """Apart from the page, so that a stroke does not have all of it run again."""
    try:
        size, behind = studio.photos.size(photo.id), _behind(studio, photo.id)
    except PEOPLE_ERRORS as error:
        show_broken(error)
        return
    name, mask = kept_drawing(studio, MASK)
    paint_mask(size, behind, "mask_canvas", name, mask, partial(keep_drawing, studio, MASK))
    if any(values["extend"]) or values["area"] == "masked":
        _preview(studio, photo, values, info)


@st.cache_data(max_entries=16, show_spinner=False)
def _behind(_studio: Studio, photo_id: str) -> bytes:
    return small_jpeg(_studio.photos.png(photo_id), MOST_SIDE)


def _preview(studio: Studio, photo: PhotoRef, values: Mapping[str, Any], info: ModelInfo) -> None:
    """What is in view and what of it is redrawn; nothing while a number breaks a rule, which its field says."""
    numbers = (*values["extend"], values["feather"], values["width"], values["height"])
    if any(number is None or not 0 <= number <= EXTEND.high for number in numbers) or values["feather"] > FEATHER.high:
        return
    mask = studio.photo(st.query_params.get(MASK) or "-")
    asked = (values["extend"], values["feather"], values["area"], values["width"] * values["height"])
    model = (info.size_multiple, info.min_size, info.max_size)
    left, top, right, bottom = values["extend"]
    try:
        width, height = studio.photos.size(photo.id)
        if not can_keep(width + left + right, height + top + bottom):
            return  # refused after the press; a preview of it would take gigabytes
        picture, drawn = _planned(studio, photo.id, mask.id if mask else "", asked, model)
    except PEOPLE_ERRORS as error:
        show_broken(error)
        return
    if picture:
        st.image(picture, width=320, alt="What the model sees, with what it redraws marked")
        st.caption(f"What the model sees, drawn with {drawn[0]} × {drawn[1]} pixels; what is marked is redrawn")


@st.cache_data(max_entries=16, show_spinner=False)
def _planned(
    _studio: Studio,
    photo_id: str,
    mask_id: str,
    asked: tuple[tuple[int, ...], int, str, int],
    model: tuple[int, int, int],
) -> tuple[bytes | None, tuple[int, int]]:
    """A preview as PNG and the size with which it is drawn; none where the mask does not fit the picture."""
    picture, mask = _opened(_studio, photo_id), _opened(_studio, mask_id) if mask_id else None
    if mask and mask.size != picture.size:
        return None, (0, 0)
    extend, feather, area, pixels = asked
    step, least, most = model
    planned = {"extend": extend, "feather": feather, "area": area, "pixels": pixels}
    return _marked(region(picture, mask, **planned, step=step, least=least, most=most))


def _opened(studio: Studio, photo_id: str) -> Image.Image:
    with Image.open(io.BytesIO(studio.photos.png(photo_id)), formats=("PNG",)) as picture:
        return picture.convert("RGB")


def _marked(plan: Region) -> tuple[bytes, tuple[int, int]]:
    view = plan.canvas.crop(plan.box)
    alpha = plan.alpha.crop(plan.box).point(lambda value: value * 6 // 10)
    view.paste(MARKED, (0, 0), alpha)
    view.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    stream = io.BytesIO()
    view.save(stream, "PNG")
    return stream.getvalue(), plan.size
