"""Anime-ify: from photos to anime scenes."""

import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from engine.errors import InvalidRequest
from engine.jobs.records import Job
from engine.studio import Studio
from engine.translation.catalogue import NEURAL_STYLE, NIJIGAN, Translator, default_translator
from engine.translation.request import LARGEST_SIDE, MOST_PHOTOS, SMALLEST_SIDE, SOLVERS, PhotoRef, Translate, translate
from gallery.records import ImageRecord
from pages.parts.before_after import show_before_after, small_jpeg
from pages.parts.common import OWNER, PEOPLE_ERRORS, by_field, open_studio, plain, show_problems
from pages.parts.downloads import download_buttons, zip_button
from pages.parts.feed import show_feed
from pages.parts.pictures import show_broken

STUDIO = "studio"  # the "field" of problems that no value is to blame for
DOUBLE_CLICK_SECONDS = 1.0
KINDS = ["png", "jpg", "jpeg", "webp", "heic", "heif"]
ADDRESS_CHARACTERS = 16  # of a photo's id; tells any photos apart that one person can have
THUMBNAIL = 256
KEEP, FIT, CHOSEN = "As the photo", "Fit 1024", "Choose"
SIDES = {KEEP: None, FIT: 1024}
DEFAULT_SIDE = 1536
OWN_SOLVER = "The translator's own"


def main() -> None:
    """Lay out the page."""
    studio = open_studio()
    _take_restored_settings(studio)
    left, right = st.columns([2, 3], gap="large")
    with left:
        values = _form(studio)
        pressed = st.button(
            "Anime-ify",
            key=f"translate_{_nonce()}",
            type="primary",
            width="stretch",
            icon=":material/auto_awesome:",
        )
        problems = _standing_problems(values)
        show_problems(problems, *problems)
    if pressed:
        _submit(studio, values)
    with right:
        show_feed(studio, Translate.kind, _empty, _show_translations)


def _form(studio: Studio) -> dict[str, Any]:
    photos = _photos(studio)
    info = _translator(studio)
    values: dict[str, Any] = {"photos": photos, "translator": info.name}
    if info.architecture == NEURAL_STYLE:
        values |= _style(studio)
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


def _take_restored_settings(studio: Studio) -> None:
    """Fill the form from a recipe that the gallery handed over; what is not here any more is left out and said."""
    recipe = st.session_state.pop("restore_translation", None)
    if recipe is None:
        return
    state, request = st.session_state, _request_of(recipe)
    if request is None:
        st.warning("This recipe is of another version of the studio and cannot be used.", icon=":material/info:")
        return
    known = {info.name for info in studio.translators()}
    _choose("photos", request.photos)
    _choose("style", [request.style] if request.style else [])
    state.strength = round(100 * request.strength)
    state.output, state.long_side = _output_of(request.long_side), request.long_side or DEFAULT_SIDE
    state.style_steps, state.solver = request.style_steps, request.solver or OWN_SOLVER
    state.solver_steps = request.solver_steps
    missing = [photo.name for photo in request.photos if studio.photo(photo.id) is None]
    if request.translator in known:
        state.translator = request.translator
    else:
        missing.append(request.translator)
    if missing:
        st.warning(f"Not on this machine and left out: {plain(', '.join(missing))}.")


def _request_of(recipe: Mapping[str, Any]) -> Translate | None:
    """The request in a recipe; None where it is of another version of the studio."""
    try:
        return translate(recipe)
    except (InvalidRequest, TypeError, ValueError, AttributeError):
        return None


def _output_of(long_side: int | None) -> str:
    return next((label for label, side in SIDES.items() if side == long_side), CHOSEN)


# -- photos


def _photos(studio: Studio) -> tuple[PhotoRef, ...]:
    """The chosen photos. The address names them, so they survive a refresh; their files are kept already."""
    files = st.file_uploader(
        "Photos",
        type=KINDS,
        accept_multiple_files=True,
        key=f"files_{st.session_state.setdefault('uploads', 0)}",
        help="PNG, JPEG, WebP or HEIC. They stay on this machine; places and camera data in them are dropped.",
    )
    chosen = _chosen(studio, "photos")
    if files:
        _choose("photos", [*chosen, *_added(studio, files)])
        st.session_state.uploads += 1  # an empty uploader: the files' bytes need not stay in memory
        st.rerun()
    with st.container():
        for text in st.session_state.get("refused_files", ()):
            st.warning(plain(text), icon=":material/image_not_supported:")
        _thumbnails(studio, chosen)
    return tuple(chosen)


def _added(studio: Studio, files: Sequence[Any]) -> list[PhotoRef]:
    added, refused = [], []
    with st.spinner("Reading the photos", show_time=True):
        for file in files:
            try:
                added.append(studio.add_photo(file.getvalue(), file.name))
            except PEOPLE_ERRORS as error:
                refused.append(str(error))
    st.session_state.refused_files = refused
    return added


def _chosen(studio: Studio, field: str) -> list[PhotoRef]:
    beginnings = filter(None, st.query_params.get(field, "").split("."))
    found = {photo.id: photo for photo in map(studio.photo, beginnings) if photo}  # the same photo once
    return list(found.values())[:MOST_PHOTOS]


def _choose(field: str, photos: Sequence[PhotoRef]) -> None:
    ids = dict.fromkeys(photo.id for photo in photos)
    if len(ids) > MOST_PHOTOS:
        left_out = f"{len(ids) - MOST_PHOTOS} photos were left out: one job takes {MOST_PHOTOS}."
        st.session_state.refused_files = [*st.session_state.get("refused_files", ()), left_out]
    st.query_params[field] = ".".join(photo_id[:ADDRESS_CHARACTERS] for photo_id in list(ids)[:MOST_PHOTOS])


def _thumbnails(studio: Studio, chosen: list[PhotoRef]) -> None:
    if not chosen:
        return
    grid = st.grid(min_column_width=110)
    for photo in chosen:
        with grid.container(key=f"photo_{photo.id}"):
            _thumbnail(studio, photo)
            rest = [other for other in chosen if other != photo]
            st.button(
                _short(photo.name),
                key=f"remove_{photo.id}",
                icon=":material/close:",
                type="tertiary",
                help="Take this photo out",
                on_click=_choose,
                args=("photos", rest),
                wrap=False,
            )
    if len(chosen) > 1:
        label = f"Take all {len(chosen)} out"
        st.button(label, icon=":material/clear_all:", type="tertiary", on_click=_choose, args=("photos", []))


def _thumbnail(studio: Studio, photo: PhotoRef) -> None:
    try:
        st.image(_thumbnail_bytes(studio, photo.id), width="stretch")
    except PEOPLE_ERRORS as error:
        show_broken(error)


@st.cache_data(max_entries=128, show_spinner=False)
def _thumbnail_bytes(_studio: Studio, photo_id: str) -> bytes:
    return small_jpeg(_studio.photos.png(photo_id), THUMBNAIL)


def _short(name: str) -> str:
    return plain(name if len(name) <= 18 else f"{name[:15]}…")


# -- settings


def _translator(studio: Studio) -> Translator:
    known = {info.name: info for info in studio.translators()}
    names = list(known)
    name = st.selectbox(
        "Translator",
        names,
        index=names.index(default_translator(list(known.values())).name),
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


def _style(studio: Studio) -> dict[str, Any]:
    file = st.file_uploader("Style picture", type=KINDS, key=f"style_{st.session_state.setdefault('styles', 0)}")
    if file:
        _choose("style", _added(studio, [file]))
        st.session_state.styles += 1
        st.rerun()
    chosen = _chosen(studio, "style")
    for photo in chosen[:1]:
        with st.container(width=220):
            _thumbnail(studio, photo)
    steps = st.number_input(
        "Style steps", value=150, step=10, key="style_steps", bind="query-params", help="10 to 1000; more is stronger"
    )
    return {"style": chosen[0] if chosen else None, "style_steps": steps}


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
        help=f"Pixels, {SMALLEST_SIDE} to {LARGEST_SIDE}; a smaller photo keeps its size",
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


# -- asking


def _nonce() -> str:
    return st.session_state.setdefault("translate_nonce", uuid.uuid4().hex)


def _submit(studio: Studio, values: dict[str, Any]) -> None:
    state = st.session_state
    accepted, moment = state.get("accepted_translation", (None, 0.0))
    if accepted == values and time.monotonic() - moment < DOUBLE_CLICK_SECONDS:
        return
    try:
        studio.translate(Translate(**values), key=_nonce(), owner=OWNER)
    except InvalidRequest as error:
        problems = by_field(error.problems)
    except PEOPLE_ERRORS as error:
        problems = {STUDIO: str(error)}
    else:
        problems = {}
        state.translate_nonce = uuid.uuid4().hex
        state.accepted_translation = (values, time.monotonic())
    state.translation_problems, state.refused_values = problems, values
    st.rerun()


def _standing_problems(values: dict[str, Any]) -> dict[str, str]:
    """The problems of the last press whose values have not been changed since."""
    state = st.session_state
    refused = state.get("refused_values", {})
    problems = state.get("translation_problems", {})
    return {field: text for field, text in problems.items() if values.get(field) == refused.get(field)}


# -- results


def _empty() -> None:
    st.markdown("#### Choose a photo, then press Anime-ify")
    st.caption("Landscapes, streets and buildings work best. The photo stays on this machine.")


def _show_translations(studio: Studio, job: Job, images: Sequence[ImageRecord]) -> None:
    if len(images) > 1:
        zip_button(studio, images, place="feed")
    for image in images:
        if len(images) > 1:
            st.caption(plain(image.prompt))
        if show_before_after(studio, image, place="feed"):
            download_buttons(studio, image, place="feed")


main()
