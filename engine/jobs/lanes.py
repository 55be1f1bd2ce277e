"""Lanes: which is paused, and how drawings and trainings share the device.

A drawing goes before a training, and a training at work that can go on later makes room for one at its next step.
After MOST_PASSED drawings that were begun while a training waited, the training gets a turn: it goes first, and makes
room for nobody before it has worked for TURN_SECONDS. So no stream of drawings keeps a training away for ever, and no
drawing waits for more than one such turn. A job that can go on later also makes room for another owner's in its lane,
after HOLD_SECONDS.
"""

from collections.abc import Sequence
from contextlib import suppress

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from engine.errors import StudioError
from engine.jobs.schema import DRAW, FETCH, LANES, QUEUED, TRAIN, JobRow, LaneRow
from gallery.database import Database

MOST_PASSED = 10
TURN_SECONDS = 120.0
HOLD_SECONDS = 1800.0
NAMES = {DRAW: "Drawings", TRAIN: "Trainings", FETCH: "Downloads and imports"}
RULE = (
    "Drawings go before trainings, and a training at work makes room for them. After "
    f"{MOST_PASSED} drawings a waiting training gets a turn of {TURN_SECONDS / 60:.0f} minutes. "
    "Where several people ask, they take turns, also picture by picture in grids "
    "and half an hour at a time in trainings."
)


class Lanes:
    """The lanes of one database; safe for many processes and threads."""

    def __init__(self, database: Database):
        self._database = database

    def pause(self, lane: str) -> None:
        """Begin no more jobs of a lane, and put back one at work that can go on later. Raises StudioError."""
        with self._database.write() as session:
            set_paused(session, lane, True)

    def resume(self, lane: str) -> None:
        """Have a paused lane go on. Raises StudioError: there is no such lane."""
        with self._database.write() as session:
            set_paused(session, lane, False)

    def paused(self) -> frozenset[str]:
        """The lanes that are paused."""
        with self._database.read() as session:
            return paused_lanes(session)

    def in_turn(self, served: Sequence[str]) -> Sequence[str]:
        """The lanes that a worker serves, in the order in which it looks for its next job."""
        with self._database.read() as session:
            return lanes_in_turn(session, served)


def require_lane(lane: str) -> str:
    """The lane itself. Raises StudioError naming the lanes where there is none of that name."""
    if lane not in LANES:
        raise StudioError(f"A lane is one of {', '.join(LANES)}; got {lane!r}.")
    return lane


def paused_lanes(session: Session) -> frozenset[str]:
    """The lanes that are paused."""
    return frozenset(session.scalars(select(LaneRow.name).where(LaneRow.paused)))


def set_paused(session: Session, lane: str, paused: bool) -> None:
    """Pause a lane or have it go on; either may be so already."""
    _row(session, require_lane(lane)).paused = paused


def lanes_in_turn(session: Session, lanes: Sequence[str]) -> list[str]:
    """The lanes in the order in which the next job is looked for."""
    if TRAIN in lanes and _is_owed(session):
        return [TRAIN, *(lane for lane in lanes if lane != TRAIN)]
    return list(lanes)


def count_claim(session: Session, lane: str) -> float:
    """Take note that a job of a lane is begun; returns the seconds that it may work before it makes room."""
    if lane not in (DRAW, TRAIN):
        return 0.0
    row = _row(session, TRAIN)
    if lane == DRAW:
        row.passed_over = row.passed_over + 1 if waits(session, TRAIN) else 0
        return 0.0
    if row.passed_over < MOST_PASSED:
        return 0.0
    row.passed_over = 0
    return TURN_SECONDS


def waits(session: Session, lane: str, *, of_others_than: str | None = None) -> bool:
    """Whether a job waits in a lane that is not paused; of other owners than one, where that is named."""
    if lane in paused_lanes(session):
        return False
    waiting = select(JobRow.id).where(JobRow.state == QUEUED, JobRow.lane == lane)
    if of_others_than is not None:
        waiting = waiting.where(JobRow.owner != of_others_than)
    return session.scalar(waiting.limit(1)) is not None


def _is_owed(session: Session) -> bool:
    passed = session.scalar(select(LaneRow.passed_over).where(LaneRow.name == TRAIN)) or 0
    return passed >= MOST_PASSED and waits(session, TRAIN)


def _row(session: Session, lane: str) -> LaneRow:
    """Locked to the end of the transaction; made where this is the first that is asked of the lane."""
    asked = select(LaneRow).where(LaneRow.name == lane).with_for_update()
    if row := session.scalar(asked):
        return row
    with suppress(IntegrityError), session.begin_nested():  # another process made it just now, and did not have us wait
        session.add(LaneRow(name=lane, paused=False, passed_over=0))
    return session.scalars(asked).one()
