"""Storage: what takes how much disk, and what of it can be cleared."""

import shutil

import streamlit as st

from engine.storage import Usage
from engine.studio import Studio
from pages.parts.common import PEOPLE_ERRORS, open_studio, plain, size_text


def main() -> None:
    """A row for each kind of things, with a button where something of it can go."""
    studio = open_studio()
    used = studio.storage.usage()
    _say_free(studio, used)
    if said := st.session_state.pop("cleared", None):
        st.success(plain(said), icon=":material/check:")
    for use in used:
        if use.size_bytes or use.clearable_bytes:
            _row(studio, use)


def _say_free(studio: Studio, used: list[Usage]) -> None:
    total = size_text(sum(use.size_bytes for use in used))
    try:
        free = size_text(shutil.disk_usage(studio.settings.home).free)
    except OSError:
        free = "unknown"
    st.caption(plain(f"{total} in {studio.settings.home}; {free} are free on this disk."))


def _row(studio: Studio, use: Usage) -> None:
    with st.container(border=True):
        words, size, action = st.columns([5, 2, 3], vertical_alignment="center")
        words.markdown(f"**{plain(use.title)}**  \n{plain(use.about)}")
        size.markdown(plain(size_text(use.size_bytes)))
        if use.clearable_bytes:
            with action:
                _action(studio, use)


def _action(studio: Studio, use: Usage) -> None:
    amount = size_text(use.clearable_bytes)
    if not use.final:
        st.button(f"Clear {amount}", key=f"clear_{use.kind}", on_click=_clear, args=(studio, use), width="stretch")
    elif st.session_state.get("asked") == use.kind:
        st.markdown("Nothing brings them back. Remove them for good?")
        st.button(
            f"Yes, remove {amount} for good",
            key=f"sure_{use.kind}",
            type="primary",
            on_click=_clear,
            args=(studio, use),
            width="stretch",
        )
        st.button("Keep them", key=f"keep_{use.kind}", on_click=_ask, args=("",), width="stretch")
    else:
        remove, icon = f"Remove {amount} for good", ":material/delete_forever:"
        st.button(remove, key=f"ask_{use.kind}", icon=icon, on_click=_ask, args=(use.kind,), width="stretch")


def _ask(kind: str) -> None:
    st.session_state.asked = kind


def _clear(studio: Studio, use: Usage) -> None:
    _ask("")
    try:
        cleared = studio.storage.clear(use.kind)
    except PEOPLE_ERRORS as error:
        st.session_state.cleared = str(error)
        return
    st.session_state.cleared = f"{use.title}: {size_text(cleared)} were cleared."


main()
