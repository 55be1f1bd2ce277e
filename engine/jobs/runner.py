"""One claimed job from its handler to its end state, whatever happens on the way."""

import logging
import threading
import time
import traceback
from collections.abc import Callable, Mapping

from sqlalchemy.exc import DBAPIError

from engine.errors import Cancelled, LeaseLost, OutOfMemory, StudioError
from engine.jobs.context import JobContext, preview_file
from engine.jobs.heartbeat import Heartbeat
from engine.jobs.queue import JobQueue
from engine.jobs.records import Claim, Job
from engine.jobs.trouble import Trouble
from engine.prepared import adopt
from engine.settings import Settings
from gallery.errors import GalleryError

log = logging.getLogger(__name__)

Handler = Callable[[JobContext], None]
"""Does the work of one job and records its end; raises to end it otherwise."""

LEAVE_SHARE = 0.7  # of the drain time; the rest is for saving and leaving in order
SETTLE_SECONDS = 1.0  # between tries to write how a job ended

DATABASE_ERRORS = (DBAPIError, GalleryError)


class Poisoned(Exception):
    """The device can no longer be trusted: this process must end and be started anew."""


class JobRunner:
    """Runs claimed jobs of one lane, one after the other."""

    def __init__(self, queue: JobQueue, settings: Settings, handlers: Mapping[str, Handler]):
        self._queue = queue
        self._settings = settings
        self._handlers = handlers
        self._leave_at: float | None = None
        self._lock = threading.Lock()

    def leave(self) -> None:
        """Finish or give back the running job within the drain time."""
        with self._lock:
            if self._leave_at is None:
                self._leave_at = time.monotonic() + self._settings.drain_seconds * LEAVE_SHARE

    def run(self, claim: Claim) -> None:
        """Work on a claimed job until it has ended, is given back, or belongs to another worker.

        Raises:
            Poisoned: the job is put back, and the process must end.
        """
        job = claim.job
        file = preview_file(self._settings.home, job.id)
        log.info("job %s (%s) starts, attempt %d", job.id, job.kind, job.attempt)
        with Heartbeat(self._queue, claim, self._settings, file) as heartbeat:
            context = JobContext(claim, heartbeat, self._must_leave)
            try:
                self._adopt(job)
                self._handlers[job.kind](context)
                log.info("job %s succeeded in %.2f s", job.id, context.progress.seconds)
            except LeaseLost:
                log.warning("job %s is no longer ours", job.id)
            except Cancelled:
                self._stopped(claim, heartbeat)
            except Exception as error:
                self._failed(claim, error)

    def _adopt(self, job: Job) -> None:
        """What was prepared for the job, should whoever asked for it have died before this."""
        if place := self._queue.kinds[job.kind].folder(self._settings, job.request):
            adopt(self._settings.home, place)

    def _must_leave(self, seconds_left: float | None) -> bool:
        if self._leave_at is None:
            return False
        return seconds_left is None or time.monotonic() + seconds_left > self._leave_at

    def _stopped(self, claim: Claim, heartbeat: Heartbeat) -> None:
        if heartbeat.lost.is_set():
            log.warning("job %s is no longer ours", claim.job.id)
        elif heartbeat.cancelled.is_set():
            self._settle("cancelled", claim, lambda: self._queue.cancelled(claim))
        else:
            self._settle("given back", claim, lambda: self._queue.release(claim))

    def _failed(self, claim: Claim, error: Exception) -> None:
        log.error("job %s met an error", claim.job.id, exc_info=error)
        poisoned = poisons_the_device(error)
        if poisoned or isinstance(error, DBAPIError):  # not the job's fault, and it may pass
            reason = f"{type(error).__name__}: {str(error).splitlines()[0]}"
            self._settle("put back", claim, lambda: self._queue.retry(claim, reason))
        else:
            details = "".join(traceback.format_exception(error))
            self._settle("failed", claim, lambda: self._queue.fail(claim, _text_for_people(claim, error), details))
        if poisoned:
            raise Poisoned(str(error)) from error

    def _settle(self, how: str, claim: Claim, write: Callable[[], None]) -> None:
        """Write how a job ended, as often as it takes: an unwritten end would look like a dead worker."""
        trouble = Trouble(log)
        while True:
            try:
                write()
                log.info("job %s %s", claim.job.id, how)
                return
            except LeaseLost:
                log.warning("job %s is no longer ours", claim.job.id)
                return
            except DATABASE_ERRORS as error:
                trouble.met(f"job {claim.job.id}: its end ({how}) cannot be written yet", error)
                time.sleep(SETTLE_SECONDS)


def _text_for_people(claim: Claim, error: Exception) -> str:
    if isinstance(error, (StudioError, GalleryError)):
        return str(error)
    if isinstance(error, MemoryError):
        return str(OutOfMemory("The machine ran out of memory. Try a smaller size or close other programs."))
    return (
        f"The engine met an error that it does not know ({type(error).__name__}). "
        f"Nothing that was finished is lost. The log folder has the details under job {claim.job.id}."
    )


def poisons_the_device(error: Exception) -> bool:
    """Whether the device can no longer be trusted after it."""
    # After a device-side assert the CUDA context stays broken for every later call
    # (pytorch issues 2300 and 17425); only a new process helps.
    marks = ("CUDA error", "cuDNN error", "CUBLAS_STATUS")
    return isinstance(error, RuntimeError) and any(mark in str(error) for mark in marks)
