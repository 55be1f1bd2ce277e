"""A study that one person judges in the studio: the questions, then what the eye has chosen. Blind until the end."""

import streamlit as st

from engine.errors import StudioError
from engine.lora.runs.listing import installed_name
from engine.opinions.alone import Alone, alone_of
from engine.opinions.records import Participant
from engine.opinions.studies import Studies
from engine.opinions.study import Study
from engine.rules import counted, rough_duration
from pages.parts.common import EVALUATE, open_studio, plain
from pages.studies.deleting import show_deleting
from pages.studies.taking import ask

SECONDS_EACH = 4  # about, for a choice
_JUDGING = "judging"  # in the session: the study that is judged just now


def judge_of(studies: Studies, study: Study) -> Participant | None:
    """Who judges; None before the first question."""
    return next(iter(studies.participants(study)), None)


def show_alone(studies: Studies, study: Study) -> None:
    """The next question, or how far it is, or the outcome."""
    judge = judge_of(studies, study)
    found = alone_of(study, judge)
    over = found.done or study.closed_at is not None
    if judge and not over and st.session_state.get(_JUDGING) == study.id:
        ask(studies, study, judge)
        st.button("Pause", key="pause_judging", icon=":material/pause:", type="tertiary", on_click=_pause)
        return
    st.markdown(f"## {plain(study.title)}")
    try:
        if over:
            _outcome(study, found)
        else:
            _offer(studies, study, found)
        show_deleting(studies, study)
    except (StudioError, OSError) as error:
        st.error(plain(error), icon=":material/error:")


def _offer(studies: Studies, study: Study, found: Alone) -> None:
    left = found.asked - found.answered
    st.markdown(
        f"{counted(left, 'question')} left, about {rough_duration(left * SECONDS_EACH)}: which picture do you like "
        "better? You are not told who drew which before the end; some questions come twice. By mouse or by the keys on "
        "the buttons."
    )
    with st.container(horizontal=True):
        label = "Go on" if found.answered else "Begin"
        st.button(label, key="begin_judging", type="primary", on_click=_begin, args=(studies, study))
        if found.answered:
            with st.popover("End here", type="tertiary"):
                st.caption("What you answered counts. It cannot be gone on with.")
                st.button("End and see", key="end_judging", on_click=studies.close, args=(study.id,))


def _begin(studies: Studies, study: Study) -> None:
    if judge_of(studies, study) is None:
        studies.join(study)
    st.session_state[_JUDGING] = study.id


def _pause() -> None:
    st.session_state.pop(_JUDGING, None)


def _outcome(study: Study, found: Alone) -> None:
    show_choice(study, found)
    if run := study.subject.get("run"):
        lora = installed_name(open_studio().settings.runs_dir / str(run)) or str(run)
        st.page_link(
            EVALUATE,
            label="Beside what was measured, and use it",
            icon=":material/query_stats:",
            query_params={"lora": lora, "view": "By eye, blind"},
        )


def show_choice(study: Study, found: Alone) -> None:
    """The verdict, and a line for each method."""
    st.markdown(f"**{plain(found.verdict)}**")
    st.dataframe(
        [{"Method": each.method, "Chosen": f"{each.won:g} of {each.of}"} for each in found.chosen], hide_index=True
    )
    words = f"{found.answered} of {found.asked} questions answered."
    if found.alike[1]:
        words += (
            f" Of {counted(found.alike[1], 'question')} that came twice you answered {found.alike[0]} the same way."
        )
    st.caption(words)
