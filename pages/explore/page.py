"""Explore: a small network's latents as sliders, with the picture redrawn at once.

The network is computed here by NumPy in a few hundredths of a second, not by the worker, so that a training at work
does not hold the sliders up; what is kept goes through the queue's lane beside the device.
"""

import random
from collections.abc import Sequence
from functools import partial

import numpy as np
import streamlit as st
from PIL import Image

from engine.jobs.records import Job
from engine.latent.catalogue import Explorer, explorers
from engine.latent.exploring import Space
from engine.latent.requests import Explored
from engine.picture_files import PHOTO_SUFFIXES
from engine.studio import Studio
from gallery.records import ImageRecord
from pages.explore.keeping import keep_button
from pages.explore.noise import show_noise
from pages.explore.point import (
    FROM,
    MIDDLE,
    MOST_SLIDERS,
    PHOTO,
    SEED,
    STEP,
    Start,
    at,
    forget_moved,
    go_to,
    moved_of,
    name_of,
    reach,
    remember_moved,
    space_of,
    start_of,
)
from pages.explore.restore import fill_explore
from pages.explore.walk import show_walk
from pages.generate.actions import show_links
from pages.parts.address import remember_address
from pages.parts.common import PEOPLE_ERRORS, TRAIN, open_studio, plain
from pages.parts.downloads import download_buttons
from pages.parts.facts import size_of
from pages.parts.feed import show_feed
from pages.parts.licences import show_licence
from pages.parts.pictures import show_picture
from pages.parts.reuse import fill_form, settle_form
from pages.upscale.button import show_upscale

LATENTS, NOISE = "A network's latents", "Noise and denoise"
SHOWN = 384  # pixels of the picture on the page
SAMPLES, SAMPLE = 12, 96  # random pictures, and pixels of each
FEW = 8  # sliders that are shown at once


def main() -> None:
    """Lay out the page."""
    studio = open_studio()
    if _view() == NOISE:
        show_noise(studio)
        return
    fill_form(studio, Explored.kind, partial(fill_explore, studio))
    known = explorers(studio.settings)
    if not known:
        st.markdown("## Nothing to explore yet")
        st.page_link(TRAIN, label="Train a network on your pictures", icon=":material/model_training:")
        return
    info = _network(known)
    if info is not None:
        try:
            space = space_of(info)
            space.pictures(np.zeros((1, space.about.latents), np.float32))
        except PEOPLE_ERRORS as error:
            st.error(plain(error), icon=":material/error:")
        else:
            st.fragment(_explore)(studio, info, space)
    st.markdown("### Kept")
    show_feed(studio, Explored.kind, _nothing_kept, _show_kept)
    settle_form()


def _view() -> str:
    return st.segmented_control(
        "What to explore", [LATENTS, NOISE], default=LATENTS, required=True, key="look", bind="query-params"
    )


def _network(known: Sequence[Explorer]) -> Explorer | None:
    by_name = {info.name: info for info in known}
    if st.query_params.get("network", next(iter(by_name))) not in by_name:
        forget_moved()  # of a network that is not here
    name = st.selectbox(
        "Network",
        list(by_name),
        on_change=forget_moved,
        key="network",
        bind="query-params",
        help="Yours are trained on the Train page: beta-VAE or GAN",
    )
    info = by_name[name]
    if info.problem or info.about is None:
        st.error(plain(info.problem), icon=":material/error:")
        return None
    seen = f"{info.about.pictures:,} pictures seen, {info.about.side} pixels"
    st.caption(plain(f"{info.title} ({_source(info.title, info.about.source)}); {seen}"))
    show_licence(info.about.licence)
    return info


def _source(title: str, source: str) -> str:
    """Without the kind of network, where the title says it already."""
    kind, _, rest = source.partition(", ")
    return rest if rest and kind in title else source


def _explore(studio: Studio, info: Explorer, space: Space) -> None:
    start = start_of(studio, info, space)
    left, right = st.columns([2, 3], gap="large")
    with right:
        _ways(studio, space)
        moved = _sliders(info, space, start)
    z = at(space, start, moved)
    with left, st.container(key="explore_picture"):
        _picture(studio, info, space, start, z)
    show_walk(studio, info, space, start, z)
    remember_address()


def _picture(studio: Studio, info: Explorer, space: Space, start: Start, z: np.ndarray) -> None:
    large = space.picture(z).resize((SHOWN, SHOWN), Image.Resampling.BICUBIC)
    st.image(large, width="content", alt="The picture at this place")
    if start.photo:
        again = ", as the network finds it again" if st.query_params.get(FROM, "").startswith(PHOTO) else ""
        st.caption(plain(f"From {start.photo.name}{again}"))
    photos = (start.photo,) if start.photo else ()
    asked = {"explorer": info.name, "begin": tuple(z.tolist()), "photos": photos}
    keep_button(studio, asked, "Keep it", "point")


def _ways(studio: Studio, space: Space) -> None:
    with st.container(horizontal=True):
        st.button(
            "Random",
            icon=":material/casino:",
            key="explore_random",
            on_click=lambda: go_to(f"{SEED}{random.randrange(10**9)}"),
        )
        st.button("Middle", icon=":material/center_focus_strong:", key="explore_middle", on_click=go_to, args=(MIDDLE,))
        args = (name_of(space),)
        st.button("Sliders back", icon=":material/undo:", key="explore_back", on_click=go_to, args=args)
    with st.expander("Random pictures", icon=":material/grid_view:"):
        _samples(space)
    with st.expander("Begin with a picture of your own", icon=":material/add_photo_alternate:"):
        if space.encoder is None:
            st.caption("A GAN draws pictures but cannot find yours again; a beta-VAE can.")
        else:
            _upload(studio)


def _samples(space: Space) -> None:
    first = st.session_state.setdefault("explore_samples", 0)
    seeds = range(first, first + SAMPLES)
    pictures = space.pictures(np.stack([space.sample(seed) for seed in seeds]))
    grid = st.grid(min_column_width=SAMPLE)
    for seed, pixels in zip(seeds, pictures, strict=True):
        with grid.container(key=f"sample_{seed}"):
            large = Image.fromarray(pixels).resize((SAMPLE, SAMPLE), Image.Resampling.BICUBIC)
            st.image(large, width="content", alt=f"Random picture {seed}")
            name = f"{SEED}{seed}"
            st.button("Take", key=f"take_{seed}", type="tertiary", help=f"Seed {seed}", on_click=go_to, args=(name,))
    st.button("Others", icon=":material/refresh:", key="explore_others", on_click=_other_samples)


def _other_samples() -> None:
    st.session_state.explore_samples += SAMPLES


def _upload(studio: Studio) -> None:
    turn = st.session_state.setdefault("explore_uploads", 0)
    file = st.file_uploader("Picture", type=PHOTO_SUFFIXES, key=f"explore_photo_{turn}")
    st.caption("The square in its middle is used.")
    for text in st.session_state.pop("explore_refused", ()):
        st.warning(plain(text), icon=":material/image_not_supported:")
    if not file:
        return
    try:
        photo = studio.add_photo(file.getvalue(), file.name)
        go_to(f"{PHOTO}{photo.id[:16]}")
    except PEOPLE_ERRORS as error:
        st.session_state.explore_refused = [str(error)]
    st.session_state.explore_uploads += 1
    st.rerun()


def _sliders(info: Explorer, space: Space, start: Start) -> dict[int, float]:
    """One for each of the axes that say most; returns those that were moved."""
    axes = space.axes[:MOST_SLIDERS]
    remembered = moved_of(space)
    if not axes:
        st.info("All of its latents are dead: it was trained with too high a beta.", icon=":material/info:")
    moved: dict[int, float] = {place: value for place, value in remembered.items() if place >= len(axes)}
    turn = st.session_state.get("explore_turn", 0)
    more = st.container()
    with st.expander(f"{len(axes) - FEW} more", icon=":material/tune:") if len(axes) > FEW else more:
        rest = st.container()
    for place, axis in enumerate(axes):
        value, limit = reach(axis, start)
        shown = remembered.get(place, value)
        with more if place < FEW else rest:
            given = st.slider(
                axis.name,
                -limit,
                limit,
                max(-limit, min(limit, shown)),
                STEP,
                key=f"axis_{info.name}_{st.query_params.get(FROM, '')}_{turn}_{place}",
                help=f"{axis.weight:.2f} nats" if space.encoder else f"{100 * axis.weight:.1f} % of the first layer",
            )
        if abs(given - value) > STEP / 2:
            moved[place] = given
    remember_moved(moved)
    return moved


def _nothing_kept() -> None:
    st.caption("What you keep stands here and in the gallery, and can be enlarged or drawn over.")


def _show_kept(studio: Studio, job: Job, images: Sequence[ImageRecord]) -> None:
    for image in images:
        if show_picture(studio, image, min(SHOWN, 4 * image.width)):
            st.caption(plain(f"{image.title}, {size_of(image)}"))
            download_buttons(studio, image, place="feed")
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                show_links(studio, image, "feed")
                show_upscale(studio, image, "feed")


main()
