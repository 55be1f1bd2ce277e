"""The durable queue: submit, claim under a lease, beat, and end exactly once.

At-least-once execution with exactly-once effect: a job may be started again after its worker died,
but only the holder of the current lease token can record anything, and a picture's place
(job, index) is unique in the gallery.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session
from ulid import ULID

from engine.errors import LeaseLost, NotFound, StudioBusy
from engine.jobs.schema import CANCELLED, DRAW, ENDED, FAILED, FETCH, QUEUED, RUNNING, SUCCEEDED, JobRow
from engine.requests import FetchModel, Request, request_from_dict
from engine.settings import Settings
from gallery.database import Database, now


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it stood when it was read.

    Attributes:
        step, steps: work done and in all, over every image; steps is 0 until it is known.
        seconds: time spent on those steps, without waiting and loading.
        stage: what happens now, in words.
        error: why it failed, for people; None unless failed.
    """

    id: str
    owner: str
    kind: str
    request: Request
    state: str
    attempt: int
    step: int
    steps: int
    seconds: float
    stage: str
    notes: tuple[str, ...]
    error: str | None
    cancel_requested: bool
    created_at: float
    started_at: float | None
    finished_at: float | None

    @property
    def ended(self) -> bool:
        """Whether it succeeded, failed or was cancelled."""
        return self.state in ENDED

    @property
    def seconds_left(self) -> float | None:
        """Time to the end at the pace so far; None while nothing is known."""
        if self.step == 0 or self.steps == 0:
            return None
        return self.seconds / self.step * (self.steps - self.step)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on a job: valid while the database holds this token for it."""

    job: Job
    token: str


@dataclass(slots=True)
class Progress:
    """What a worker reports about its job."""

    step: int = 0
    steps: int = 0
    seconds: float = 0.0
    stage: str = ""
    notes: tuple[str, ...] = ()


class JobQueue:
    """Jobs in the database; safe for many processes and threads."""

    def __init__(self, database: Database, settings: Settings):
        self._database = database
        self._settings = settings

    def submit(self, request: Request, *, key: str | None = None, owner: str = "artist") -> Job:
        """Queue a request.

        Args:
            key: the same key gives the same job, however often it is sent (a double click, a
                repeated page run). None means a new job each time.

        Raises:
            StudioBusy: as many jobs wait as the settings allow.
        """
        key = key or uuid.uuid4().hex
        with self._database.write() as session:
            known = session.scalar(select(JobRow).where(JobRow.idempotency_key == key))
            if known:
                return _job(known)
            waiting = session.scalar(select(func.count()).where(JobRow.state == QUEUED))
            if waiting >= self._settings.queue_limit:
                raise StudioBusy(
                    f"At most {self._settings.queue_limit} jobs may wait; the queue is full. "
                    "Try again when some are done, or cancel one."
                )
            row = JobRow(
                id=str(ULID()),
                idempotency_key=key,
                owner=owner,
                kind=request.kind,
                lane=FETCH if isinstance(request, FetchModel) else DRAW,
                request=request.to_dict(),
                state=QUEUED,
                max_attempts=self._settings.max_attempts,
                created_at=now(session),
            )
            session.add(row)
            session.flush()
            return _job(row)

    def get(self, job_id: str) -> Job:
        """Read one job.

        Raises:
            NotFound: there is none with this id.
        """
        with self._database.read() as session:
            row = session.get(JobRow, job_id)
            if row is None:
                raise NotFound(
                    f"There is no job with the id {job_id!r}. It may belong to another studio folder."
                )
            return _job(row)

    def list(self, *, owner: str | None = None, active: bool = False, limit: int = 50) -> list[Job]:
        """Jobs, newest first; `active` keeps those queued or running."""
        query = select(JobRow).order_by(JobRow.id.desc()).limit(limit)
        if owner is not None:
            query = query.where(JobRow.owner == owner)
        if active:
            query = query.where(JobRow.state.in_((QUEUED, RUNNING)))
        with self._database.read() as session:
            return [_job(row) for row in session.scalars(query)]

    def ahead_of(self, job: Job) -> int:
        """How many unfinished jobs of the same lane come before this one."""
        lane = FETCH if job.kind == FetchModel.kind else DRAW
        query = select(func.count()).where(
            JobRow.state.in_((QUEUED, RUNNING)), JobRow.lane == lane, JobRow.id < job.id
        )
        with self._database.read() as session:
            return session.scalar(query) or 0

    def claim(self, worker: str, lane: str) -> Claim | None:
        """Take the oldest waiting job of a lane under a new lease; None when none waits."""
        waiting = select(JobRow).where(JobRow.state == QUEUED, JobRow.lane == lane)
        if not self._any(waiting):  # a read first: an idle worker must not take the write lock
            return None
        with self._database.write() as session:
            oldest = waiting.order_by(JobRow.id).limit(1).with_for_update(skip_locked=True)
            row = session.scalar(oldest)
            if row is None:
                return None
            moment = now(session)
            row.state, row.worker, row.lease_token = RUNNING, worker, str(uuid.uuid4())
            row.lease_until = moment + self._settings.lease_seconds
            row.attempt += 1
            row.started_at = moment
            row.step, row.seconds, row.stage = 0, 0.0, "Starting"
            session.flush()
            return Claim(_job(row), row.lease_token)

    def beat(self, claim: Claim, progress: Progress) -> bool:
        """Prolong the lease and record progress.

        Returns:
            Whether the artist asked to cancel.

        Raises:
            LeaseLost: another worker owns the job, or it has ended.
        """
        with self._database.write() as session:
            lease_until = now(session) + self._settings.lease_seconds
            values = {"lease_until": lease_until, **_columns(progress)}
            cancelled = session.scalar(
                update(JobRow).where(*_held(claim)).values(values).returning(JobRow.cancel_requested)
            )
            if cancelled is None:
                raise _lost(claim)
            return cancelled

    def record(self, session: Session, claim: Claim, progress: Progress, *, last: bool) -> None:
        """Record a result's progress inside the caller's transaction; `last` ends the job well.

        Raises:
            LeaseLost: the caller must roll back.
        """
        values = _columns(progress)
        if last:
            values |= {"state": SUCCEEDED, "finished_at": now(session), **_RELEASED}
        if session.execute(update(JobRow).where(*_held(claim)).values(values)).rowcount != 1:
            raise _lost(claim)

    def succeed(self, claim: Claim, progress: Progress) -> None:
        """End a job well that has no result in the gallery.

        Raises:
            LeaseLost: another worker owns the job, or it has ended.
        """
        with self._database.write() as session:
            self.record(session, claim, progress, last=True)

    def fail(self, claim: Claim, error: str, log: str = "") -> None:
        """End a job as failed, with the reason for people and the one for the log."""
        self._end(claim, state=FAILED, error=error, error_log=log or None)

    def cancelled(self, claim: Claim) -> None:
        """End a job as cancelled; what it finished before stays."""
        self._end(claim, state=CANCELLED)

    def release(self, claim: Claim) -> None:
        """Put a job back, unfinished through no fault of its own: the attempt does not count."""
        with self._database.write() as session:
            values = {"state": QUEUED, "attempt": JobRow.attempt - 1, "stage": "", **_RELEASED}
            session.execute(update(JobRow).where(*_held(claim)).values(values))

    def cancel(self, job_id: str) -> None:
        """Ask for a job to stop: at once when it waits, at its next step when it runs.

        Raises:
            NotFound: there is none with this id.
        """
        self.get(job_id)
        with self._database.write() as session:
            ended = {"state": CANCELLED, "finished_at": now(session), "cancel_requested": True}
            waiting = update(JobRow).where(JobRow.id == job_id, JobRow.state == QUEUED)
            if session.execute(waiting.values(ended)).rowcount == 0:
                running = update(JobRow).where(JobRow.id == job_id, JobRow.state == RUNNING)
                session.execute(running.values(cancel_requested=True))

    def reclaim_from(self, worker: str, reason: str) -> set[str]:
        """Take back every job of a worker known to be dead."""
        return self._reclaim(select(JobRow).where(JobRow.state == RUNNING, JobRow.worker == worker), reason)

    def reclaim_expired(self) -> set[str]:
        """Take back every job whose lease ran out; returns the workers that held them."""
        reason = f"it did not answer for {self._settings.lease_seconds:.0f} s"
        with self._database.read() as session:
            expired = select(JobRow).where(JobRow.state == RUNNING, JobRow.lease_until < now(session))
        return self._reclaim(expired, reason) if self._any(expired) else set()

    def fail_overdue(self, limit_seconds: float) -> set[str]:
        """Fail every drawing job that runs longer than allowed; returns the workers that hold them."""
        with self._database.read() as session:
            overdue = select(JobRow).where(
                JobRow.state == RUNNING, JobRow.lane == DRAW, JobRow.started_at < now(session) - limit_seconds
            )
        if not self._any(overdue):
            return set()
        with self._database.write() as session:
            rows = session.scalars(overdue).all()
            workers = {row.worker for row in rows}
            for row in rows:
                row.state, row.finished_at = FAILED, now(session)
                row.lease_until = row.lease_token = row.worker = None
                row.error = (
                    f"A job may run for {limit_seconds:.0f} s; this one ran longer and was stopped. "
                    "Images finished before that are in the gallery. "
                    "Ask for fewer images or steps, or raise STUDIO_JOB_LIMIT_SECONDS."
                )
            return workers

    def running_workers(self) -> Sequence[str]:
        """Names of the workers that hold a job."""
        query = select(JobRow.worker).where(JobRow.state == RUNNING).distinct()
        with self._database.read() as session:
            return session.scalars(query).all()

    def _reclaim(self, query: Select[tuple[JobRow]], reason: str) -> set[str]:
        with self._database.write() as session:
            rows = session.scalars(query).all()
            workers = {row.worker for row in rows}
            for row in rows:
                row.lease_until = row.lease_token = row.worker = None
                row.stage = ""
                if row.cancel_requested:
                    row.state, row.finished_at = CANCELLED, now(session)
                elif row.attempt < row.max_attempts:
                    row.state = QUEUED
                else:
                    row.state, row.finished_at = FAILED, now(session)
                    row.error = (
                        f"The engine was started {row.attempt} times for this and stopped each time "
                        f"({reason}). Images finished before that are in the gallery. "
                        "Try a smaller size or fewer images; the log folder has the details."
                    )
            return workers

    def _end(self, claim: Claim, **values: Any) -> None:
        with self._database.write() as session:
            values |= {"finished_at": now(session), **_RELEASED}
            if session.execute(update(JobRow).where(*_held(claim)).values(values)).rowcount != 1:
                raise _lost(claim)

    def _any(self, query: Select[tuple[JobRow]]) -> bool:
        with self._database.read() as session:
            return session.scalar(query.with_only_columns(JobRow.id).limit(1)) is not None


_RELEASED = {"lease_until": None, "lease_token": None, "worker": None}


def _held(claim: Claim) -> tuple[Any, ...]:
    return (JobRow.id == claim.job.id, JobRow.state == RUNNING, JobRow.lease_token == claim.token)


def _lost(claim: Claim) -> LeaseLost:
    return LeaseLost(f"Job {claim.job.id} is no longer held by this worker; its result is not recorded.")


def _columns(progress: Progress) -> dict[str, Any]:
    return {
        "step": progress.step,
        "steps": progress.steps,
        "seconds": progress.seconds,
        "stage": progress.stage,
        "notes": list(progress.notes),
    }


def _job(row: JobRow) -> Job:
    return Job(
        id=row.id,
        owner=row.owner,
        kind=row.kind,
        request=request_from_dict(row.kind, row.request),
        state=row.state,
        attempt=row.attempt or 0,
        step=row.step or 0,
        steps=row.steps or 0,
        seconds=row.seconds or 0.0,
        stage=row.stage or "",
        notes=tuple(row.notes or ()),
        error=row.error,
        cancel_requested=bool(row.cancel_requested),
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )
