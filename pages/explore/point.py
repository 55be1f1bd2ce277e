"""Where one is in a network: a start that the address names, and sliders moved from there.

The address has `from`: `middle`, `seed-5` for a random one, `photo-` and an id for a picture of one's own, `kept-` and
an id for a picture of the gallery, nothing for where a network begins; and `moved`: axis and value of each slider that
was moved.
"""

import math
from dataclasses import dataclass

import numpy as np
import streamlit as st
from PIL import Image

from engine.kept_photos import PhotoRef
from engine.latent.catalogue import Explorer
from engine.latent.exploring import LIMIT, Axis, Space, load_space
from engine.latent.requests import Explored
from engine.picture_files import pixels_of
from engine.rules import finite
from engine.studio import Studio
from pages.parts.common import OWNER, PEOPLE_ERRORS, plain

FROM, MOVED = "from", "moved"
MIDDLE = "middle"
FIRST = 0  # seed of the random picture with which a network begins whose middle shows nothing
SEED, PHOTO, KEPT = "seed-", "photo-", "kept-"
MOST_SLIDERS = 24
STEP = 0.05


@dataclass(frozen=True)
class Start:
    """A start and what it was found from.

    Attributes:
        z: (latents,).
        photo: the picture that it was found from; what is kept from here names it as its origin.
    """

    z: np.ndarray
    photo: PhotoRef | None = None


def space_of(info: Explorer) -> Space:
    """The network, read once for each state of its file. Raises StudioError: it cannot be used."""
    status = info.path.stat() if info.path.exists() else None
    state = (status.st_size, status.st_mtime_ns) if status else (0, 0)
    return _cached(str(info.path), state, info.sha256, info)


@st.cache_resource(max_entries=4, show_spinner=False)
def _cached(path: str, state: tuple[int, int], sha256: str, _info: Explorer) -> Space:
    return load_space(_info)


def name_of(space: Space) -> str:
    """What the address names; else the middle, or of a GAN, whose middle shows nothing, a random place."""
    return st.query_params.get(FROM, "") or (MIDDLE if space.encoder else f"{SEED}{FIRST}")


def start_of(studio: Studio, info: Explorer, space: Space) -> Start:
    """The start that the address names; the middle where that cannot be had, which is said."""
    name = name_of(space)
    middle = Start(np.zeros(space.about.latents, np.float32))
    try:
        if name.startswith(SEED):
            return Start(space.sample(_seed(name.removeprefix(SEED))))
        if name.startswith(PHOTO):
            return _of_photo(studio, space, name.removeprefix(PHOTO))
        if name.startswith(KEPT):
            return _of_kept(studio, info, space, name.removeprefix(KEPT))
    except PEOPLE_ERRORS as error:
        st.warning(plain(error), icon=":material/image_not_supported:")
    return middle


def go_to(name: str) -> None:
    """Have the address name this start, and put all sliders back; for a button's callback."""
    st.query_params[FROM] = name
    st.query_params.pop(MOVED, None)
    st.session_state.explore_turn = st.session_state.get("explore_turn", 0) + 1


def forget_moved() -> None:
    """Put all sliders back, as in another network, where they mean other things."""
    st.query_params.pop(MOVED, None)


def moved_of(space: Space) -> dict[int, float]:
    """The sliders that the address says were moved, by axis."""
    found = {}
    for part in filter(None, st.query_params.get(MOVED, "").split("_")):
        place, _, value = part.partition(":")
        number = finite(_number(value))
        if place.isdecimal() and len(place) < 5 and int(place) < len(space.axes) and number is not None:
            found[int(place)] = max(-10.0, min(10.0, number))
    return found


def remember_moved(moved: dict[int, float]) -> None:
    """Put them into the address."""
    if moved:
        st.query_params[MOVED] = "_".join(f"{place}:{value:g}" for place, value in sorted(moved.items()))
    else:
        st.query_params.pop(MOVED, None)


def at(space: Space, start: Start, moved: dict[int, float]) -> np.ndarray:
    """(latents,) with the moved axes at their values."""
    z = start.z.astype(np.float64)
    for place, value in moved.items():
        direction = space.axes[place].direction.astype(np.float64)
        z = z + (value - float(start.z @ direction)) * direction
    return z.astype(np.float32)


def reach(axis: Axis, start: Start) -> tuple[float, float]:
    """Where a slider stands at the start, and how far it goes to both sides."""
    value = round(float(start.z @ axis.direction) / STEP) * STEP
    return round(value, 2), max(LIMIT, float(math.ceil(abs(value))))


def _seed(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 19 else 0


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _of_photo(studio: Studio, space: Space, beginning: str) -> Start:
    photo = studio.photo(beginning) if beginning else None
    if photo is None or space.encoder is None:
        why = "That picture is not kept here any more." if space.encoder else "A GAN cannot find a picture again."
        st.warning(f"{why} You are in the middle.", icon=":material/image_not_supported:")
        return Start(np.zeros(space.about.latents, np.float32))
    return Start(_encoded(studio, space, photo), photo)


def _encoded(studio: Studio, space: Space, photo: PhotoRef) -> np.ndarray:
    return space.latents_of(Image.fromarray(pixels_of(studio.photos.png(photo.id))))


def _of_kept(studio: Studio, info: Explorer, space: Space, image_id: str) -> Start:
    record = studio.gallery.get(image_id, OWNER)
    request = studio.kinds.read(Explored.kind, record.recipe.request) if record.kind == Explored.kind else None
    if request is None or request.explorer != info.name or len(request.begin) != space.about.latents:
        st.warning("That picture was found in another network. You are in the middle.", icon=":material/info:")
        return Start(np.zeros(space.about.latents, np.float32))
    return Start(np.asarray(request.begin, np.float32), request.photos[0] if request.photos else None)
