"""Studies: ask people, blind, which pictures are better, and read what they said."""

import streamlit as st

from engine.errors import StudioError
from engine.opinions.studies import Studies
from engine.opinions.study import KINDS, Study, StudyRefused
from engine.rules import counted
from pages.parts.common import open_studio, plain, when
from pages.studies.alone import show_alone
from pages.studies.deleting import CHOSEN, show_deleting
from pages.studies.making import show_making
from pages.studies.outcome import show_outcome
from pages.studies.serving import show_serving


def main() -> None:
    """The studies that are there, or the one that the address names."""
    studies = Studies(open_studio().settings.home)
    if chosen := st.query_params.get(CHOSEN):
        _one(studies, chosen)
        return
    there = studies.all()
    if not there:
        st.markdown(
            "Let people say which pictures are better, without knowing who made them: ratings, the best of several, "
            "pairs, or real against made. A study needs pictures of the same contents by two methods or more."
        )
    for study in there:
        _row(studies, study)
    with st.expander("New study", icon=":material/add:", expanded=not there):
        if made := show_making(studies):
            st.query_params[CHOSEN] = made.id
            st.rerun()


def _row(studies: Studies, study: Study) -> None:
    people = sum(1 for each in studies.participants(study) if each.answers)
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        state = f"closed {when(study.closed_at)}" if study.closed_at else "open"
        who = "by your own eye" if study.at_home else counted(people, "participant")
        facts = f"{KINDS[study.kind]}, {who}, {state}"
        st.markdown(f"**{plain(study.title)}**  \n{plain(facts)}")
        st.space("stretch")
        st.button("Open", key=f"see_{study.id}", on_click=_see, args=(study.id,))


def _see(study_id: str) -> None:
    st.query_params[CHOSEN] = study_id


def _back() -> None:
    st.query_params.pop(CHOSEN, None)


def _one(studies: Studies, study_id: str) -> None:
    st.button("All studies", icon=":material/arrow_back:", type="tertiary", on_click=_back, shortcut="Esc")
    try:
        study = studies.get(study_id)
    except StudyRefused as refused:
        st.error(plain(refused), icon=":material/error:")
        return
    if study.at_home:
        show_alone(studies, study)
        return
    st.markdown(f"## {plain(study.title)}")
    facts = (
        KINDS[study.kind],
        counted(len(study.methods), "method"),
        counted(len(study.contents), "content"),
        f"made {when(study.created_at)}",
    )
    st.caption(plain(", ".join(facts)))
    try:
        if study.closed_at is None:
            show_serving(studies, study)
        show_outcome(studies, study)
        show_deleting(studies, study)
    except (StudioError, OSError) as error:
        st.error(plain(error), icon=":material/error:")


main()
