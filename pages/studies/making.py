"""The form of a new study."""

from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import streamlit as st

from engine.errors import StudioError
from engine.opinions.pictures import Matched, combined, match
from engine.opinions.studies import Studies
from engine.opinions.study import CONSENT, KINDS, MOST_CONTENTS, MOST_NAME, MOST_TEXT, REAL, Study, trials_of
from engine.rules import counted
from gallery.errors import GalleryError
from gallery.questions.query import Query
from pages.parts.common import OWNER, STUDIO, open_studio
from pages.parts.fields import show_refusal, with_jump
from pages.studies.grouping import KINDS as OF_SOURCE
from pages.studies.grouping import MOST_PICTURES, PHOTOS, SOURCES, Groups, groups_of

FOLDERS = "folders"
PLACES = {
    "title": "study_title",
    "contents": "study_most",
    "repeats": "study_repeats",
    "least_seconds": "study_least",
    "glimpse_seconds": "study_glimpse",
}
_SOURCES = {**SOURCES, FOLDERS: "Folders on this computer, one for each method"}


class Missing(NamedTuple):
    """Why there are no pictures yet, and the field that says which."""

    text: str
    field: str = "methods"


def show_making(studies: Studies) -> Study | None:
    """The form; returns the study that a press has made."""
    title = st.text_input("Title", max_chars=MOST_NAME, key="study_title", help="Participants see it.")
    kind = st.selectbox("What people do", list(KINDS), format_func=KINDS.__getitem__, key="study_kind")
    source = st.selectbox("Pictures", list(_SOURCES), format_func=_SOURCES.__getitem__, key="study_source")
    matched = _matched(source, kind)
    repeats = st.number_input(
        "Questions asked twice", 0, 50, 4, key="study_repeats", help="Hidden; they show who answers by chance."
    )
    with st.expander("More"):
        question = st.text_input("Question, in place of the usual ones", max_chars=200, key="study_question")
        least = st.number_input("Look at least (seconds)", 0.0, 60.0, 1.0, 0.5, key="study_least")
        glimpse = st.number_input("Real or made: seen for (seconds)", 0.1, 60.0, 1.0, 0.1, key="study_glimpse")
        consent = st.text_area("What participants agree to", CONSENT, max_chars=MOST_TEXT, key="study_consent")
    if isinstance(matched, Matched):
        methods = len(next(iter(matched.files.values())))
        asked = trials_of(kind, methods, len(matched.files), int(repeats))
        st.caption(f"{counted(len(matched.files), 'content')}; each participant is asked {asked} times.")
    elif matched.text:
        st.info(with_jump(*matched, _places(source)))
    values: dict[str, Any] = {
        "repeats": int(repeats),
        "question": question,
        "least_seconds": least,
        "glimpse_seconds": glimpse,
        "consent": consent,
    }
    if not st.button("Make this study", type="primary", key="make_study"):
        return None
    if not isinstance(matched, Matched):
        text = "A study needs pictures of the same contents by two methods or more."
        show_refusal({matched.field: text}, _places(source))
        return None
    try:
        return studies.create(title, kind, matched, **values)
    except (StudioError, OSError) as error:
        show_refusal({getattr(error, "field", "") or STUDIO: str(error)}, _places(source))
        return None


def _places(source: str) -> dict[str, str]:
    """The keys of the fields' widgets."""
    if source == FOLDERS:
        return PLACES | {"methods": "study_folders", "originals": "study_originals"}
    return PLACES | {"methods": "study_methods", "originals": "study_source", "pictures": "study_source"}


def _matched(source: str, kind: str) -> Matched | Missing:
    """The pictures that are chosen, or what is missing."""
    try:
        found = _from_folders(kind) if source == FOLDERS else _from_gallery(source, kind)
    except (StudioError, GalleryError) as error:
        return Missing(str(error), getattr(error, "field", ""))
    return found if isinstance(found, Matched | Missing) else Missing(found)


def _from_folders(kind: str) -> Matched | str:
    text = st.text_area(
        "Methods and their folders",
        placeholder="classical = ~/results/classical\nnijigan = ~/results/nijigan",
        key="study_folders",
        help="One a line: a name, an equals sign, a folder. Files of the same content have the same name.",
    )
    originals = st.text_input("Folder of the originals", key="study_originals", placeholder="may be left empty")
    most = _most(MOST_CONTENTS)
    control = _control(kind, bool(originals.strip()))
    lines = [line.partition("=") for line in text.splitlines() if line.strip()]
    if len(lines) < 2:
        return "Name two folders or more."
    folders = {name.strip(): _path(folder) for name, _, folder in lines}
    if len(folders) < len(lines):
        return "Each method has a name of its own; two of them are the same."
    return match(folders, _path(originals) if originals.strip() else None, control, most)


def _most(value: int) -> int:
    return int(st.number_input("Contents, at most", 1, MOST_CONTENTS, value, key="study_most"))


def _path(text: str) -> Path:
    path = Path(text.strip())
    with suppress(RuntimeError):  # a "~" that names nobody stays as it is, and the folder is not found
        path = path.expanduser()
    return path


def _control(kind: str, can: bool) -> bool:
    if kind == REAL:
        return True
    return st.checkbox("Hide the originals among them", key="study_control", disabled=not can) and can


def _from_gallery(source: str, kind: str) -> Matched | Missing | str:
    groups = _groups(source)
    methods = {name: found for name, found in groups.found.items() if found}
    if len(methods) < 2:
        text = "The gallery has no pictures of the same content by two methods yet. Draw them first, or choose folders."
        return Missing(text, "pictures")  # without a choice of methods, which there are none of
    chosen = st.multiselect(
        "Methods",
        sorted(methods, key=lambda name: -len(methods[name])),
        format_func=lambda name: f"{name} ({len(methods[name])})",
        key="study_methods",
    )
    most = _most(10)
    control = _control(kind, source == PHOTOS)
    if control and source != PHOTOS:
        text = "Real or made needs the originals, which prompts do not have. Choose photos, or folders."
        return Missing(text, "pictures")
    if len(chosen) + control < 2:
        return "Choose two methods or more."
    try:
        return combined({name: methods[name] for name in chosen}, groups.originals, control, most)
    except StudioError:
        return "These methods have no content in common. Draw the same photos, or prompts and seeds, with each."


@st.cache_data(ttl=20, max_entries=4, show_spinner="Looking through the gallery")
def _groups(source: str) -> Groups:
    studio = open_studio()
    ids = studio.gallery.ids(Query(kinds=OF_SOURCE[source], owner=OWNER), MOST_PICTURES)
    groups = groups_of(studio, source, studio.gallery.several(ids, OWNER))
    return Groups(dict(groups.found), groups.originals)
