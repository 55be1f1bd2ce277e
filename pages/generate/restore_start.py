"""Filling the form's start from the recipe of an earlier picture: the picture, the mask, and how they were used."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import streamlit as st

from engine.grids.request import Grid
from engine.image_to_image.request import FITS, STRENGTH, ImageToImage
from engine.inpainting.request import AREAS, EXTEND, FEATHER, SIDES, Inpaint
from engine.kept_photos import PhotoRef
from engine.studio import Studio
from gallery.recipe import SEEDS
from gallery.records import ImageRecord
from pages.generate.kept import ADDRESS_CHARACTERS, MASK, NOTHING, PART, PICTURE, START, START_FROM, kept_photo
from pages.generate.start import followed_size
from pages.parts.common import OWNER, PEOPLE_ERRORS


def restore_variation(record: ImageRecord, values: Mapping[str, Any]) -> None:
    """The picture's own variation seed: the first picture of the job had the request's."""
    seed, state = values["variation_seed"], st.session_state
    state.variation_strength = float(values["variation_strength"])
    index = 0 if record.kind == Grid.kind else record.recipe.image_index  # of a sheet it counts sheets
    state.variation_seed = "" if seed is None else str((seed + index) % SEEDS)


def restore_start(studio: Studio, record: ImageRecord, model: str) -> list[str]:
    """Choose what the picture was drawn from; returns the names of what is not here."""
    request = studio.kinds.read(record.kind, record.recipe.request)
    if isinstance(request, Grid):
        request = request.base
    for name in (START, MASK):
        st.query_params.pop(name, None)
    st.session_state[START_FROM] = NOTHING
    if isinstance(request, ImageToImage):
        return _restore_picture(studio, request, model)
    return _restore_part(studio, request) if isinstance(request, Inpaint) else []


def restore_saved_start(studio: Studio, preset: Mapping[str, Any]) -> list[str]:
    """As `restore_start`, from a preset as `engine.prompting.presets` reads it; the start stays where it has none, and
    where its picture is gone.
    """
    if "image" not in preset:
        return []
    part = preset.get("kind") == Inpaint.kind
    _restore_use(preset, part)
    image = studio.again_here(preset["image"], OWNER)
    if image is None:
        return [f"the start picture {preset['image'].name}"]
    st.query_params.pop(MASK, None)
    st.session_state[START_FROM] = PART if part else PICTURE
    missing = _name(studio, START, image)
    if part and "mask" in preset:
        mask = studio.again_here(preset["mask"], OWNER)
        missing += _name(studio, MASK, mask) if mask else [f"the mask {preset['mask'].name}"]
    return missing


def _restore_use(preset: Mapping[str, Any], part: bool) -> None:
    """How the picture is used; a value that breaks a rule is left out."""
    strength, sides = preset.get("strength"), preset.get("extend")
    values = {"start_redraw_strength" if part else "start_strength": float(strength)} if strength in STRENGTH else {}
    if not part:
        values |= {"fit": preset["fit"]} if preset.get("fit") in FITS else {}
    else:
        values |= {"area": preset["area"]} if preset.get("area") in AREAS else {}
        values |= {} if FEATHER.problems("feather", preset.get("feather")) else {"feather": preset["feather"]}
        named = zip(SIDES, sides if isinstance(sides, list) else (), strict=False)
        values |= {f"extend_{side}": pixels for side, pixels in named if not EXTEND.problems("extend", pixels)}
    st.session_state.update(values)


def _restore_picture(studio: Studio, request: ImageToImage, model: str) -> list[str]:
    state = st.session_state
    state[START_FROM] = PICTURE
    state.start_strength = float(request.strength)
    missing = _name(studio, START, request.image)
    known = {info.name: info for info in studio.models()}
    asked = {"width": request.width, "height": request.height}
    followed = model in known and not missing and followed_size(studio, request.image, known[model]) == asked
    own = followed and request.enlarged == 1  # what follows its picture is not enlarged on the page
    # A shape that was kept at another size than the page's is the same as one that is cropped.
    state.fit = "crop" if request.fit == "keep" and not own else request.fit
    return missing


def _restore_part(studio: Studio, request: Inpaint) -> list[str]:
    state = st.session_state
    state[START_FROM] = PART
    state.start_redraw_strength = float(request.strength)
    state.feather, state.area = request.feather, request.area
    for side, pixels in zip(SIDES, request.extend, strict=True):
        state[f"extend_{side}"] = pixels
    missing = _name(studio, START, request.image)
    return [*missing, *(_name(studio, MASK, request.mask) if request.mask else [])]


def _name(studio: Studio, field: str, photo: PhotoRef) -> list[str]:
    """Have the address name it; returns its name where it is not here."""
    if studio.photo(photo.id) is None:
        return [photo.name]
    by_image = field == START and photo.image and _is_still(studio, photo)
    st.query_params[field] = photo.image if by_image else photo.id[:ADDRESS_CHARACTERS]
    return []


def _is_still(studio: Studio, photo: PhotoRef) -> bool:
    """Whether the gallery still has the picture, with the same pixels."""
    with suppress(*PEOPLE_ERRORS):
        again = kept_photo(studio, photo.image or "")
        return again is not None and again.id == photo.id
    return False
