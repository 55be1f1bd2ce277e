"""How the painter paints: mood and four sliders."""

from typing import Any

import streamlit as st

from engine.translation.painting import AS_PAINTED, MOODS, Painting

MOODS_IN_WORDS = {mood: mood.capitalize() for mood in MOODS}
SLIDERS = {
    "detail": ("Detail", "From broad brushes to fine ones"),
    "light": ("Light", "From the photo's own to bright, with warm light and cool shadow"),
    "line": ("Line", "Dark lines where objects meet"),
    "colour": ("Colour", "From the photo's own to rich, with a painted sky"),
}


def pick_painting() -> dict[str, Any]:
    """What was chosen, as the field of the request."""
    mood = st.segmented_control(
        "Mood",
        MOODS,
        default=AS_PAINTED.mood,
        required=True,
        format_func=MOODS_IN_WORDS.get,
        key="mood",
        bind="query-params",
        width="stretch",
        help="On a clear day, photos of dusk and night stay what they are",
    )
    chosen = {}
    with st.expander("Brush", icon=":material/brush:"):
        for name, (label, words) in SLIDERS.items():
            usual = round(100 * getattr(AS_PAINTED, name))
            percent = st.slider(label, 0, 100, usual, format="%d %%", key=name, bind="query-params", help=words)
            chosen[name] = percent / 100
    return {"painting": Painting(mood=mood, **chosen)}


def fill_painting(painting: Painting) -> None:
    """Put an earlier picture's choice into the form."""
    st.session_state.mood = painting.mood
    for name in SLIDERS:
        st.session_state[name] = round(100 * getattr(painting, name))
