"""Anime-ify: from photos to anime scenes."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from engine.jobs.records import Job
from engine.studio import Studio
from engine.translation.catalogue import NEURAL_STYLE, NIJIGAN, Translator
from engine.translation.request import DEFAULT_TRANSLATOR, LONG_SIDE, SOLVERS, Translate
from gallery.records import ImageRecord
from pages.animeify.photos import pick_photos, pick_style
from pages.animeify.restore import CHOSEN, DEFAULT_SIDE, FIT, KEEP, OWN_SOLVER, SIDES, take_restored_settings
from pages.parts.before_after import show_before_after
from pages.parts.common import OWNER, open_studio, plain
from pages.parts.downloads import download_buttons, zip_button
from pages.parts.feed import show_feed
from pages.parts.submit import Press

PRESS = Press("translate")


def main() -> None:
    """Lay out the page."""
    studio = open_studio()
    take_restored_settings(studio)
    left, right = st.columns([2, 3], gap="large")
    with left:
        values = _form(studio)
        pressed = PRESS.button("Anime-ify", ":material/auto_awesome:")
        PRESS.show_problems(values)
    if pressed:
        _submit(studio, values)
    with right:
        show_feed(studio, Translate.kind, _empty, _show_translations)


def _form(studio: Studio) -> dict[str, Any]:
    photos = pick_photos(studio)
    info = _translator(studio)
    values: dict[str, Any] = {"photos": photos, "translator": info.name}
    if info.architecture == NEURAL_STYLE:
        values |= pick_style(studio)
    strength = st.slider(
        "Strength",
        0,
        100,
        100,
        format="%d %%",
        key="strength",
        bind="query-params",
        help="How much of the translation is mixed into the photo",
    )
    return values | {"strength": strength / 100, "long_side": _long_side()} | _solver(info)


def _translator(studio: Studio) -> Translator:
    known = {info.name: info for info in studio.translators()}
    names = list(known)
    name = st.selectbox(
        "Translator",
        names,
        index=names.index(DEFAULT_TRANSLATOR),
        format_func=lambda name: known[name].title,
        key="translator",
        bind="query-params",
    )
    info = known[name]
    with st.container():
        if info.problem:
            st.error(plain(info.problem), icon=":material/error:")
        elif info.non_commercial:
            st.warning(plain(f"Not for commercial use. {info.licence}"), icon=":material/copyright:")
        else:
            st.caption(f"Licence: {plain(info.licence)}")
    return info


def _long_side() -> int | None:
    choice = st.segmented_control(
        "Size", [KEEP, FIT, CHOSEN], default=KEEP, required=True, key="output", bind="query-params", width="stretch"
    )
    if choice in SIDES:
        return SIDES[choice]
    return st.number_input(
        "Long side",
        value=DEFAULT_SIDE,
        step=64,
        key="long_side",
        bind="query-params",
        help=f"Pixels, {LONG_SIDE}; a smaller photo keeps its size",
    )


def _solver(info: Translator) -> dict[str, Any]:
    if info.architecture != NIJIGAN:
        return {}
    with st.expander("Advanced", icon=":material/tune:"):
        choice = st.selectbox(
            "Solver",
            [OWN_SOLVER, *SOLVERS],
            key="solver",
            bind="query-params",
            help="How the neural ODEs are solved: dopri5 chooses its own steps and is the most exact",
        )
        steps = st.number_input("Solver steps", value=1, step=1, key="solver_steps", bind="query-params")
    return {} if choice == OWN_SOLVER else {"solver": choice, "solver_steps": steps}


def _submit(studio: Studio, values: dict[str, Any]) -> None:
    def submit(key: str) -> None:
        studio.submit(studio.request(Translate.kind, values), key=key, owner=OWNER)

    PRESS.ask(values, submit)


def _empty() -> None:
    st.markdown("#### Choose a photo, then press Anime-ify")
    st.caption("Landscapes, streets and buildings work best. The photo stays on this machine.")


def _show_translations(studio: Studio, job: Job, images: Sequence[ImageRecord]) -> None:
    if len(images) > 1:
        zip_button(studio, images, place="feed")
    for image in images:
        if len(images) > 1:
            st.caption(plain(image.title))
        if show_before_after(studio, image, place="feed"):
            download_buttons(studio, image, place="feed")


main()
