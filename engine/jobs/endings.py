"""How a job that was at work is put back or ends without its worker's word."""

from sqlalchemy.orm import Session

from engine.jobs.schema import CANCELLED, FAILED, QUEUED, JobRow
from gallery.database import now

UNREADABLE = (
    "What this job asks for cannot be read: it was written by another version of the studio, or its row in the "
    "database is damaged. Ask for it again, start the version that wrote it, or put back a snapshot of the database "
    "(`python -m engine gallery restore`)."
)


def put_back(session: Session, row: JobRow, reason: str) -> None:
    """Queue it again; cancelled if that was asked, failed with the reason after its last attempt."""
    row.lease_until = row.lease_token = row.worker = None
    row.stage = ""
    if row.cancel_requested:
        row.state, row.finished_at = CANCELLED, now(session)
    elif row.attempt < row.max_attempts:
        row.state = QUEUED
    else:
        fail(
            session,
            row,
            f"The engine was started {row.attempt} times for this and did not finish it ({reason}). "
            "Images finished before that are in the gallery. "
            "Try a smaller size or fewer images; the log folder has the details.",
        )


def fail(session: Session, row: JobRow, error: str) -> None:
    """End it as failed, for the reason that people read."""
    row.lease_until = row.lease_token = row.worker = None
    row.state, row.finished_at, row.error = FAILED, now(session), error
