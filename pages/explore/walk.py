"""The way between two places: a strip, an animation, and a mix of both."""

from functools import partial

import numpy as np
import streamlit as st
from PIL import Image

from engine.latent.catalogue import Explorer
from engine.latent.exploring import Space, animation, mixed, strip, walk
from engine.latent.requests import FRAMES, STRIP
from engine.studio import Studio
from pages.explore.keeping import keep_button
from pages.explore.point import Start

ENDS = ("A", "B")
MOVING = 24  # frames of an animation, one way
SMALL, LARGE = 128, 256  # pixels of an end and of the mix; of an animation


def show_walk(studio: Studio, info: Explorer, space: Space, start: Start, z: np.ndarray) -> None:
    """Where one is becomes one of two ends; with both of them, what lies between."""
    st.markdown("### From A to B")
    ends = {end: found for end in ENDS if (found := _end(info, space, end)) is not None}
    columns = st.columns(len(ENDS))
    for column, end in zip(columns, ENDS, strict=True):
        with column:
            if end in ends:
                st.image(_scaled(space.picture(ends[end].z), SMALL), width="content", alt=f"The end {end}")
            args = (info, end, Start(z, start.photo))
            st.button(f"This place is {end}", key=f"set_{end}", icon=":material/flag:", on_click=_set, args=args)
    if len(ends) == len(ENDS):
        _between(studio, info, space, ends["A"], ends["B"])
    else:
        st.caption("Choose two places: a picture of your own, a random one, or one that you found by the sliders.")


def set_end(name: str, end: str, start: Start) -> None:
    """Remember an end in a network of that name."""
    st.session_state[f"explore_end_{name}_{end}"] = start


def _set(info: Explorer, end: str, start: Start) -> None:
    set_end(info.name, end, start)


def _end(info: Explorer, space: Space, end: str) -> Start | None:
    found = st.session_state.get(f"explore_end_{info.name}_{end}")
    return found if isinstance(found, Start) and len(found.z) == space.about.latents else None


def _between(studio: Studio, info: Explorer, space: Space, begin: Start, end: Start) -> None:
    frames = st.slider("Pictures in the strip", FRAMES.low, FRAMES.high, FRAMES.default, key="explore_frames")
    pictures = space.pictures(walk(space, begin.z, end.z, frames))
    st.image(strip(pictures), width="stretch", alt="The way from A to B")
    photos = tuple({each.photo.id: each.photo for each in (begin, end) if each.photo}.values())
    ways = {"begin": tuple(begin.z.tolist()), "end": tuple(end.z.tolist()), "form": STRIP, "frames": frames}
    keep_button(studio, {"explorer": info.name, "photos": photos, **ways}, "Keep the strip", "strip")
    with st.container(horizontal=True):
        for form in ("WebP", "GIF"):
            st.download_button(
                f"Animation, {form}",
                partial(_moving, space, begin.z, end.z, form.upper()),
                f"{info.name}-walk.{form.lower()}",
                f"image/{form.lower()}",
                key=f"walk_{form}",
                icon=":material/animation:",
                on_click="ignore",
            )
    share = st.slider("Mix", 0, 100, 50, format="%d %% B", key="explore_mix")
    z = mixed(space, begin.z, end.z, share / 100)
    st.image(_scaled(space.picture(z), LARGE), width="content", alt="The mix of A and B")
    mix = {"explorer": info.name, "begin": tuple(np.asarray(z).tolist()), "photos": photos}
    keep_button(studio, mix, "Keep the mix", "mix")


def _moving(space: Space, begin: np.ndarray, end: np.ndarray, form: str) -> bytes:
    small = space.pictures(walk(space, begin, end, MOVING))
    return animation(np.stack([np.asarray(_scaled(Image.fromarray(each), LARGE)) for each in small]), form)


def _scaled(picture: Image.Image, side: int) -> Image.Image:
    return picture.resize((side, side), Image.Resampling.BICUBIC)
