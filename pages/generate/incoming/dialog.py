"""The dialog in which a picture is dropped, its recipe is seen beside the form, and applied."""

from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Literal

import streamlit as st

from engine.incoming.diff import Here, compare
from engine.incoming.fields import DIFFERS, SAME, Field
from engine.rules import counted
from engine.studio import Studio
from engine.weights.hashes import file_sha256, tensor_sha256
from pages.generate.incoming.bringing import Brought, brought_picture, brought_text
from pages.generate.incoming.filling import apply_rows
from pages.generate.incoming.own import own_rows
from pages.generate.incoming.rows import show_rows
from pages.parts.common import plain, size_text
from pages.parts.dialogs import close_dialog, is_open, open_dialog

TITLE = "From a picture's recipe"
SUFFIXES = ("png", "jpg", "jpeg", "webp")
PICTURE, TEXT = "A picture", "Its text"
EXAMPLE = "a castle at night\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1"
Look = Literal["primary", "secondary"]
WORDS = ("prompt", "negative_prompt")
OTHERS_NOISE = (
    "Other tools draw their noise and read their prompts in ways of their own: with the same settings the picture "
    "comes near theirs and is not the same."
)
MOST_SHOWN = 300  # characters of a value that the form has no place for
_NAME, _READ = "incoming", "incoming_brought"


def open_button() -> None:
    """The button that opens the dialog."""
    st.button(
        "From a picture",
        icon=":material/image_search:",
        key="incoming_button",
        on_click=open_dialog,
        args=(_NAME,),
        help="Drop a picture of this studio or another tool, and take its settings over",
    )


def show_dialog(studio: Studio) -> None:
    """The dialog, while it is open; call it once the form's values are known."""
    if is_open(_NAME):
        _dialog(studio)


def _close() -> None:
    close_dialog()
    st.session_state.pop(_READ, None)


@st.dialog(TITLE, width="large", on_dismiss=_close)
def _dialog(studio: Studio) -> None:
    name, brought = _brought(studio)
    if brought is None:
        st.caption("Nothing is changed before you have seen it beside your settings.")
        return
    if brought.recipe is None:
        st.error(plain(brought.problem), icon=":material/image_not_supported:")
        return
    form = st.session_state.get("form_values", {})
    here = Here(studio.models(), studio.loras(), studio.settings.home / "hashes.json", studio.embeddings())
    own = own_rows(studio, brought, form)
    rows = compare(brought.recipe, form, here, brought.syntax)
    rows = [row for row in rows if row.name not in {each.name for each in own}] + own
    _head(brought, rows)
    every = [row.name for row in rows if row.state in (SAME, DIFFERS)]
    choices = {
        "Apply all": every,
        "All but the seed": [name for name in every if name != "seed"],
        "Prompt only": [name for name in every if name in WORDS],
    }
    _buttons(brought, rows, choices, "primary")
    ticked = show_rows(rows, name)
    _hashing([path for row in rows for path in row.unhashed], here.hashes)
    _beyond(brought)
    _buttons(brought, rows, {"Apply what is ticked": ticked}, "secondary")


def _brought(studio: Studio) -> tuple[str, Brought | None]:
    """A name for what was brought, and its recipe; None while nothing is there. It is read once."""
    way = st.segmented_control("From", [PICTURE, TEXT], default=PICTURE, required=True, key="incoming_way")
    if way == TEXT:
        text = st.text_area(
            "Settings as text",
            key="incoming_text",
            height=160,
            help="As AUTOMATIC1111 and its children write it, and Civitai copies it",
            placeholder=EXAMPLE,
        )
        data = text.strip().encode("utf-8", "replace")
    else:
        file = st.file_uploader(
            "Picture with a recipe", SUFFIXES, key="incoming_file", help="It is read on this machine and not kept."
        )
        data = file.getvalue() if file else b""
    if not data:
        return "", None
    name = sha256(data).hexdigest()[:12]
    if st.session_state.get(_READ, ("",))[0] != (way, name):
        brought = brought_text(data.decode()) if way == TEXT else brought_picture(studio, data)
        st.session_state[_READ] = ((way, name), brought)
    return name, st.session_state[_READ][1]


def _head(brought: Brought, rows: Sequence[Field]) -> None:
    assert brought.recipe is not None
    differing = [row for row in rows if row.state != SAME]
    taken = sum(row.state == DIFFERS for row in differing)
    count = f"{taken} of {counted(len(differing), 'difference')} can be taken as they are." if differing else ""
    st.markdown(f"**{plain(brought.recipe.tool)}**: {count}" if count else f"**{plain(brought.recipe.tool)}**")
    if brought.own is None:
        st.caption(OTHERS_NOISE)
    for note in brought.recipe.notes:
        st.caption(f":material/info: {plain(note)}")
    if all(row.state == SAME for row in rows):
        st.info("The form has all of it already." if rows else "The recipe says nothing that this form has.")


def _hashing(paths: Sequence[Path], cache: Path | None) -> None:
    """Files that nobody has hashed yet are read only when the artist says so: they may have gigabytes."""
    files = {path: _size(path) for path in paths}
    if not files:
        return
    what = "1 file" if len(files) == 1 else f"{len(files)} files"
    label = f"Work out the hashes of {what} ({size_text(sum(files.values()))})"
    if not st.button(label, key="incoming_hash", icon=":material/fingerprint:", help="Once; then they are remembered"):
        return
    bar = st.progress(0.0)
    for done, path in enumerate(files):
        bar.progress(done / len(files), plain(path.name))
        try:
            file_sha256(path, cache)
            tensor_sha256(path, cache)
        except OSError as error:
            st.caption(f":material/warning: {plain(f'{path.name} cannot be read: {error.strerror}.')}")
    st.rerun()  # the whole page: what asked for this may have been a run of all of it


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _beyond(brought: Brought) -> None:
    assert brought.recipe is not None
    rest = brought.recipe.not_understood
    if rest:
        with st.expander(f"What else it says ({len(rest)})", icon=":material/more_horiz:"):
            st.caption("The form has no place for these.")
            st.markdown("\n".join(f"- {plain(key)}: {plain(value[:MOST_SHOWN])}" for key, value in rest.items()))


def _buttons(
    brought: Brought,
    rows: Sequence[Field],
    choices: Mapping[str, Collection[str]],
    first: Literal["primary", "secondary"],
) -> None:
    """A button for each choice of rows, the first of them in its own look."""
    with st.container(horizontal=True, gap="small"):
        for place, (label, names) in enumerate(choices.items()):
            look = first if place == 0 else "secondary"
            if st.button(label, key=f"incoming_{label}", type=look, disabled=not names):
                apply_rows(brought, rows, names)
                _close()
                st.rerun()
