"""Lease, progress and preview of the running job, written from a thread of their own.

Drawing must not wait for the disk: a commit costs milliseconds, a step on a fast device not many more.
"""

import logging
import threading
import time
from pathlib import Path

from PIL.Image import Image
from sqlalchemy.exc import DBAPIError

from engine.errors import LeaseLost
from engine.files import replacing
from engine.jobs.queue import JobQueue
from engine.jobs.records import Claim, Progress
from engine.jobs.trouble import Trouble
from engine.settings import Settings
from gallery.errors import GalleryError

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 0.4  # the page asks twice a second; more often would be seen by nobody


class Heartbeat:
    """A context manager around one running job.

    It stops beating when the job makes no progress for `stall_seconds`, so that a hung device loses
    the lease although this thread is well.

    Attributes:
        progress: assign a new `Progress` to report it.
        cancelled: set once the artist asked to stop.
        lost: set once another worker owns the job.
        make_room: whether the job is to be put back now, to go on later; False for kinds that cannot.
    """

    def __init__(self, queue: JobQueue, claim: Claim, settings: Settings, preview_file: Path):
        self.progress = Progress(stage=claim.job.stage)
        self.cancelled = threading.Event()
        self.lost = threading.Event()
        self.make_room = False
        self._can_go_on = queue.kinds[claim.job.kind].pausable
        self._queue = queue
        self._claim = claim
        self._quiet_limit = settings.lease_seconds / 6
        self._stall_limit = settings.stall_seconds
        self._preview_file = preview_file
        self._preview: Image | None = None
        self._beaten: Progress | None = None
        self._beaten_at = self._moved_at = time.monotonic()
        self._trouble = Trouble(log)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def __enter__(self) -> "Heartbeat":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._done.set()
        self._thread.join()
        try:
            self._preview_file.unlink(missing_ok=True)
        except OSError:
            log.warning("preview of job %s could not be removed", self._claim.job.id, exc_info=True)

    def show(self, preview: Image) -> None:
        """Hand over the newest preview; it is written at the next beat."""
        self._preview = preview

    def _run(self) -> None:
        while not self._done.wait(INTERVAL_SECONDS) and not self.lost.is_set():
            self._write_preview()
            try:
                if self._queue.cancel_requested(self._claim):
                    self.cancelled.set()
                if self._can_go_on:
                    self.make_room = self._queue.should_make_room(self._claim, self.progress.seconds)
                self._beat_if_due()
            except LeaseLost:
                self.lost.set()
            except (DBAPIError, GalleryError) as error:  # a full or busy disk: the next beat may succeed
                self._trouble.met(f"heartbeat of job {self._claim.job.id} could not be written", error)

    def _beat_if_due(self) -> None:
        progress, moment = self.progress, time.monotonic()
        if progress is not self._beaten:
            self._moved_at = moment
        elif moment - self._beaten_at < self._quiet_limit or moment - self._moved_at > self._stall_limit:
            return
        self._queue.beat(self._claim, progress)
        self._trouble.passed()
        self._beaten, self._beaten_at = progress, moment

    def _write_preview(self) -> None:
        preview, self._preview = self._preview, None
        if preview is None:
            return
        try:
            self._preview_file.parent.mkdir(parents=True, exist_ok=True)
            with replacing(self._preview_file, durable=False) as file:
                preview.save(file, "JPEG", quality=80)
        except OSError as error:  # a preview is a courtesy; the picture itself is saved with all care
            self._trouble.met(f"preview of job {self._claim.job.id} could not be written", error)
