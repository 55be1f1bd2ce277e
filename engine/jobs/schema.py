"""The jobs table."""

from typing import Any

from sqlalchemy import JSON, Index
from sqlalchemy.orm import Mapped, mapped_column

from gallery.columns import Real, Whole, Words
from gallery.database import Base

QUEUED, RUNNING = "queued", "running"
SUCCEEDED, FAILED, CANCELLED = "succeeded", "failed", "cancelled"
ENDED = (SUCCEEDED, FAILED, CANCELLED)
STATES = (QUEUED, RUNNING, *ENDED)

# Lanes. Drawing and training share the device, one job at a time (see `engine.jobs.lanes`); downloads run beside them.
DRAW, TRAIN, FETCH = "draw", "train", "fetch"
DEVICE_LANES = (DRAW, TRAIN)
LANES = (*DEVICE_LANES, FETCH)


class JobRow(Base):
    """One request on its way from queued to one of the ended states.

    A running job belongs to whoever holds `lease_token`. Every write of a worker names the token,
    so a worker that was thought dead and comes back cannot change anything (fencing).

    Attributes:
        position: its place among the jobs of its owner and lane that wait, lowest first; equal ones by their id.
        turn: claims are numbered through all lanes; the one of this job, or the last before it was queued.
        claims: how often it was taken, also when it was given back.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        Index("ix_jobs_state_lane_id", "state", "lane", "id"),
        Index("ix_jobs_owner_id", "owner", "id"),
        Index("ix_jobs_turn", "turn"),
        Index("ix_jobs_lane_owner_turn", "lane", "owner", "turn"),
    )

    id: Mapped[str] = mapped_column(Words(26), primary_key=True)
    idempotency_key: Mapped[str] = mapped_column(Words(64), unique=True)
    owner: Mapped[str] = mapped_column(Words(64))
    kind: Mapped[str] = mapped_column(Words(32))
    lane: Mapped[str] = mapped_column(Words(16))
    request: Mapped[Any] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(Words(16), default=QUEUED)
    attempt: Mapped[int] = mapped_column(Whole, default=0)
    max_attempts: Mapped[int] = mapped_column(Whole(least=1, neutral=3), default=3)
    lease_until: Mapped[float | None] = mapped_column(Real(neutral=None))
    lease_token: Mapped[str | None] = mapped_column(Words(36, neutral=None))
    worker: Mapped[str | None] = mapped_column(Words(64, neutral=None))
    step: Mapped[int] = mapped_column(Whole, default=0)
    steps: Mapped[int] = mapped_column(Whole, default=0)
    seconds: Mapped[float] = mapped_column(Real, default=0.0)
    seconds_left: Mapped[float | None] = mapped_column(Real(neutral=None))
    stage: Mapped[str] = mapped_column(Words(64), default="")
    notes: Mapped[Any] = mapped_column(JSON, default=list)
    error: Mapped[str | None] = mapped_column(Words(neutral=None))
    error_log: Mapped[str | None] = mapped_column(Words(neutral=None))
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    position: Mapped[int] = mapped_column(Whole(least=None), default=0)
    turn: Mapped[int] = mapped_column(Whole(big=True), default=0)
    claims: Mapped[int] = mapped_column(Whole, default=0)
    created_at: Mapped[float] = mapped_column(Real)
    started_at: Mapped[float | None] = mapped_column(Real(neutral=None))
    finished_at: Mapped[float | None] = mapped_column(Real(neutral=None))


class LaneRow(Base):
    """What is remembered of a lane; one without a row goes on.

    Attributes:
        passed_over: drawings that were begun while a training waited, since a training had its turn.
    """

    __tablename__ = "lanes"

    name: Mapped[str] = mapped_column(Words(16), primary_key=True)
    paused: Mapped[bool] = mapped_column(default=False)
    passed_over: Mapped[int] = mapped_column(Whole, default=0)
