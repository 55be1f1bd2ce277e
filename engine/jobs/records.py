"""Values that jobs are spoken of with: what was read from the queue, and what is reported to it."""

from dataclasses import dataclass
from typing import Any

from engine.jobs.schema import ENDED, FAILED, STATES, JobRow

UNREADABLE = "The row of this job in the database cannot be read, so nobody will work on it. Ask for it again."


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it stood when it was read.

    Attributes:
        request: None when it was written by another version of the studio and cannot be read.
        step, steps: work done and in all, over every image; steps is 0 until it is known.
        seconds: time spent on those steps, without waiting and loading.
        seconds_left: time to the end at the pace so far; None while nothing is known.
        stage: what happens now, in words.
        error: why it failed, for people; None unless failed.
        claims: how often it was taken by a worker, also when it was given back.
    """

    id: str
    owner: str
    kind: str
    lane: str
    request: Any
    state: str
    attempt: int
    step: int
    steps: int
    seconds: float
    seconds_left: float | None
    stage: str
    notes: tuple[str, ...]
    error: str | None
    cancel_requested: bool
    created_at: float
    started_at: float | None
    finished_at: float | None
    claims: int = 0

    @property
    def ended(self) -> bool:
        """Whether it succeeded, failed or was cancelled."""
        return self.state in ENDED


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on a job: valid while the database holds this token for it.

    Attributes:
        turn_seconds: of work that it may do before it makes room for those that go first.
    """

    job: Job
    token: str
    turn_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Lease:
    """A running job as its watchers see it; `until` changes with every beat of its worker.

    Attributes:
        pictures: how many it has brought into the gallery, in all its attempts.
    """

    job_id: str
    lane: str
    worker: str
    token: str
    until: float
    pictures: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """What a worker reports about its job."""

    step: int = 0
    steps: int = 0
    seconds: float = 0.0
    seconds_left: float | None = None
    stage: str = ""
    notes: tuple[str, ...] = ()


def job_of(row: JobRow, request: Any) -> Job:
    """A row as a value that outlives its session, with the request that was read from it."""
    return Job(
        id=row.id,
        owner=row.owner,
        kind=row.kind,
        lane=row.lane,
        request=request,
        state=row.state if row.state in STATES else FAILED,
        attempt=row.attempt or 0,
        step=row.step or 0,
        steps=row.steps or 0,
        seconds=row.seconds or 0.0,
        seconds_left=row.seconds_left,
        stage=row.stage or "",
        notes=tuple(note for note in row.notes if isinstance(note, str)) if isinstance(row.notes, list) else (),
        error=row.error if row.state in STATES else UNREADABLE,
        cancel_requested=bool(row.cancel_requested),
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        claims=row.claims or 0,
    )
