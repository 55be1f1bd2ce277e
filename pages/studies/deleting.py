"""Deleting a study: asked a second time, since everybody's answers go with it."""

from contextlib import suppress

import streamlit as st

from engine.opinions.studies import Studies
from engine.opinions.study import Study, StudyRefused
from engine.rules import counted
from pages.parts.attention import toast

CHOSEN = "study"  # in the address: the study that the page shows


def show_deleting(studies: Studies, study: Study) -> None:
    """A button that asks once more."""
    answered = sum(1 for each in studies.participants(study) if each.answers)
    gone = f"its pictures and the answers of {counted(answered, 'participant')}" if answered else "its pictures"
    with st.popover("Delete this study", type="tertiary", icon=":material/delete:"):
        st.caption(
            f"The study, {gone} are deleted at once, and cannot be brought back. The pictures that it was made from "
            "stay where they are. Whoever is answering just now is told that the link opens no study any more."
        )
        st.button("Delete for good", key="delete_study", on_click=_delete, args=(studies, study))


def _delete(studies: Studies, study: Study) -> None:
    with suppress(StudyRefused):  # deleted meanwhile, in another tab
        studies.delete(study.id)
    st.query_params.pop(CHOSEN, None)
    toast("The study is deleted.")
