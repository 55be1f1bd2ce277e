"""Styles beside the prompt: chosen, seen in the words before they are drawn, and edited."""

from collections.abc import Callable

import streamlit as st

from engine.diffusion.templating import FIELDS, preview
from engine.prompting.styles import Style, Styles
from engine.studio import Studio
from pages.generate.seed import read_seed
from pages.parts.common import PEOPLE_ERRORS, plain
from pages.parts.submit import problems_of

NEW = "New style"


def pick_styles(studio: Studio) -> tuple[str, ...]:
    """Let the artist choose among the saved ones; returns their names."""
    try:
        names = list(Styles(studio.settings.home).all())
    except PEOPLE_ERRORS as error:
        st.error(plain(error), icon=":material/error:")
        return ()
    if not names:
        return ()
    return tuple(st.multiselect("Styles", names, key="styles", bind="query-params", placeholder="none"))


def show_words(studio: Studio, prompt: str, negative: str, styles: tuple[str, ...]) -> None:
    """What will be drawn, where that is not what is typed; for an open seed an example."""
    seed = read_seed(st.session_state.get("seed", "") or "")
    values = {"prompt": prompt, "negative_prompt": negative, "styles": styles, "seed": seed}
    texts, problems = preview(values, studio.settings.home)
    with st.container():
        for text in problems:
            st.caption(f":material/warning: {plain(text)}")
        for name, text in zip(FIELDS, texts, strict=True):
            if text != values[name]:
                label = "Drawn" if isinstance(seed, int) else "Drawn, for example"
                st.caption(f"{label}{' without' if name == FIELDS[1] else ''}: {plain(text)}")
        _offer_template()


def edit_styles(studio: Studio) -> None:
    """Add, change, rename and delete, in a popover."""
    styles = Styles(studio.settings.home)
    try:
        known = styles.all()
    except PEOPLE_ERRORS:
        return  # said where they are chosen
    with st.popover("Styles", icon=":material/style:"):
        name = st.selectbox("Style", [NEW, *known], key="edited_style")
        own = None if name == NEW else name
        style = known.get(name, Style())
        with st.form(f"style_{name}", border=False):
            title = st.text_input("Name", own or "")
            words = st.text_area("Prompt", style.prompt, height=80, help="{prompt} is where your words go.")
            less = st.text_input("Negative prompt", style.negative_prompt)
            if st.form_submit_button("Save style", icon=":material/save:"):
                _act(lambda: styles.save(title, Style(words, less), instead_of=own))
        sure = own and st.checkbox("Delete this style for good", key=f"sure_style_{own}")
        if own and sure and st.button("Delete style", icon=":material/delete:"):
            _act(lambda: styles.delete(own))
        file = st.file_uploader("From AUTOMATIC1111's styles.csv", "csv", key="styles_csv")
        if file and st.button("Take these in", icon=":material/upload:"):
            _take_in(styles, file.getvalue())
        if known:
            st.download_button("styles.csv", styles.table(), "styles.csv", "text/csv", icon=":material/download:")


def remember_template(request: dict[str, object], restored: dict[str, str]) -> None:
    """After a picture's settings came back: what was typed then, if its words came of a template."""
    typed = {name: request.get(f"{name}_template") for name in FIELDS}
    st.session_state["typed_before"] = (
        (restored, typed, request.get("styles") or ()) if any(text is not None for text in typed.values()) else None
    )


def _offer_template() -> None:
    restored, typed, styles = st.session_state.get("typed_before") or ({}, {}, ())
    if restored and all(st.session_state.get(name) == text for name, text in restored.items()):
        st.button("The template instead", icon=":material/casino:", on_click=_take_template, args=(typed, styles))


def _take_template(typed: dict[str, str | None], styles: tuple[str, ...]) -> None:
    for name, text in typed.items():
        if text is not None:
            st.session_state[name] = text
    st.session_state.styles = list(styles)


def _take_in(styles: Styles, data: bytes) -> None:
    try:
        added, said = styles.bring(data)
    except PEOPLE_ERRORS as error:
        st.error(plain(error), icon=":material/error:")
    else:
        st.caption(plain(" ".join([f"{len(added)} came in.", *said])))


def _act(act: Callable[[], object]) -> None:
    if problems := problems_of(act):
        st.error(plain(" ".join(problems.values())), icon=":material/error:")
    else:
        st.rerun()
