"""In which order the waiting jobs of a lane are begun: owners by turns, of each what it put first.

Claims are numbered through all lanes. Among the owners with waiting jobs the one goes first whose last claim in this
lane is longest ago; an owner whose jobs came later than that counts from when its oldest waiting job came. So between
two turns of one owner every other one has at most one, however many jobs it has, and a stream of new owners passes
nobody by: each of them stands behind all who waited when it came.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine.errors import NotFound, StudioError
from engine.jobs.schema import QUEUED, RUNNING, JobRow
from gallery.ids import is_id

NAMED = func.length(JobRow.id) == 26  # a damaged row may have no id, by which alone it could be written


@dataclass(frozen=True, slots=True)
class Waiting:
    """A waiting job, as far as its place in the order needs it."""

    id: str
    owner: str
    turn: int


def fair_order(waiting: Iterable[Waiting], last: dict[str, int]) -> list[str]:
    """The ids in the order in which they will be claimed if nothing changes.

    Args:
        waiting: of one lane; those of one owner in the order that the owner wants.
        last: the number of each owner's last claim in this lane; 0 or missing where there was none.
    """
    lines: dict[str, deque[Waiting]] = {}
    for job in waiting:
        lines.setdefault(job.owner, deque()).append(job)
    came = {owner: min(job.turn for job in line) for owner, line in lines.items()}
    last = {owner: last.get(owner, 0) for owner in lines}
    turn = max([*last.values(), *came.values()], default=0)
    order: list[str] = []
    while lines:
        owner = min(lines, key=lambda owner: (max(last[owner], came[owner]), last[owner], lines[owner][0].id))
        turn += 1
        last[owner] = turn
        order.append(lines[owner].popleft().id)
        if not lines[owner]:
            del lines[owner]
    return order


def claim_order(session: Session, lane: str) -> list[str]:
    """The ids of a lane's waiting jobs in the order in which they will be claimed."""
    columns = (JobRow.id, JobRow.owner, JobRow.turn)
    query = select(*columns).where(JobRow.state == QUEUED, JobRow.lane == lane, NAMED)
    rows = session.execute(query.order_by(JobRow.position, JobRow.id)).all()
    waiting = [Waiting(*row) for row in rows if is_id(row[0])]  # nothing can be written by a damaged id
    owners = {job.owner for job in waiting}
    last = {owner: _last_turn(session, lane, owner) for owner in owners} if len(owners) > 1 else {}
    return fair_order(waiting, last)


def _last_turn(session: Session, lane: str, owner: str) -> int:
    taken = select(JobRow.turn).where(JobRow.lane == lane, JobRow.owner == owner, JobRow.claims > 0)
    return session.scalar(taken.order_by(JobRow.turn.desc()).limit(1)) or 0


def last_turn(session: Session) -> int:
    """The number of the last claim of all."""
    return session.scalar(select(func.max(JobRow.turn))) or 0


def end_of_line(session: Session, owner: str, lane: str) -> int:
    """The position behind every unfinished job of an owner in a lane."""
    last = session.scalar(select(func.max(JobRow.position)).where(*_unfinished(owner, lane)))
    return 0 if last is None else last + 1


def put_first(session: Session, job_id: str) -> None:
    """Before every other job of its owner and lane, also one at work that may be put back. Raises as `rearrange`."""
    row = _waiting_row(session, job_id)
    first = session.scalar(select(func.min(JobRow.position)).where(*_unfinished(row.owner, row.lane))) or 0
    row.position = first - 1


def put_before(session: Session, job_id: str, before: str | None) -> None:
    """Before another waiting job of the same owner and lane; behind all of them where that is None.

    Raises:
        NotFound: there is no such job.
        StudioError: one of them does not wait, or they are of different owners or lanes.
    """
    row = _waiting_row(session, job_id)
    if before == job_id:
        return
    if before is not None:
        _require_same_line(row, _waiting_row(session, before))
    line = _line(session, row)
    line.remove(row)
    place = next((place for place, other in enumerate(line) if other.id == before), len(line))
    _number([*line[:place], row, *line[place:]])


def shift(session: Session, job_id: str, places: int) -> None:
    """Nearer to the front by as many places of its owner's line, behind where negative. Raises as `put_before`."""
    row = _waiting_row(session, job_id)
    line = _line(session, row)
    place = line.index(row)
    line.remove(row)
    place = min(max(0, place - places), len(line))
    _number([*line[:place], row, *line[place:]])


def _number(line: Sequence[JobRow]) -> None:
    first = min(row.position for row in line)
    for place, row in enumerate(line):
        row.position = first + place


def _line(session: Session, row: JobRow) -> list[JobRow]:
    """The waiting jobs of its owner and lane, in their order."""
    query = select(JobRow).where(JobRow.state == QUEUED, JobRow.owner == row.owner, JobRow.lane == row.lane, NAMED)
    return list(session.scalars(query.order_by(JobRow.position, JobRow.id).with_for_update()))


def _waiting_row(session: Session, job_id: str) -> JobRow:
    row = session.scalar(select(JobRow).where(JobRow.id == job_id).with_for_update())
    if row is None:
        raise NotFound(f"There is no job with the id {job_id!r}. It may belong to another studio folder.")
    if row.state != QUEUED:
        state = "is at work already" if row.state == RUNNING else f"has ended ({row.state})"
        raise StudioError(f"Only a job that waits has a place in the queue; {job_id} {state}.")
    return row


def _require_same_line(row: JobRow, other: JobRow) -> None:
    if (row.owner, row.lane) != (other.owner, other.lane):
        raise StudioError(
            f"A job can be put before another of the same owner and lane; {row.id} is {row.owner}'s in the lane "
            f"{row.lane!r}, {other.id} is {other.owner}'s in {other.lane!r}."
        )


def _unfinished(owner: str, lane: str) -> tuple:
    return (JobRow.owner == owner, JobRow.lane == lane, JobRow.state.in_((QUEUED, RUNNING)))
