"""What came out of a study: tables with intervals, a plain word, the people, downloads."""

import json
import math
from contextlib import suppress
from typing import Any

import altair as alt
import streamlit as st

from engine.opinions.estimates import Estimate
from engine.opinions.export import as_csv, as_values
from engine.opinions.published import PUBLISHED
from engine.opinions.records import Participant
from engine.opinions.results import Person, Question, Results, results_of
from engine.opinions.studies import Studies
from engine.opinions.study import RATINGS, Study, StudyRefused
from engine.rules import counted
from pages.parts.common import plain


def show_outcome(studies: Studies, study: Study) -> None:
    """The results so far, anew with every look."""
    participants = studies.participants(study)
    if not any(each.answers for each in participants):
        st.info("Nobody has answered yet.")
        return
    without = st.toggle(
        "Leave out who answers by chance",
        key="without_careless",
        help="Those who answer repeated questions no more alike than chance would.",
    )
    found = _results(study.id, _answered(study, participants), without, study, participants)
    st.caption(plain(_of_how_many(found)))
    for question in found.questions:
        _question(study, question)
    _people(studies, study, found)
    with st.container(horizontal=True):
        st.download_button("Every answer (CSV)", as_csv(study, participants), f"study-{study.id}.csv", "text/csv")
        values = json.dumps(as_values(found), ensure_ascii=False, indent=2)
        st.download_button("Results (JSON)", values, f"study-{study.id}.json", "application/json")
    with st.expander("As published"):
        st.caption("What the studies printed, by their own people and pictures; not to be compared one to one.")
        for title, printed in PUBLISHED.items():
            st.markdown(f"**{title}**")
            st.table({"method": list(printed), "published": list(printed.values())})


def _of_how_many(found: Results) -> str:
    """N, and who answers by chance."""
    careless = [person.id for person in found.people if person.careless]
    people = sum(1 for person in found.people if person.answers) - found.left_out
    words = f"N = {counted(people, 'participant')}, {counted(len(found.study.contents), 'content')}."
    if not careless:
        return words
    said = "answers repeated questions" if len(careless) == 1 else "answer repeated questions"
    left_out = " and left out" if found.left_out else ""
    return f"{words} {counted(len(careless), 'participant')} {said} as by chance{left_out}: {', '.join(careless[:10])}."


def _answered(study: Study, participants: list[Participant]) -> tuple[object, ...]:
    """What results follow from: answers are only added or, with their participant, removed; a study may be closed."""
    return study.closed_at, *((each.id, len(each.answers)) for each in participants)


# Refitting pairs takes a second.
@st.cache_data(max_entries=8, show_spinner="Counting")
def _results(
    study_id: str, answered: tuple[object, ...], without: bool, _study: Study, _participants: list[Participant]
) -> Results:
    return results_of(_study, _participants, without)


def _question(study: Study, question: Question) -> None:
    st.markdown(f"### {plain(question.text)}")
    st.markdown(f"**{plain(question.verdict)}**")
    rows = [
        {
            "Method": plain(row.method),
            "Mean": _number(row.score.mean),
            "95% interval": _range(row.score),
            "SD": _number(row.score.deviation),
            "Answers": row.score.answers,
            "Less than the best": _range(row.to_best, mean=True) if row.to_best else "",
            **({"Strength": _strength(row.strength)} if row.strength else {}),
        }
        for row in question.rows
    ]
    st.table(rows)  # text, not a canvas: it is read aloud, found and copied
    _plot(study, question)
    alpha = "too little to tell" if question.alpha is None else f"{question.alpha:.2f}"
    st.caption(f"Agreement between people (Krippendorff's alpha, 1 is perfect, 0 is chance): {alpha}.")


def _plot(study: Study, question: Question) -> None:
    rows: list[dict[str, Any]] = [
        {"method": row.method, "mean": row.score.mean, "low": row.score.low, "high": row.score.high}
        for row in question.rows
        if not math.isnan(row.score.low)
    ]
    if not rows:
        return
    domain = [1, 5] if study.kind == RATINGS else [0, 1]
    base = alt.Chart(alt.Data(values=rows)).encode(y=alt.Y("method:N", sort=None, title=None))
    scale = alt.Scale(domain=domain)
    low = alt.X("low:Q", scale=scale, title="mean, 95% interval")
    bars = base.mark_rule(strokeWidth=2, clip=True).encode(x=low, x2="high:Q")  # not over the names beside the scale
    st.altair_chart(bars + base.mark_point(filled=True, size=80).encode(x=alt.X("mean:Q", scale=scale)))


def _people(studies: Studies, study: Study, found: Results) -> None:
    if found.first_place:
        share, chance = found.first_place
        st.caption(f"What stood first was chosen in {share:.0%} of the answers; chance gives {chance:.0%}.")
    with st.expander(f"Participants ({len(found.people)})"):
        st.dataframe([_person(person) for person in found.people], hide_index=True)
        numbers = [person.id for person in found.people]
        with st.container(horizontal=True, vertical_alignment="bottom"):
            # Nobody is chosen by itself: the second press of a double click would delete the next one.
            chosen = st.selectbox("Delete somebody's answers", numbers, index=None, key="delete_whom", width=260)
            args = (studies, study, chosen)
            st.button("Delete for good", key="delete_person", on_click=_delete, args=args, disabled=not chosen)


def _person(person: Person) -> dict[str, Any]:
    alike = "no repeats yet" if math.isnan(person.repeatability) else f"{person.repeatability:.0%}"
    return {
        "Number": person.id,
        "Answered": f"{person.answers} of {person.asked}",
        "Repeats alike": alike + (" (as by chance)" if person.careless else ""),
        "Median seconds": _number(person.seconds),
    }


def _delete(studies: Studies, study: Study, participant: str) -> None:
    with suppress(StudyRefused):  # deleted meanwhile, in another tab
        studies.delete_participant(study, participant)


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.2f}"


def _range(found: Estimate, mean: bool = False) -> str:
    if math.isnan(found.low):
        return _number(found.mean) if mean else ""
    span = f"{found.low:.2f} to {found.high:.2f}"
    return f"{found.mean:.2f} ({span})" if mean else span


def _strength(strength: tuple[float, float, float]) -> str:
    return f"{strength[0]:.2f} ({strength[1]:.2f} to {strength[2]:.2f})"
