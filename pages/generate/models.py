"""A model whose weights are not on this machine: what it is, and how to get it."""

import streamlit as st

from engine.errors import StudioError
from engine.jobs.records import Job
from engine.studio import Studio
from engine.weights.licensing import acceptance, licences
from engine.weights.models import ModelInfo
from engine.weights.request import FetchModel
from pages.parts.common import OWNER, plain, size_text
from pages.parts.fields import show_refusal
from pages.parts.licences import only_switch, show_licence, show_text
from pages.parts.progress import show_download
from pages.parts.submit import Press

# What to say about a single file, and what that means.
PREDICTS = {
    "Read it from the file": None,
    "Noise (epsilon)": "epsilon",
    "v (v_prediction)": "v_prediction",
}
FEW_STEPS = {
    "Read it from its files": None,
    "An ordinary model": "none",
    "Turbo: 1 to 4 steps, no guidance": "turbo",
    "LCM: 4 to 8 steps": "lcm",
}
_FEW_HELP = "For a model whose files and name do not tell that it was made for few steps, or tell it wrongly."
_PREDICTS_HELP = "For a single .safetensors file whose pictures are noise or pale blots: it was read as the wrong kind."
SOURCE = "Path or hub id"
_ADDED = "added_model_note"  # name and note of the model that was added or corrected last


def show_missing_model(studio: Studio, info: ModelInfo) -> None:
    """Describe the model and offer to download it or to use a copy that the artist has."""
    with st.container(border=True):
        st.markdown(f"**{plain(info.title)}** is not on this machine.")
        if info.about:
            st.caption(plain(info.about))
        if info.problem:
            st.warning(plain(info.problem))
        if info.hub_id:
            st.caption(f"Download: about {size_text(info.size_bytes)}.")
            show_licence(info.licence)
            _download(studio, info)
        _own_copy(studio, info)


def _download(studio: Studio, info: ModelInfo) -> None:
    job = _latest_fetch(studio, info)
    if job is None or job.ended:
        if job is not None and job.error:
            st.error(plain(job.error), icon=":material/cloud_off:")
        label = "Try the download again" if job is not None and job.error else "Download"
        press = Press(f"download_{info.name}")
        press.show_problems()
        accepted = _accepted(studio, info)
        st.button(
            label,
            icon=":material/download:",
            disabled=not accepted,
            on_click=press.now,
            args=(lambda key: _fetch(studio, info),),
        )
        return
    show_download(studio, job.id)


def _accepted(studio: Studio, info: ModelInfo) -> bool:
    """Whether the model's licence is accepted, or ticked now; one that ships with its text is asked for once."""
    licence = licences.known(info.licence)
    if not acceptance.is_open(studio.settings.home, licence):
        return True
    show_text(licence)
    return st.checkbox(f"I have read the licence {plain(licence.name)} and accept it", key=f"accept_{info.name}")


def _fetch(studio: Studio, info: ModelInfo) -> None:
    acceptance.accept(studio.settings.home, licences.known(info.licence))
    studio.submit(FetchModel(model=info.name), owner=OWNER)


def _latest_fetch(studio: Studio, info: ModelInfo) -> Job | None:
    wanted = FetchModel(model=info.name)
    jobs = studio.jobs(owner=OWNER, kind=FetchModel.kind)
    return next((job for job in jobs if job.request == wanted), None)


def show_model_menu(studio: Studio, info: ModelInfo) -> None:
    """A small menu: add a model of the artist's own, correct or remove the chosen one.

    Args:
        info: the chosen model.
    """
    menu = st.container(key="model_menu")
    with menu.popover("Models", icon=":material/add:", help="Add a model, correct or remove the chosen one"):
        only_switch("generate")
        st.markdown("**Add a model**")
        st.caption("A Stable Diffusion folder in diffusers layout, a .safetensors file, or a hub id such as org/name.")
        _add_form(studio, SOURCE, "Add", None)
        if info.single_file and info.available:
            _correction(studio, info)
        if info.available and not info.path.is_relative_to(studio.settings.weights_dir):
            _few_steps(studio, info)
        if info.added:
            _removal(studio, info)


def show_model_note(info: ModelInfo) -> None:
    """What else to know about the chosen model, such as what decided its prediction type."""
    with st.container():  # a note that comes or goes must not move the fields below it
        added = st.session_state.get(_ADDED, (None, ""))
        if note := added[1] if added[0] == info.name else info.available and info.note:
            st.caption(plain(note))
        if info.available:
            show_licence(info.licence)


def _own_copy(studio: Studio, info: ModelInfo) -> None:
    _add_form(studio, "Or use your own copy: a diffusers folder or a .safetensors file", "Use it", info.name)


def _add_form(studio: Studio, label: str, button: str, name: str | None) -> None:
    with st.form(f"add_{name}", border=False):
        source = st.text_input(label, key=f"source_{name}")
        predicts = st.selectbox("What it predicts", PREDICTS, key=f"predicts_{name}", help=_PREDICTS_HELP)
        few = st.selectbox("Few steps", FEW_STEPS, key=f"few_{name}", help=_FEW_HELP)
        pressed = st.form_submit_button(button, key=f"use_{name}")
    if not pressed:
        return
    try:
        with st.spinner("Looking at the model. A hub id is looked up, for some seconds at most."):
            info = studio.add_model(source, name, PREDICTS[predicts], FEW_STEPS[few])
    except StudioError as error:
        show_refusal({SOURCE: str(error)}, {SOURCE: f"source_{name}"})
    else:
        _choose(info)
        st.rerun()


def _choose(info: ModelInfo) -> None:
    """Choose it when the page runs again, with its note."""
    st.session_state.added_model = info.name
    st.session_state[_ADDED] = (info.name, info.note)


def _correction(studio: Studio, info: ModelInfo) -> None:
    st.divider()
    st.markdown(f"**{plain(info.title)}**")
    st.caption(plain(info.note))
    press = Press(f"correct_{info.name}")
    predicts = st.selectbox("What it predicts", PREDICTS, key=f"corrected_{info.name}", help=_PREDICTS_HELP)
    said = PREDICTS[predicts]
    st.button(
        "Correct it",
        key=f"correct_{info.name}",
        on_click=press.now,
        args=(lambda key: _choose(studio.correct_model(info.name, said)), said),
    )
    press.show_problems()


def _few_steps(studio: Studio, info: ModelInfo) -> None:
    st.divider()
    press = Press(f"few_steps_{info.name}")
    choice = st.selectbox("Few steps", FEW_STEPS, key=f"few_steps_of_{info.name}", help=_FEW_HELP)
    said = FEW_STEPS[choice]
    st.button(
        "Say so",
        key=f"say_few_steps_{info.name}",
        on_click=press.now,
        args=(lambda key: _choose(studio.say_few_steps(info.name, said)), said),
    )
    press.show_problems()


def _removal(studio: Studio, info: ModelInfo) -> None:
    st.divider()
    st.markdown(f"**Remove {plain(info.title)}**")
    delete = False
    if info.hub_id and info.available:
        kept, gone = "Keep its files; it stays in the list", f"Delete its files, {size_text(info.size_bytes)}"
        choice = st.radio("What the studio downloaded for it", [kept, gone], key=f"files_{info.name}")
        delete = choice == gone
    else:
        st.caption("It leaves the list. Files that you have stay where they are.")
    press = Press(f"remove_{info.name}")
    st.button(
        "Remove",
        key=f"remove_{info.name}",
        icon=":material/playlist_remove:",
        on_click=press.now,
        args=(lambda key: _remove(studio, info.name, delete), delete),
    )
    press.show_problems()


def _remove(studio: Studio, name: str, delete_files: bool) -> None:
    studio.remove_model(name, delete_files)
    if name not in {info.name for info in studio.models()}:
        st.session_state.added_model = studio.default_model().name
