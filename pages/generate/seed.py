"""The seed's field: empty where every press draws a new seed, else the seed that the next press uses.

It is a text field, since browsers round whole numbers from 2**53 on. The switch beside it says in a word whether there
is a seed in the field, and has no state of its own.
"""

import random

import streamlit as st

from engine.diffusion.request import RANDOM_SEED_LIMIT, SEED
from engine.studio import Studio
from pages.generate.details import KINDS
from pages.parts.common import OWNER, show_problems

MOST_CHARACTERS = 60  # that are looked at; a seed has up to 20 digits


def seed_field(studio: Studio, problems: dict[str, str]) -> int | str | None:
    """Let the artist choose; returns the seed, None for a new one, or what was typed where that is no seed."""
    _as_text()
    field, dice = st.columns([4, 1], vertical_alignment="bottom")
    with field:
        text = st.text_input(
            "Seed",
            key="seed",
            bind="query-params",
            placeholder="a new seed will be drawn",
            help=f"A whole number from {SEED}. The same settings with the same seed give the same picture. Image 2 "
            "uses seed + 1, and so on; after the highest seed comes 0. Empty: every press draws a new seed.",
        )
    with dice:
        help_text = "Draw a new seed and keep it"
        st.button("Draw a seed", icon=":material/casino:", key="dice", on_click=_roll, help=help_text)
    st.session_state.keep_seed = bool(text.strip())
    st.toggle(
        "Keep seed",
        key="keep_seed",
        on_change=_switch,
        args=(studio,),
        help="On: keeps the seed of your last picture. Off: every press draws a new seed.",
    )
    seed = read_seed(text)
    wrong = [] if seed is None else SEED.problems("seed", seed)
    advice = {"seed": f"{wrong[0].message} Empty the field to draw a new one."} if wrong else problems
    show_problems(advice, "seed")
    return seed


def read_seed(text: str) -> int | str | None:
    """The number that stands there, None for none, or the text where it is no whole number."""
    text = text.strip()[:MOST_CHARACTERS]
    return int(text) if text.isdecimal() else text or None


def _as_text() -> None:
    """What other parts of the page put into the field may be a number, or None for a new seed."""
    seed = st.session_state.get("seed", "")
    if not isinstance(seed, str):
        st.session_state.seed = "" if seed is None else str(seed)


def _switch(studio: Studio) -> None:
    if not st.session_state.keep_seed:
        st.session_state.seed = ""
    elif not st.session_state.seed.strip():
        st.session_state.seed = str(_last_seed(studio))


def _last_seed(studio: Studio) -> int:
    """That of the newest drawing that was asked for, or one drawn now."""
    jobs = [job for kind in KINDS for job in studio.jobs(owner=OWNER, kind=kind, limit=1)]
    newest = max((job for job in jobs if job.request), key=lambda job: job.id, default=None)
    return newest.request.seed if newest else drawn_seed()


def _roll() -> None:
    st.session_state.seed = str(drawn_seed())


def drawn_seed() -> int:
    """One that other tools show and accept too."""
    return random.SystemRandom().randrange(RANDOM_SEED_LIMIT)
