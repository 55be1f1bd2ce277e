"""Keeps one worker process alive beside the web process, and takes back what dead workers held."""

import logging
import subprocess
import sys
import threading
import time

from filelock import FileLock, Timeout
from sqlalchemy.exc import DBAPIError

from engine.jobs.queue import JobQueue
from engine.jobs.status import is_dead, worker_name
from engine.settings import PROJECT, Settings
from gallery.errors import GalleryError

log = logging.getLogger(__name__)

WATCH_SECONDS = 0.2
RECLAIM_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 30.0
HEALTHY_SECONDS = 60.0  # a worker that lived this long starts again without a pause
MOST_LOCKED_LOOKS = 2  # each waits for the database's own timeout first

DATABASE_ERRORS = (DBAPIError, GalleryError)


class Supervisor:
    """Starts the worker, starts it again when it dies, and drains it at the end.

    Only one supervisor serves a studio folder: a second one finds the lock held and leaves the work
    to the first.
    """

    def __init__(self, settings: Settings, queue: JobQueue):
        self._settings = settings
        self._queue = queue
        self._lock = FileLock(settings.home / "worker.lock")
        self._stopping = threading.Event()
        self._locked_looks = 0
        self._process: subprocess.Popen | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start watching, unless another supervisor serves this studio folder."""
        self._settings.home.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            log.warning("another studio process serves %s; its worker does the work", self._settings.home)
            return
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Drain the worker: it finishes or gives back its job, and is killed after the drain time."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(self._settings.drain_seconds + 10)
            self._lock.release()

    @property
    def worker_pid(self) -> int | None:
        """The worker's process id while it runs."""
        process = self._process
        return process.pid if process and process.poll() is None else None

    def _watch(self) -> None:
        self._reclaim_from_the_dead()
        pause = 0.5
        while not self._stopping.is_set():
            started = time.monotonic()
            self._process = self._spawn()
            code = self._wait_for_end(self._process)
            if self._stopping.is_set():
                break
            healthy = time.monotonic() - started > HEALTHY_SECONDS
            pause = 0.5 if healthy else min(pause * 2, LONGEST_PAUSE_SECONDS)
            log.error("worker %d ended with code %s; another starts in %.1f s", self._process.pid, code, pause)
            self._reclaim(worker_name(self._process.pid), f"it ended with code {code}")
            self._stopping.wait(pause)
        self._drain()

    def _reclaim_from_the_dead(self) -> None:
        try:
            workers = self._queue.running_workers()
        except DATABASE_ERRORS:
            log.exception("jobs of earlier workers could not be looked up; their leases will run out")
            return
        for worker in filter(is_dead, workers):
            self._reclaim(worker, "the studio was stopped")

    def _reclaim(self, worker: str, reason: str) -> None:
        try:
            self._queue.reclaim_from(worker, reason)
        except DATABASE_ERRORS:
            log.exception("jobs of %s could not be taken back; their leases will run out", worker)

    def _spawn(self) -> subprocess.Popen:
        # A session of its own: Ctrl+C in the terminal reaches the web process alone, which drains.
        # The pipe's end tells the worker that its parent is gone, however that happened.
        return subprocess.Popen(
            [sys.executable, "-m", "engine.worker"],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            start_new_session=True,
            env=self._settings.to_environment(),
        )

    def _wait_for_end(self, process: subprocess.Popen) -> int | None:
        looked = 0.0
        while not self._stopping.wait(WATCH_SECONDS):
            if process.poll() is not None:
                return process.returncode
            if time.monotonic() - looked < RECLAIM_SECONDS:
                continue
            looked = time.monotonic()
            self._kill_if_hung(process)
        return process.poll()

    def _kill_if_hung(self, process: subprocess.Popen) -> None:
        if worker_name(process.pid) in self._hung_workers():
            log.error("worker %d hangs (silent, or beyond the job limit); killing it", process.pid)
            process.kill()

    def _hung_workers(self) -> set[str]:
        try:
            silent = self._queue.reclaim_expired()
            overdue = self._queue.fail_overdue(self._settings.job_limit_seconds)
        except DATABASE_ERRORS:
            # A process that hangs inside a transaction keeps the database locked for everybody, so
            # the leases cannot tell. The worker is the one other process that writes all the time.
            self._locked_looks += 1
            log.exception("the database did not answer (%d times in a row)", self._locked_looks)
            ours = {worker_name(self._process.pid)} if self._process else set()
            return ours if self._locked_looks >= MOST_LOCKED_LOOKS else set()
        self._locked_looks = 0
        return silent | overdue

    def _drain(self) -> None:
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(self._settings.drain_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdin.close()
        self._reclaim(worker_name(process.pid), "the studio was stopped")
