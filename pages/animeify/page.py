"""Anime-ify: from photos to anime scenes."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from engine.jobs.records import Job
from engine.studio import Studio
from engine.translation import pace
from engine.translation.admission import estimate_here
from engine.translation.catalogue import NEURAL_STYLE, NIJIGAN, PAINTER, Translator
from engine.translation.request import DEFAULT_TRANSLATOR, LONG_SIDE, Translate
from engine.translation.solver_names import SOLVERS
from gallery.records import ImageRecord
from pages.animeify.engine import is_choice, pick_backend
from pages.animeify.painting import pick_painting
from pages.animeify.photos import pick_photos
from pages.animeify.restore import CHOSEN, DEFAULT_SIDE, FIT, KEEP, OWN_SOLVER, SIDES, fill_animeify
from pages.animeify.style import pick_one_style, pick_style, style_side
from pages.generate.actions import show_links
from pages.parts.attention import show_status
from pages.parts.before_after import show_before_after
from pages.parts.common import OWNER, open_studio, plain
from pages.parts.downloads import download_buttons, zip_button
from pages.parts.feed import show_feed
from pages.parts.licences import offered, only_switch, show_licence
from pages.parts.reuse import fill_form, settle_form
from pages.parts.submit import Press
from pages.upscale.button import show_upscale

PLACES = {
    **{name: name for name in ("translator", "strength", "long_side", "solver", "solver_steps", "style_steps")},
    **{name: name for name in ("content_weight", "style_weight", "variation_weight", "content_layers", "style_layers")},
    **{name: name for name in ("backend", "variation", "optimizer", "noise_seed", "keep_colours")},
    "start": "style_start",
    "shares": "share_",
    "photos": "files_",
    "style": "style_",
}
PRESS = Press(
    "translate",
    together=[("translator", "style", "photos"), ("translator", "solver", "solver_steps", "backend")],
    places=PLACES,
)
ASKED = ("style_steps", "solver", "solver_steps", "backend")  # that decide how long a photo takes, beside its size


def main() -> None:
    """Lay out the page."""
    studio = open_studio()
    fill_form(studio, Translate.kind, partial(fill_animeify, studio))
    left, right = st.columns([2, 3], gap="large")
    with left:
        values = _form(studio)
        pressed = PRESS.button("Anime-ify", ":material/auto_awesome:")
        show_status(studio, [Translate.kind])
        PRESS.show_problems(_by_field(values))
    if pressed:
        _submit(studio, values)
    with right:
        show_feed(studio, Translate.kind, _empty, _show_translations)
    settle_form()


def _form(studio: Studio) -> dict[str, Any]:
    photos = pick_photos(studio)
    info, takes = _translator(studio)
    values: dict[str, Any] = {"photos": photos, "translator": info.name}
    styled = info.architecture == NEURAL_STYLE
    if info.takes_style:
        values |= pick_style(studio) if styled else pick_one_style(studio)
    if info.architecture == PAINTER:
        values |= pick_painting()
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
    side = style_side(studio) if styled else _long_side()
    values |= {"strength": strength / 100, "long_side": side} | _advanced(studio, info)
    takes.caption(plain(_takes(studio, info, values)))
    return values


def _takes(studio: Studio, info: Translator, values: dict[str, Any]) -> str:
    """How long these photos will take; without any, one of a usual size."""
    photos = [size for size in (pace.size_of_photo(studio.photos.path(each.id)) for each in values["photos"]) if size]
    asked = pace.Asked(**{name: values[name] for name in ("long_side", *ASKED) if values.get(name) is not None})
    jobs = studio.jobs(kind=Translate.kind, limit=50)
    found = estimate_here(info, photos or [pace.EXAMPLE], asked, studio.settings, studio.engine(), jobs, studio.gallery)
    return pace.in_words(found, pace.counted(len(photos)) if photos else pace.EXAMPLE_WORDS)


def _translator(studio: Studio) -> tuple[Translator, DeltaGenerator]:
    """The chosen one, and the place below it for how long it takes."""
    known = {info.name: info for info in studio.translators()}
    names = offered(known, (DEFAULT_TRANSLATOR, st.session_state.get("translator", "")))
    name = st.selectbox(
        "Translator",
        names,
        index=names.index(DEFAULT_TRANSLATOR),
        format_func=lambda name: known[name].title,
        key="translator",
        bind="query-params",
    )
    info = known[name]
    only_switch("animeify")
    with st.container():
        if info.does:
            st.caption(plain(info.does))
        takes = st.empty()
        if info.problem:
            st.error(plain(info.problem), icon=":material/error:")
        elif info.non_commercial:
            st.warning(plain(f"Not for commercial use. {info.licence}"), icon=":material/copyright:")
        else:
            show_licence(info.licence)
    return info, takes


def _long_side() -> int | None:
    choice = st.segmented_control(
        "Size",
        [KEEP, FIT, CHOSEN],
        default=KEEP,
        required=True,
        key="output",
        bind="query-params",
        width="stretch",
        help="Networks change details a few pixels wide, so a large photo stays much like a photo. A smaller one comes "
        "out more painted, and *Upscale* makes it larger.",
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


def _advanced(studio: Studio, info: Translator) -> dict[str, Any]:
    if info.architecture != NIJIGAN and not is_choice(studio, info):
        return {}
    with st.expander("Advanced", icon=":material/tune:"):
        solved = _solver() if info.architecture == NIJIGAN else {}
        return solved | pick_backend(studio, info, solved.get("solver"))


def _solver() -> dict[str, Any]:
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

    PRESS.ask(values, submit, _by_field(values))


def _by_field(values: dict[str, Any]) -> dict[str, Any]:
    """The form's values by the fields that problems name."""
    return values | values.get("styling", {})


def _empty() -> None:
    st.markdown("## Choose a photo, then press Anime-ify")
    st.caption("Landscapes, streets and buildings work best. The photo stays on this machine.")


def _show_translations(studio: Studio, job: Job, images: Sequence[ImageRecord]) -> None:
    if len(images) > 1:
        zip_button(studio, images, place="feed")
    for image in images:
        if len(images) > 1:
            st.caption(plain(image.title))
        if show_before_after(studio, image, place="feed"):
            download_buttons(studio, image, place="feed")
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                show_links(studio, image, "feed")
                show_upscale(studio, image, "feed")


main()
