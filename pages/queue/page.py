"""Queue: what is at work, what waits and in which order, and what ended; to reorder, pause, cancel and ask again."""

from collections.abc import Callable, Sequence

import streamlit as st

from engine.jobs.estimate import Estimates
from engine.jobs.lanes import NAMES, RULE
from engine.jobs.records import Job
from engine.jobs.schema import LANES, QUEUED
from engine.rules import counted
from engine.studio import Studio
from pages.parts.common import OWNER, PEOPLE_ERRORS, duration, open_studio, plain, when
from pages.parts.paused import resume_button
from pages.parts.progress import progress_text, stop_button
from pages.parts.submit import Press

POLL_SECONDS, IDLE_SECONDS = 2.0, 10.0  # others may ask while nothing is at work here
MOST_SHOWN = 30  # waiting jobs of a lane; the rest is counted
ENDED_SHOWN = 10
ENDED_LOOKED_AT = 100  # newest jobs among which one may just have ended
_SAID, _ASKED, _ENDED = "queue_said", "queue_asked", "queue_ended"


def main() -> None:
    """The lanes with their jobs, then those that ended."""
    studio = open_studio()
    st.caption(RULE)
    active = bool(studio.jobs(active=True, limit=1))
    st.fragment(_queue, run_every=POLL_SECONDS if active else IDLE_SECONDS)(studio)
    _ended(studio)


def _queue(studio: Studio) -> None:
    ended_before = st.session_state.get(_ENDED)
    newest_end = max((job.finished_at or 0.0 for job in studio.jobs(limit=ENDED_LOOKED_AT) if job.ended), default=0.0)
    st.session_state[_ENDED] = newest_end
    if ended_before is not None and newest_end != ended_before:
        st.rerun()  # what has ended is shown outside of this part of the page
    if said := st.session_state.pop(_SAID, None):
        st.warning(plain(said), icon=":material/info:")
    running = studio.jobs(running=True)
    estimates = Estimates(studio.queue)
    found = False
    for lane in LANES:
        at_work, waiting = [job for job in running if job.lane == lane], studio.queue.waiting(lane)
        waiting = [job for job in waiting if job.id not in {each.id for each in at_work}]  # put back in between
        _lane(studio, lane, at_work, waiting, estimates)
        found = found or any(job.owner == OWNER for job in (*at_work, *waiting))
    if found:
        _cancel_all(studio)


def _lane(studio: Studio, lane: str, at_work: Sequence[Job], waiting: Sequence[Job], estimates: Estimates) -> None:
    paused = lane in studio.queue.lanes.paused()
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"## {NAMES[lane]}")
        if paused:
            resume_button(studio, lane)
        else:
            label = f"Pause {NAMES[lane].lower()}"
            _button(label, f"pause_{lane}", ":material/pause:", lambda: studio.queue.lanes.pause(lane))
    if paused:
        st.warning("Paused: nothing of these is begun before you continue.", icon=":material/pause_circle:")
    elif not (at_work or waiting):
        st.caption("Nothing waits.")
    for job in at_work:
        with st.container(border=True):
            _words(studio, job, f"At work: {progress_text(studio, job)}")
            if job.owner == OWNER:
                stop_button(studio, job)
    _waiting(studio, waiting, _begins(at_work, waiting, estimates), estimates)


def _begins(at_work: Sequence[Job], waiting: Sequence[Job], estimates: Estimates) -> list[float | None]:
    """Seconds until each waiting job begins, if nothing of another lane comes between; None where unknown."""
    begins: list[float | None] = []
    left: float | None = 0.0
    for job in [*at_work, *waiting]:
        if job.state == QUEUED:
            begins.append(left)
        own = estimates.seconds(job)
        left = None if left is None or own is None else left + own
    return begins


def _waiting(studio: Studio, waiting: Sequence[Job], begins: Sequence[float | None], estimates: Estimates) -> None:
    own = [job.id for job in waiting if job.owner == OWNER]
    for place, job in enumerate(waiting[:MOST_SHOWN], 1):
        with st.container(border=True):
            _words(studio, job, _when(place, begins[place - 1], estimates.seconds(job)))
            if job.owner == OWNER:
                _moves(studio, job, first=job.id == own[0], last=job.id == own[-1])
    if len(waiting) > MOST_SHOWN:
        st.caption(f"… and {len(waiting) - MOST_SHOWN} more waiting")


def _words(studio: Studio, job: Job, words: str) -> None:
    owner = "" if job.owner == OWNER else f"{job.owner}: "
    st.markdown(f"**{plain(owner + studio.title(job))}**  \n{words}")


def _when(place: int, begins: float | None, seconds: float | None) -> str:
    words = f"Number {place}"
    if seconds is not None:
        words += f", takes about {duration(seconds)}"
    if begins:
        words += f", begins in about {duration(begins)}"
    return words


def _moves(studio: Studio, job: Job, *, first: bool, last: bool) -> None:
    queue = studio.queue
    with st.container(horizontal=True, gap="small"):
        _button("To the front", f"front_{job.id}", ":material/first_page:", lambda: queue.to_front(job.id), first)
        _button("Up", f"up_{job.id}", ":material/arrow_upward:", lambda: queue.shift(job.id, 1), first)
        _button("Down", f"down_{job.id}", ":material/arrow_downward:", lambda: queue.shift(job.id, -1), last)
        _button("Cancel", f"cancel_{job.id}", ":material/close:", lambda: queue.cancel(job.id))


def _button(label: str, key: str, icon: str, act: Callable[[], object], disabled: bool = False) -> None:
    st.button(label, key=key, icon=icon, on_click=_tried, args=(act,), disabled=disabled)


def _tried(act: Callable[[], object]) -> None:
    """A page may be older than the queue: what does not go any more is said."""
    try:
        act()
    except PEOPLE_ERRORS as error:
        st.session_state[_SAID] = str(error)


# -- all of them


def _cancel_all(studio: Studio) -> None:
    if not st.session_state.get(_ASKED):
        _button("Cancel all", "ask_cancel_all", ":material/delete_sweep:", lambda: _ask(True))
        return
    count = len(studio.jobs(owner=OWNER, active=True, limit=None))
    st.markdown(f"{counted(count, 'job')} will be cancelled; what is finished is kept. Cancel all of them?")
    with st.container(horizontal=True):
        st.button("Yes, cancel all", key="sure_cancel_all", type="primary", on_click=_cancel_them, args=(studio,))
        st.button("Keep them", key="keep_all", on_click=_ask, args=(False,))


def _ask(asked: bool) -> None:
    st.session_state[_ASKED] = asked


def _cancel_them(studio: Studio) -> None:
    _ask(False)
    _tried(lambda: studio.queue.cancel_all(OWNER))


# -- those that ended


def _ended(studio: Studio) -> None:
    ended = [job for job in studio.jobs(owner=OWNER, limit=10 * ENDED_SHOWN) if job.ended][:ENDED_SHOWN]
    if not ended:
        return
    st.markdown("## Ended")
    for job in ended:
        with st.container(border=True):
            moment = f", {when(job.finished_at)}" if job.finished_at else ""
            _words(studio, job, f"{job.state.capitalize()}{moment}")
            if job.request is not None:
                _again(studio, job)


def _again(studio: Studio, job: Job) -> None:
    draws = studio.kinds[job.kind].afresh is not None
    with st.container(horizontal=True, gap="small"):
        _ask_again(studio, job, "Again", ":material/replay:", new_seed=False)
        if draws:
            _ask_again(studio, job, "With a new seed", ":material/casino:", new_seed=True)


def _ask_again(studio: Studio, job: Job, label: str, icon: str, *, new_seed: bool) -> None:
    press = Press(f"again_{'new_' if new_seed else ''}{job.id}")

    def ask() -> None:
        press.now(lambda key: studio.again(job.id, new_seed=new_seed, key=key))

    same = "The same pictures" if studio.kinds[job.kind].afresh else "The same work"
    st.button(
        label,
        key=f"{'new' if new_seed else 'again'}_{job.id}",
        icon=icon,
        on_click=ask,
        help="Other pictures of the same settings" if new_seed else f"{same} once more",
    )
    press.show_problems()


main()
