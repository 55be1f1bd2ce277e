"""Waiting for a job from a command: with a supervisor, a line of progress, and an end whatever happens."""

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from engine.errors import StudioError
from engine.jobs.kind import Request
from engine.jobs.lanes import NAMES
from engine.jobs.records import Job
from engine.jobs.schema import QUEUED, SUCCEEDED
from engine.jobs.status import READY, STARTING, WORKING
from engine.jobs.supervisor import Supervisor
from engine.studio import Studio

POLL_SECONDS = 0.1
CANCEL_SECONDS = 10.0  # that a cancelled job may take to its next step
FALSE_STARTS = 3  # workers that end before they could say a word


def finished(studio: Studio, job: Job, quiet: bool = False) -> Job:
    """Wait until a job has ended.

    A supervisor is started in any case: beside a running studio it only waits, and when that one goes, it takes over.

    Args:
        quiet: show no progress; it is shown on terminals only.

    Raises:
        StudioError: the worker cannot work; the job is cancelled, as it is by Ctrl+C.
    """
    supervisor = studio.supervisor()
    supervisor.start()
    try:
        with _noticed_interrupt() as interrupted:
            return _watched(studio, job, supervisor, interrupted, not quiet and sys.stderr.isatty())
    except BaseException:
        studio.cancel(job.id)
        _wait_for_end(studio, job)
        raise
    finally:
        supervisor.stop()


def done(studio: Studio, request: Request, what: str, quiet: bool = False) -> Job:
    """Ask for it and wait for its end. Raises StudioError with the reason unless it succeeded.

    Args:
        what: how messages call it.
    """
    job = finished(studio, studio.submit(request), quiet)
    require_success(job, what)
    return job


def require_success(job: Job, what: str) -> None:
    """Raise StudioError with the reason unless the job succeeded."""
    if job.state != SUCCEEDED:
        raise StudioError(job.error or f"The {what} was {job.state}.")


@contextmanager
def _noticed_interrupt() -> Iterator[threading.Event]:
    """Ctrl+C sets an event: as an exception it could be raised, and lost, inside a library's clean-up."""
    interrupted = threading.Event()
    before = signal.signal(signal.SIGINT, lambda number, frame: interrupted.set())
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)


def _watched(studio: Studio, job: Job, supervisor: Supervisor, interrupted: threading.Event, show: bool) -> Job:
    worker = _WorkerWatch(studio, supervisor)
    paused = False
    while not job.ended:
        if interrupted.wait(POLL_SECONDS):
            raise KeyboardInterrupt
        job = studio.job(job.id)
        if not job.ended:
            worker.require_working()
            paused = _said_paused(studio, job, paused)
        if show:
            typer.echo(f"\r\x1b[K{_line(job)}", nl=False, err=True)
    return job


def _said_paused(studio: Studio, job: Job, said: bool) -> bool:
    """Say once that the job's lane is paused, again after it went on; returns whether it is."""
    paused = job.state == QUEUED and job.lane in studio.queue.lanes.paused()
    if paused and not said:
        advice = f"`python -m engine queue resume {job.lane}` has them go on; Ctrl+C cancels this job."
        typer.echo(f"{NAMES[job.lane]} are paused, so this waits. {advice}", err=True)
    return paused


def _line(job: Job) -> str:
    """Progress in words; empty when there is none any more."""
    if job.ended or not job.steps:
        return ""
    return f"{job.stage}, {job.step}/{job.steps}"


def _wait_for_end(studio: Studio, job: Job) -> None:
    give_up = time.monotonic() + CANCEL_SECONDS
    while not studio.job(job.id).ended and time.monotonic() < give_up:
        time.sleep(POLL_SECONDS)


class _WorkerWatch:
    """Notices that nobody will ever do the job: a page can go on showing that, a command has to end."""

    def __init__(self, studio: Studio, supervisor: Supervisor):
        self._studio = studio
        self._supervisor = supervisor
        self._pids: set[int] = set()
        self._began = False  # what the status says before is the word of an earlier worker

    def require_working(self) -> None:
        status = self._studio.engine()
        if status.state in (STARTING, READY, WORKING):
            self._began = True
        elif self._began and status.problem:
            raise StudioError(status.problem)
        if pid := self._supervisor.worker_pid:
            self._pids.add(pid)
        if not self._began and len(self._pids) > FALSE_STARTS:
            raise StudioError(
                f"The engine's process ended {FALSE_STARTS} times before it could begin. "
                f"Run `{Path(sys.executable).name} -m engine.worker` to see why, and correct it."
            )
