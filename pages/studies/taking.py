"""How a participant sees a study: consent, one question at a time, thanks."""

import time

import streamlit as st

from engine.errors import StudioError
from engine.opinions.records import Participant
from engine.opinions.studies import Studies
from engine.opinions.study import EQUAL, PAIRS, RATINGS, REAL, SCORES, Study, StudyRefused
from engine.opinions.trials import Trial, trials_for
from engine.rules import rough_duration
from pages.parts.common import plain

ME = "me"  # in the address: the participant's number, so that the same link goes on where it stopped
SECONDS_EACH = 6  # about, for an answer
_SHOWN, _DRAFT, _SAID = "study_shown", "study_draft", "study_said"
# Hidden by the browser itself, so a slow network makes no look longer.
_GLIMPSE = (
    "<style>@keyframes gone {{ to {{ visibility: hidden; }} }} .st-key-glimpse_{position} img "
    "{{ animation: gone 0s {seconds}s forwards; }}</style>"
)
_QUESTION = (
    "<style>[data-testid='stElementToolbar'], .st-key-answers kbd { display: none; }"
    "button kbd { color: inherit !important; opacity: 1 !important; }"
    ".stImage img { max-height: 62vh; width: auto; } .stImage { align-items: center; margin-inline: auto; }</style>"
)
_PLAIN = (
    "<style>[data-testid='stMainMenu'] { display: none; }"
    ".stMainBlockContainer { padding-top: 2rem; max-width: 1200px; }</style>"
)


def show_study(studies: Studies, study: Study) -> None:
    """The study at the place where this participant is."""
    st.html(_PLAIN)
    participant = _participant(studies, study)
    if participant is None:
        _welcome(studies, study)
        return
    trials = trials_for(study, participant.id)
    done = len(participant.answers)
    if done == len(trials):
        _thanks(participant)
    elif study.closed_at is not None:
        st.info("This study has ended. What you answered is kept. Thank you!")
    else:
        ask(studies, study, participant)


def ask(studies: Studies, study: Study, participant: Participant) -> None:
    """The next question of somebody who has some left."""
    st.html(_QUESTION)
    trials, done = trials_for(study, participant.id), len(participant.answers)
    st.progress(done / len(trials), f"{done + 1} of {len(trials)}")
    _ask(studies, study, participant, trials[done])


def _participant(studies: Studies, study: Study) -> Participant | None:
    if ME not in st.query_params:
        return None
    return studies.participant(study, st.query_params[ME])


def _welcome(studies: Studies, study: Study) -> None:
    st.markdown(f"# {plain(study.title)}")
    if study.closed_at is not None:
        st.info("This study has ended, and takes no more answers. Thank you for wanting to take part.")
        return
    count = len(trials_for(study, ""))
    st.markdown(f"{count} questions, about {rough_duration(count * SECONDS_EACH)}.")
    st.markdown(plain(study.consent))
    if st.button("I agree. Begin", type="primary", shortcut="Enter"):
        st.query_params[ME] = studies.join(study).id
        st.rerun()


def _thanks(participant: Participant) -> None:
    st.markdown("# Thank you!")
    st.markdown(f"Your answers are kept under the number `{participant.id}`. Give it to whoever sent you here if they "
                "are to be deleted. You can close this page.")  # fmt: skip


def _ask(studies: Studies, study: Study, participant: Participant, trial: Trial) -> None:
    shown = st.session_state.get(_SHOWN)
    if shown is None or shown[0] != (participant.id, trial.position):
        shown = st.session_state[_SHOWN] = ((participant.id, trial.position), time.monotonic())
        st.session_state[_DRAFT] = {}
    draft: dict[str, int | str] = st.session_state[_DRAFT]
    open_question = next(name for name in study.questions if name not in draft)
    st.markdown(f"## {plain(study.questions[open_question])}")
    if said := st.session_state.pop(_SAID, None):
        st.warning(plain(said))
    if study.at_home:
        st.caption(plain(trial.content))
    if len(trial.shown) == 1:
        _one(studies, study, trial)
        _answers(studies, study, participant, trial, open_question)
    else:
        _several(studies, study, participant, trial)


def _one(studies: Studies, study: Study, trial: Trial) -> None:
    name = study.pictures[trial.content][trial.shown[0]]
    if study.kind == REAL:
        st.html(_GLIMPSE.format(position=trial.position, seconds=study.glimpse_seconds))
        with st.container(key=f"glimpse_{trial.position}", horizontal_alignment="center"):
            st.image(studies.picture(study, name), alt="The picture")
        return
    original = study.originals.get(trial.content)
    grid = st.grid(2) if original else st.container(horizontal_alignment="center")
    if original:
        with grid.container():
            st.image(studies.picture(study, original), caption="The original", alt="The original")
    with grid.container(horizontal_alignment="center"):
        st.image(studies.picture(study, name), caption="Your opinion of this one", alt="The picture")


def _answers(studies: Studies, study: Study, participant: Participant, trial: Trial, question: str) -> None:
    choices: list[tuple[int | str, str, str]] = (
        [(score, f"{score} {word}", str(score)) for score, word in SCORES.items()]
        if study.kind == RATINGS
        else [("real", "Real", "Left"), ("made", "Made", "Right")]
    )
    with st.container(horizontal=True, horizontal_alignment="center", key="answers"):
        for value, label, key in choices:
            args = (studies, study, participant, trial, question, value)
            st.button(label, key=f"say_{value}", shortcut=key, on_click=_say, args=args)
    if st.session_state[_DRAFT]:
        st.button("Back", icon=":material/undo:", type="tertiary", shortcut="Backspace", on_click=_take_back)


def _several(studies: Studies, study: Study, participant: Participant, trial: Trial) -> None:
    if original := study.originals.get(trial.content):
        with st.container(horizontal=True, horizontal_alignment="center"):
            st.image(studies.picture(study, original), caption="The original", width=260, alt="The original")
    grid = st.grid(2) if study.kind == PAIRS else st.grid(min_column_width=260)
    for place, method in enumerate(trial.shown):
        with grid.container():
            st.image(studies.picture(study, study.pictures[trial.content][method]), alt=f"Picture {place + 1}")
            key = ("Left", "Right")[place] if study.kind == PAIRS else str(place + 1) if place < 9 else None
            args = (studies, study, participant, trial, study.kind, method)
            st.button("This one", key=f"say_{place}", width="stretch", shortcut=key, on_click=_say, args=args)
    if study.kind == PAIRS:
        args = (studies, study, participant, trial, study.kind, EQUAL)
        with st.container(horizontal=True, horizontal_alignment="center"):
            st.button("Cannot tell", key="say_equal", shortcut="Down", on_click=_say, args=args)


def _say(
    studies: Studies, study: Study, participant: Participant, trial: Trial, question: str, value: int | str
) -> None:
    """Keep an answer; of several questions about a picture only when all are answered."""
    which, since = st.session_state[_SHOWN]
    if which != (participant.id, trial.position):
        return
    draft = {**st.session_state[_DRAFT], question: value}
    if len(draft) < len(study.questions):
        st.session_state[_DRAFT] = draft
        return
    try:
        studies.answer(study, participant.id, trial.position, draft, time.monotonic() - since)
    except StudyRefused as refused:
        st.session_state[_SAID] = str(refused)
    except (StudioError, OSError):  # such as a full disk; participants are told nothing about the machine
        st.session_state[_SAID] = "This answer could not be kept. Please try again in a while."


def _take_back() -> None:
    draft = st.session_state[_DRAFT]
    st.session_state[_DRAFT] = dict(list(draft.items())[:-1])
