"""The durable queue: submit, claim under a lease, beat, and end exactly once.

At-least-once execution with exactly-once effect: a job may be started again after its worker died,
but only the holder of the current lease token can record anything, and a picture's place
(job, index) is unique in the gallery.
"""

import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Select, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from ulid import ULID

from engine.errors import LeaseLost, NotFound, StudioBusy, StudioError
from engine.jobs import lanes, order
from engine.jobs.endings import UNREADABLE, fail, put_back
from engine.jobs.kind import Kinds, Request
from engine.jobs.order import NAMED
from engine.jobs.records import Claim, Job, Lease, Progress, job_of
from engine.jobs.schema import CANCELLED, DRAW, ENDED, FAILED, LANES, QUEUED, RUNNING, STATES, SUCCEEDED, TRAIN, JobRow
from engine.settings import Settings
from gallery.database import Database, changed_rows, now
from gallery.ids import is_id
from gallery.schema import Image


class JobQueue:
    """Jobs in the database; safe for many processes and threads.

    Args:
        kinds: what can be asked for; jobs of other kinds are kept, and their request reads as None.

    Attributes:
        lanes: to pause them.
    """

    def __init__(self, database: Database, settings: Settings, kinds: Kinds):
        self.kinds = kinds
        self.lanes = lanes.Lanes(database)
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
        try:
            with self._database.write() as session:
                known = session.scalar(_of_key(key))
                if known is not None:
                    return self._job(known)
                return job_of(self._insert(session, request, key, owner), request)
        except IntegrityError:  # the same key at the same moment, where writers do not wait for each other
            with self._database.read() as session:
                return self._job(session.scalars(_of_key(key)).one())

    def _insert(self, session: Session, request: Request, key: str, owner: str) -> JobRow:
        waiting = session.scalar(select(func.count()).where(JobRow.state == QUEUED)) or 0
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
            lane=self.kinds[request.kind].lane,
            request=request.to_dict(),
            state=QUEUED,
            max_attempts=self._settings.max_attempts,
            position=order.end_of_line(session, owner, self.kinds[request.kind].lane),
            turn=order.last_turn(session),
            created_at=now(session),
        )
        session.add(row)
        session.flush()
        return row

    def get(self, job_id: str) -> Job:
        """Read one job.

        Raises:
            NotFound: there is none with this id.
        """
        with self._database.read() as session:
            row = session.get(JobRow, job_id)
            if row is None:
                raise NotFound(f"There is no job with the id {job_id!r}. It may belong to another studio folder.")
            return self._job(row)

    def list(
        self,
        *,
        owner: str | None = None,
        active: bool = False,
        kind: str | Sequence[str] | None = None,
        running: bool = False,
        in_order: bool = False,
        limit: int | None = 50,
    ) -> list[Job]:
        """Jobs, newest first; `active` keeps those queued or running, `running` the latter.

        Args:
            kind: one, or any of several.
            in_order: those at work come first, then those that go first, as far as one owner and lane are asked for.
        """
        by = (JobRow.state != RUNNING, JobRow.position, JobRow.id) if in_order else (JobRow.id.desc(),)
        query = select(JobRow).order_by(*by).limit(limit)
        if owner is not None:
            query = query.where(JobRow.owner == owner)
        if kind is not None:
            query = query.where(JobRow.kind.in_([kind] if isinstance(kind, str) else kind))
        if running:
            query = query.where(JobRow.state == RUNNING)
        if active:
            query = query.where(JobRow.state.in_((QUEUED, RUNNING)))
        with self._database.read() as session:
            return [self._job(row) for row in session.scalars(query) if row is not None and row.id]

    def waits(self, served: Sequence[str]) -> bool:
        """Whether a job waits that a worker of these lanes would take now."""
        with self._database.read() as session:
            return any(lanes.waits(session, lane) for lane in served)

    def waiting(self, lane: str) -> Sequence[Job]:
        """The waiting jobs of a lane in the order in which they will be begun if nothing changes."""
        with self._database.read() as session:
            ids = order.claim_order(session, lane)
            rows = {row.id: row for row in session.scalars(select(JobRow).where(JobRow.id.in_(ids)))}
            return [self._job(rows[job_id]) for job_id in ids if job_id in rows]

    def ahead_of(self, job: Job) -> int:
        """How many unfinished jobs of the same lane come before this one."""
        running = select(func.count()).where(JobRow.state == RUNNING, JobRow.lane == job.lane, JobRow.id != job.id)
        with self._database.read() as session:
            ids = order.claim_order(session, job.lane)
            return (session.scalar(running) or 0) + ids.index(job.id) if job.id in ids else 0

    def unfinished(self, owner: str) -> frozenset[str]:
        """The ids of an owner's jobs that are queued or running."""
        query = select(JobRow.id).where(JobRow.state.in_((QUEUED, RUNNING)), JobRow.owner == owner)
        with self._database.read() as session:
            return frozenset(filter(None, session.scalars(query)))

    def count_unfinished(self, owner: str, kinds: Sequence[str]) -> int:
        """How many jobs of some kinds an owner has queued or running."""
        query = select(func.count()).where(JobRow.state.in_((QUEUED, RUNNING)), JobRow.owner == owner)
        with self._database.read() as session:
            return session.scalar(query.where(JobRow.kind.in_(kinds))) or 0

    def latest_ended(self, owner: str, kinds: Sequence[str], among: int) -> Job | None:
        """The job of some kinds that ended last, looked for among an owner's newest so many."""
        newest = select(JobRow.id).where(JobRow.owner == owner, JobRow.kind.in_(kinds)).order_by(JobRow.id.desc())
        ended = select(JobRow).where(JobRow.id.in_(newest.limit(among)), JobRow.state.in_(ENDED), NAMED)
        with self._database.read() as session:
            row = session.scalar(
                ended.order_by(func.coalesce(JobRow.finished_at, 0.0).desc(), JobRow.id.desc()).limit(1)
            )
            return self._job(row) if row is not None else None

    def move(self, job_id: str, before: str | None = None) -> None:
        """Put a waiting job before another of its owner and lane, or behind all. Raises NotFound, StudioError."""
        with self._database.write() as session:
            order.put_before(session, job_id, before)

    def shift(self, job_id: str, places: int) -> None:
        """Move a waiting job by so many places to the front, or back where negative. Raises NotFound, StudioError."""
        with self._database.write() as session:
            order.shift(session, job_id, places)

    def to_front(self, job_id: str) -> None:
        """Make a waiting job the next one of its owner in its lane. Raises NotFound, StudioError."""
        with self._database.write() as session:
            order.put_first(session, job_id)

    def should_make_room(self, claim: Claim, worked_seconds: float) -> bool:
        """Whether a job at work that can go on later is to be put back for others, or since its lane is paused.

        Args:
            worked_seconds: since it was begun this time.
        """
        with self._database.read() as session:
            lane, owner = claim.job.lane, claim.job.owner
            if lane in lanes.paused_lanes(session):
                return True
            if lane == TRAIN and worked_seconds >= claim.turn_seconds and lanes.waits(session, DRAW):
                return True
            return worked_seconds >= lanes.HOLD_SECONDS and lanes.waits(session, lane, of_others_than=owner)

    def others_wait(self, claim: Claim) -> bool:
        """Whether a job of another owner could be begun in the lane of a job at work."""
        with self._database.read() as session:
            return lanes.waits(session, claim.job.lane, of_others_than=claim.job.owner)

    def claim(self, worker: str, lane: str) -> Claim | None:
        """Take the first waiting job of a lane under a new lease; None when none waits or the lane is paused."""
        with self._database.read() as session:  # a read first: an idle worker must not take the write lock
            if not lanes.waits(session, lane):
                return None
        with self._database.write() as session:
            if lane in lanes.paused_lanes(session):
                return None
            for job_id in order.claim_order(session, lane):
                free = select(JobRow).where(JobRow.id == job_id, JobRow.state == QUEUED)
                row = session.scalar(free.with_for_update(skip_locked=True))
                if row is None:
                    continue
                if self.kinds.read(row.kind, row.request) is not None:
                    return self._take(session, row, worker)
                row.state, row.finished_at, row.error = FAILED, now(session), UNREADABLE
                session.flush()
        return None

    def _take(self, session: Session, row: JobRow, worker: str) -> Claim:
        moment = now(session)
        row.state, row.worker, row.lease_token = RUNNING, worker, str(uuid.uuid4())
        row.lease_until = moment + self._settings.lease_seconds
        row.attempt += 1
        row.claims += 1
        row.turn = order.last_turn(session) + 1
        row.started_at = moment
        row.step, row.seconds, row.seconds_left, row.stage = 0, 0.0, None, "Starting"
        session.flush()
        return Claim(self._job(row), row.lease_token, lanes.count_claim(session, row.lane))

    def cancel_requested(self, claim: Claim) -> bool:
        """Whether the artist asked to stop this job."""
        query = select(JobRow.cancel_requested).where(JobRow.id == claim.job.id)
        with self._database.read() as session:
            return bool(session.scalar(query))

    def beat(self, claim: Claim, progress: Progress) -> None:
        """Prolong the lease and record progress.

        Raises:
            LeaseLost: another worker owns the job, or it has ended.
        """
        with self._database.write() as session:
            values = {"lease_until": now(session) + self._settings.lease_seconds, **_columns(progress)}
            if changed_rows(session, update(JobRow).where(*_held(claim)).values(values)) != 1:
                raise _lost(claim)

    def record(self, session: Session, claim: Claim, progress: Progress, *, last: bool) -> None:
        """Record a result's progress inside the caller's transaction; `last` ends the job well.

        Raises:
            LeaseLost: the caller must roll back.
        """
        values = _columns(progress)
        if last:
            values |= {"state": SUCCEEDED, "finished_at": now(session), **_RELEASED}
        if changed_rows(session, update(JobRow).where(*_held(claim)).values(values)) != 1:
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
        """Put a job back, unfinished through no fault of its own: the attempt does not count.

        Raises:
            LeaseLost: another worker owns the job, or it has ended.
        """
        with self._database.write() as session:
            row = session.scalar(select(JobRow).where(*_held(claim)).with_for_update())
            if row is None:
                raise _lost(claim)
            row.attempt -= 1
            put_back(session, row, "")

    def retry(self, claim: Claim, reason: str) -> None:
        """Put a job back after an error that may pass; it fails with the reason after its last attempt.

        Raises:
            LeaseLost: another worker owns the job, or it has ended.
        """
        if not self.reclaim(claim.token, reason):
            raise _lost(claim)

    def cancel(self, job_id: str) -> None:
        """Ask for a job to stop: at once when it waits, at its next step when it runs.

        Raises:
            NotFound: there is none with this id.
        """
        self.get(job_id)
        with self._database.write() as session:
            _cancel(session, JobRow.id == job_id)

    def cancel_all(self, owner: str, *, lane: str | None = None, kind: str | None = None) -> int:
        """Cancel an owner's unfinished jobs, of a lane or a kind where one is named; returns how many there were.

        Raises:
            StudioError: there is no such lane or kind.
        """
        if kind and kind not in self.kinds.names:
            raise StudioError(f"A kind of job is one of {', '.join(self.kinds.names)}; got {kind!r}.")
        which = [JobRow.owner == owner]
        which += [JobRow.lane == lanes.require_lane(lane)] if lane else []
        which += [JobRow.kind == kind] if kind else []
        with self._database.write() as session:
            return _cancel(session, *which)

    def settle_unreadable(self) -> int:
        """Fail the unfinished jobs that nobody would ever begin, since their row cannot be read; returns how many."""
        with self._database.write() as session:
            rows = session.scalars(select(JobRow).where(JobRow.state.not_in(ENDED), NAMED))
            lost = [row for row in rows if is_id(row.id) and (row.state not in STATES or self._is_lost(row))]
            for row in lost:
                fail(session, row, UNREADABLE)
            return len(lost)

    def _is_lost(self, row: JobRow) -> bool:
        """Whether a job that waits is in no lane, or one that runs has no lease that could end."""
        if row.state == QUEUED:
            return row.lane not in LANES or self.kinds.read(row.kind, row.request) is None
        return row.lease_token is None or row.worker is None

    def count_succeeded(self) -> int:
        """How many jobs ended well so far."""
        with self._database.read() as session:
            return session.scalar(select(func.count()).where(JobRow.state == SUCCEEDED)) or 0

    def leases(self) -> Sequence[Lease]:
        """Every running job with its lease, for those who watch over workers."""
        with self._database.read() as session:
            rows = session.execute(select(*_LEASE).where(JobRow.state == RUNNING, JobRow.lease_token.is_not(None)))
            return [Lease(row[0], row[1], row[2] or "", row[3], row[4] or 0.0, row[5]) for row in rows if row[3]]

    def reclaim(self, token: str, reason: str) -> bool:
        """Take a job back from a worker that does not work on it any more.

        It is queued again, cancelled if that was asked, or failed with the reason after its last attempt.

        Returns:
            Whether the token still held a job.
        """
        with self._database.write() as session:
            row = session.scalar(_holding(token))
            if row is not None:
                put_back(session, row, reason)
            return row is not None

    def fail_overdue(self, token: str, limit_seconds: float) -> bool:
        """Fail a job that brought no picture for longer than allowed; returns whether the token still held one."""
        with self._database.write() as session:
            row = session.scalar(_holding(token))
            if row is not None:
                fail(
                    session,
                    row,
                    f"A job may run for {limit_seconds:.0f} s without a finished picture; this one ran longer and was "
                    "stopped. "
                    "Images finished before that are in the gallery. "
                    "Ask for smaller images or fewer steps, or raise STUDIO_JOB_LIMIT_SECONDS.",
                )
            return row is not None

    def _end(self, claim: Claim, **values: Any) -> None:
        with self._database.write() as session:
            values |= {"finished_at": now(session), **_RELEASED}
            if changed_rows(session, update(JobRow).where(*_held(claim)).values(values)) != 1:
                raise _lost(claim)

    def folders(self) -> Iterator[Path]:
        """What unfinished jobs need on disk."""
        for job in self.list(active=True, limit=None):
            place = self.kinds[job.kind].folder(self._settings, job.request) if job.request else None
            if place is not None:
                yield place

    def _job(self, row: JobRow) -> Job:
        return job_of(row, self.kinds.read(row.kind, row.request))


# The columns of a Lease. Worker, token and time may be null, but never while a job runs.
_PICTURES = select(func.count()).where(Image.job_id == JobRow.id).scalar_subquery()
_LEASE: tuple[Any, ...] = (
    *(JobRow.id, JobRow.lane, JobRow.worker, JobRow.lease_token, JobRow.lease_until),
    _PICTURES,
)
_RELEASED = {"lease_until": None, "lease_token": None, "worker": None}


def _of_key(key: str) -> Select[JobRow]:
    return select(JobRow).where(JobRow.idempotency_key == key)


def _cancel(session: Session, *which: Any) -> int:
    ended = {"state": CANCELLED, "finished_at": now(session), "cancel_requested": True}
    running = update(JobRow).where(*which, JobRow.state == RUNNING).values(cancel_requested=True)
    waiting = update(JobRow).where(*which, JobRow.state == QUEUED).values(ended)
    # The waiting ones first: one that is claimed meanwhile is then met as a running one.
    return changed_rows(session, waiting) + changed_rows(session, running)


def _holding(token: str) -> Select[JobRow]:
    return select(JobRow).where(JobRow.state == RUNNING, JobRow.lease_token == token).with_for_update()


def _held(claim: Claim) -> tuple[Any, ...]:
    return (JobRow.id == claim.job.id, JobRow.state == RUNNING, JobRow.lease_token == claim.token)


def _lost(claim: Claim) -> LeaseLost:
    return LeaseLost(f"Job {claim.job.id} is no longer held by this worker; its result is not recorded.")


def _columns(progress: Progress) -> dict[str, Any]:
    return {
        "step": progress.step,
        "steps": progress.steps,
        "seconds": progress.seconds,
        "seconds_left": progress.seconds_left,
        "stage": progress.stage,
        "notes": list(progress.notes),
    }
