"""Whose style neural style takes, and how."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from engine.kept_photos import PhotoRef
from engine.picture_files import PHOTO_SUFFIXES
from engine.studio import Studio
from engine.translation.pace import STYLED_SIDE_LIMIT, style_defaults
from engine.translation.request import LONG_SIDE, STYLE_STEPS
from engine.translation.styling import (
    AS_EVER,
    CONTENT_WEIGHT,
    LAYERS,
    MOST_STYLES,
    OPTIMIZERS,
    SHARE,
    STARTS,
    STYLE_WEIGHT,
    VARIATION_WEIGHT,
    VARIATIONS,
    Styling,
    layers_in_words,
)
from pages.animeify.photos import added, choose, chosen_photos, show_chosen
from pages.parts.common import plain

STYLE = "style"  # in the address
STARTS_IN_WORDS = dict(zip(STARTS, ("The photo", "Noise", "The style picture"), strict=True))
VARIATIONS_IN_WORDS = dict(zip(VARIATIONS, ("Smooth", "Keeps edges"), strict=True))
LAYERS_HELP = f"Of VGG19, {LAYERS[0]} to {LAYERS[-1]}, with commas; relu3_1:0.5 counts half as much"


def pick_style(studio: Studio) -> dict[str, Any]:
    """The style pictures, how long they are worked on, and all else."""
    chosen = _pick("Style pictures", studio, f"One, or up to {MOST_STYLES} that are blended")
    shares = [_share(photo) for photo in chosen] if len(chosen) > 1 else []
    steps = st.number_input(
        "Style steps",
        value=style_defaults(studio.engine().accelerated)[0],
        step=10,
        key="style_steps",
        bind="query-params",
        help=f"{STYLE_STEPS}; more is stronger",
    )
    styling = _advanced() | {"more_styles": tuple(chosen[1:]), "shares": tuple(shares)}
    return {"style": chosen[0] if chosen else None, "style_steps": steps, "styling": styling}


def pick_one_style(studio: Studio) -> dict[str, Any]:
    """The picture whose style is taken."""
    chosen = _pick("Style picture", studio, "The photo is drawn in its style")
    if len(chosen) > 1:
        st.caption("The style of the first is taken.")
    return {"style": chosen[0] if chosen else None}


def _pick(label: str, studio: Studio, help_text: str) -> list[PhotoRef]:
    files = st.file_uploader(
        label,
        type=PHOTO_SUFFIXES,
        accept_multiple_files=True,
        key=f"style_{st.session_state.setdefault('style_files', 0)}",
        help=help_text,
    )
    chosen = chosen_photos(studio, STYLE)
    if files:
        choose(STYLE, [*chosen, *added(studio, files)])
        st.session_state.style_files += 1
        st.rerun()
    with st.container():
        show_chosen(studio, chosen, STYLE)
    return chosen


def style_side(studio: Studio) -> int:
    """The longer side at which neural style works, in pixels."""
    return st.number_input(
        "Long side",
        value=style_defaults(studio.engine().accelerated)[1],
        step=64,
        key="style_side",
        bind="query-params",
        help=f"Pixels, {LONG_SIDE.low} to {STYLED_SIDE_LIMIT}; twice as many take four times as long",
    )


def fill_style(styles: Sequence[PhotoRef], styling: Styling) -> None:
    """Put these where the form takes them."""
    state = st.session_state
    choose(STYLE, styles)
    for photo, share in zip(styles, styling.shares or [SHARE.default] * len(styles), strict=False):
        state[_share_key(photo)] = float(share)
    state.style_start, state.noise_seed = styling.start, str(styling.noise_seed)
    for name in ("content_layers", "style_layers"):
        state[name] = layers_in_words(getattr(styling, name))
    for name in ("content_weight", "style_weight", "variation_weight"):
        state[name] = float(getattr(styling, name))
    state.variation, state.optimizer, state.keep_colours = styling.variation, styling.optimizer, styling.keep_colours


def _share(photo: PhotoRef) -> float:
    return st.number_input(
        f"Share of {plain(photo.name)}",
        value=SHARE.default,
        step=0.5,
        key=_share_key(photo),
        bind="query-params",
        help=f"{SHARE}, against the other style pictures; 0 leaves it out",
    )


def _share_key(photo: PhotoRef) -> str:
    return f"share_{photo.id[:16]}"


def _advanced() -> dict[str, Any]:
    keep_colours = st.toggle(
        "Keep the photo's colours", key="keep_colours", bind="query-params", help="Only light and dark are painted"
    )
    with st.expander("Advanced", icon=":material/tune:"):
        values = _start() | _losses()
        values["optimizer"] = st.selectbox(
            "Optimizer",
            OPTIMIZERS,
            key="optimizer",
            bind="query-params",
            help="L-BFGS goes further in a step; Adam moves every pixel by little and suits noise",
        )
    return values | {"keep_colours": keep_colours}


def _start() -> dict[str, Any]:
    start = st.selectbox("Begin with", STARTS, format_func=STARTS_IN_WORDS.get, key="style_start", bind="query-params")
    if start != "noise":
        return {"start": start}
    seed = st.text_input("Noise seed", value="0", key="noise_seed", bind="query-params").strip()
    return {"start": start, "noise_seed": int(seed) if seed.isascii() and seed.isdigit() else seed}


def _losses() -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, rule, label, more in (
        ("content_weight", CONTENT_WEIGHT, "Content weight", "what stands where in the photo is kept"),
        ("style_weight", STYLE_WEIGHT, "Style weight", "the style's textures and colours are taken"),
        ("variation_weight", VARIATION_WEIGHT, "Variation weight", "grain is smoothed away"),
    ):
        help_text = f"{rule}; the higher, the more {more}"
        values[name] = st.number_input(
            label, value=rule.default, step=1.0, key=name, bind="query-params", help=help_text
        )
    values["variation"] = st.selectbox(
        "Smoothing",
        VARIATIONS,
        format_func=VARIATIONS_IN_WORDS.get,
        key="variation",
        bind="query-params",
        help="What variation weight smooths: large steps most of all, or all alike, which leaves edges sharper",
    )
    for name, label in (("content_layers", "Content layers"), ("style_layers", "Style layers")):
        usual = layers_in_words(getattr(AS_EVER, name))
        values[name] = st.text_input(label, value=usual, key=name, bind="query-params", help=LAYERS_HELP)
    return values
