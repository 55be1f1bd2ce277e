"""Changes of many captions: by rules, by find and replace, with a trigger word; each is shown before it is made."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import streamlit as st

from engine.datasets.caption_edits import History, Replace, edited
from engine.datasets.captions import read_rules
from engine.datasets.index import relative_name
from engine.datasets.pictures import CaptionedPicture
from engine.datasets.rule_files import keep_rules, rule_files
from engine.rules import counted
from engine.studio import Studio
from pages.parts.common import PEOPLE_ERRORS, STUDIO, plain, show_problems
from pages.parts.submit import problems_of
from pages.train.automatic_captions import show_automatic
from pages.train.caption_table import by_hand, edited_captions, forget_hand, with_hand

HAND, AUTOMATIC = "By hand", "By BLIP"
REPLACE, RULES, TRIGGER = "Find and replace", "Rules", "Trigger word"
PROBLEMS = "caption_problems"
Captions = Mapping[Path, str]


def show_captions(studio: Studio, folder: Path, pictures: Sequence[CaptionedPicture]) -> None:
    """The captions, ways to change them, and the way back."""
    history = History(studio.settings.home, folder)
    way = st.segmented_control(
        "Change captions",
        [HAND, AUTOMATIC, REPLACE, RULES, TRIGGER],
        default=HAND,
        required=True,
        key="caption_way",
        wrap=True,
    )
    if way == AUTOMATIC:
        _automatic(studio, folder, pictures)
        _buttons(history, pictures, by_hand(pictures), HAND)
        show_problems(st.session_state.pop(PROBLEMS, {}), "captions", STUDIO)
        return
    written = with_hand(pictures)  # what was not saved yet is not lost to another way: that goes on from there
    try:
        changes = {
            HAND: lambda: edited_captions(pictures),
            REPLACE: lambda: _replaced(written),
            RULES: lambda: edited(written, rules=read_rules(chosen_rules(studio, "tool"))),
            TRIGGER: lambda: edited(written, trigger=st.text_input("Word in front of every caption", key="bulk_word")),
        }[way or HAND]()
    except PEOPLE_ERRORS as error:
        st.error(plain(error), icon=":material/error:")
        changes = {}
    changes = {**by_hand(pictures), **changes}
    if way != HAND:
        show_changes(folder, pictures, changes)
    _buttons(history, pictures, changes, way or HAND)
    show_problems(st.session_state.pop(PROBLEMS, {}), "captions", STUDIO)


def _automatic(studio: Studio, folder: Path, pictures: Sequence[CaptionedPicture]) -> None:
    extend = st.toggle("Extend them by rules", key="caption_extend")
    show_automatic(studio, folder, pictures, chosen_rules(studio, "automatic") if extend else None)


def chosen_rules(studio: Studio, place: str) -> Path:
    """The file of rules that is chosen, the studio's own at first; others can be brought.

    Args:
        place: tells the widgets apart.
    """
    files = rule_files(studio.settings.home)
    names = list(files)
    newest = st.session_state.pop(f"rules_brought_{place}", None)
    if newest in names:
        st.session_state[f"rules_{place}"] = newest
    name = st.selectbox("Rules", names, key=f"rules_{place}")
    with st.popover("Bring rules of your own", icon=":material/upload_file:"):
        st.download_button(
            "The studio's rules, to begin with",
            rule_files(studio.settings.home)[names[0]].read_bytes(),
            "caption_rules.toml",
            key=f"rules_template_{place}",
            on_click="ignore",
        )
        number = st.session_state.setdefault(f"rule_uploads_{place}", 0)
        file = st.file_uploader("A TOML file of rules", type=["toml"], key=f"rule_file_{place}_{number}")
        if file is not None:
            _bring(studio, place, file.name, file.getvalue())
    return files.get(name, files[names[0]])


def _bring(studio: Studio, place: str, name: str, data: bytes) -> None:
    try:
        kept = keep_rules(studio.settings.home, name, data)
    except PEOPLE_ERRORS as error:
        st.error(plain(error), icon=":material/error:")
        return
    st.session_state[f"rules_brought_{place}"] = kept
    st.session_state[f"rule_uploads_{place}"] += 1
    st.rerun()


def _replaced(pictures: Sequence[CaptionedPicture]) -> Captions:
    left, right = st.columns(2)
    find = left.text_input("Find", key="caption_find")
    replace = right.text_input("Replace with", key="caption_replace", placeholder="nothing: take it out")
    whole = left.toggle("Whole words", value=True, key="caption_whole")
    case = right.toggle("Capital letters matter", key="caption_case")
    return edited(pictures, replace=Replace(find, replace, whole, case)) if find.strip() else {}


def show_changes(folder: Path, pictures: Sequence[CaptionedPicture], changes: Captions) -> None:
    """Every caption that would change, as it is and as it would be."""
    if not changes:
        st.caption("No caption would change.")
        return
    rows = [
        {"picture": relative_name(folder, each.path), "now": each.caption, "then": changes[each.path]}
        for each in pictures
        if each.path in changes
    ]
    columns = {"picture": "Picture", "now": "Caption now", "then": "Caption then"}
    st.dataframe(rows, hide_index=True, width="stretch", column_config=columns)


def _buttons(history: History, pictures: Sequence[CaptionedPicture], changes: Captions, way: str) -> None:
    with st.container(horizontal=True):
        if changes:
            label = "Save" if way == HAND else "Change"
            words = f"{label} {counted(len(changes), 'changed caption' if way == HAND else 'caption')}"
            if st.button(words, key="save_captions", type="primary"):
                _do(lambda: _save(history, pictures, changes))
        if history.can_undo() and st.button("Undo", key="undo_captions", icon=":material/undo:"):
            _do(lambda: history.undo(pictures))
        if history.can_redo() and st.button("Redo", key="redo_captions", icon=":material/redo:"):
            _do(lambda: history.redo(pictures))


def _save(history: History, pictures: Sequence[CaptionedPicture], changes: Captions) -> None:
    history.apply(pictures, changes)
    forget_hand(pictures)


def _do(act: Callable[[], object]) -> None:
    st.session_state[PROBLEMS] = problems_of(act)
    st.rerun()
