"""Keeps one worker process alive beside the web process, and takes back what dead workers held."""

import logging
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable

from filelock import Timeout
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from engine.jobs.queue import JobQueue
from engine.jobs.records import Lease
from engine.jobs.schema import DRAW
from engine.jobs.status import is_dead, worker_name
from engine.jobs.trouble import Trouble
from engine.jobs.watch import LeaseWatch
from engine.locks import living_worker, supervisor_lock
from engine.prepared import sweep
from engine.settings import PROJECT, Settings
from gallery.errors import GalleryError

log = logging.getLogger(__name__)

WATCH_SECONDS = 0.2
LEASES_SECONDS = 2.0
LOCK_SECONDS = 1.0
SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 30.0  # between the end of a worker and the start of the next
HEALTHY_SECONDS = 60.0  # a worker that lived this long, or finished a job, is followed after the shortest pause
UPKEEP_SECONDS = 3600.0
LAST_UPKEEP_SECONDS = 5.0  # an end waits so long for it
MOST_LOCKED_LOOKS = 2  # each waits for the database's own timeout first


class Supervisor:
    """Starts the worker, starts it again when it dies, and drains it at the end.

    One supervisor at a time serves a studio folder: the others wait for its lock, and one of them
    takes over when it goes.

    Args:
        module: what the worker process runs.
        upkeep: what there is to look after once the folder is this supervisor's, and every hour, in a thread of its
            own after the worker's start. It may be killed at any moment: an end of the studio does not wait for it.
    """

    def __init__(
        self,
        settings: Settings,
        queue: JobQueue,
        module: str = "engine.worker",
        upkeep: Callable[[], object] = lambda: None,
    ):
        self._settings = settings
        self._module = module
        self._queue = queue
        self._upkeep = upkeep
        self._kept_up: float | None = None
        self._keeper: threading.Thread | None = None
        self._watch = LeaseWatch()
        self._trouble = Trouble(log)
        self._locked_looks = 0
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._worker = ""
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)

    def start(self) -> None:
        """Start watching; the worker starts as soon as no other supervisor serves this studio folder."""
        self._settings.home.mkdir(parents=True, exist_ok=True)
        self._thread.start()

    def stop(self) -> None:
        """Drain the worker: it finishes or gives back its job, and is killed after the drain time."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(self._settings.drain_seconds + 10)

    @property
    def worker_pid(self) -> int | None:
        """The worker's process id while it runs."""
        process = self._process
        return process.pid if process and process.poll() is None else None

    @property
    def worker_exit_code(self) -> int | None:
        """How the worker ended that was started last; None while it runs."""
        return self._process.poll() if self._process else None

    def _run(self) -> None:
        lock = supervisor_lock(self._settings.home)
        while not self._stopping.is_set():
            try:
                with lock.acquire(timeout=0):
                    self._serve()
            except Timeout:
                self._stopping.wait(LOCK_SECONDS)
            except Exception as error:  # the last guard: without this thread nothing is ever drawn again
                self._trouble.met("the supervisor met an error and begins anew", error)
                self._drain()
                self._stopping.wait(LOCK_SECONDS)

    def _serve(self) -> None:
        self._tidy()
        pause = SHORTEST_PAUSE_SECONDS
        while not self._stopping.is_set():
            started, done = time.monotonic(), self._succeeded()
            code = self._until_it_ends(self._spawn())
            if self._stopping.is_set():
                break
            lived, finished = time.monotonic() - started, self._succeeded() - done
            pause = next_pause(pause, lived_seconds=lived, finished=finished)
            log.error("worker %s ended with code %s; another starts in %.1f s", self._worker, code, pause)
            self._reclaim_of(self._worker, f"it ended with code {code}")
            self._stopping.wait(pause)
        self._drain()
        if self._keeper is not None:
            self._keeper.join(LAST_UPKEEP_SECONDS)  # while the folder is still this supervisor's

    def _tidy(self) -> None:
        """Leave nothing that a killed process left, and no job that nobody would ever begin."""
        for folder in ("previews", "drafts"):
            shutil.rmtree(self._settings.home / folder, ignore_errors=True)
        try:
            sweep(self._settings.home, self._queue.folders())
        except (DBAPIError, GalleryError, OSError):  # no reason not to start the worker
            log.exception("what was prepared for jobs that never came about could not be looked after")
        try:
            self._queue.settle_unreadable()
        except (SQLAlchemyError, GalleryError):
            log.exception("unreadable jobs could not be looked after")

    def _look_after(self) -> None:
        """The upkeep where it is due, beside everything else: it reads the whole database, which takes its time."""
        if self._keeper is not None and self._keeper.is_alive():
            return
        if self._kept_up is None or time.monotonic() - self._kept_up >= UPKEEP_SECONDS:
            self._kept_up = time.monotonic()
            self._keeper = threading.Thread(target=self._keep_up, name="upkeep", daemon=True)
            self._keeper.start()

    def _keep_up(self) -> None:
        try:
            self._upkeep()
        except Exception:  # whatever it is, it must end no process
            log.exception("the studio's upkeep met an error")

    def _succeeded(self) -> int:
        try:
            return self._queue.count_succeeded()
        except (DBAPIError, GalleryError):
            return 0

    def _spawn(self) -> subprocess.Popen[bytes]:
        living_worker(self._settings.home)  # for what killed ones left: their files
        # A session of its own: Ctrl+C in the terminal reaches the web process alone, which drains.
        # The pipe's end tells the worker that its parent is gone, however that happened.
        self._process = subprocess.Popen(
            [sys.executable, "-m", self._module, "--stop-with-stdin"],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            start_new_session=True,
            env=self._settings.to_environment(),
        )
        self._worker = worker_name(self._process.pid)
        return self._process

    def _until_it_ends(self, process: subprocess.Popen[bytes]) -> int | None:
        looked = 0.0
        while not self._stopping.wait(WATCH_SECONDS):
            if process.poll() is not None:
                return process.returncode
            if time.monotonic() - looked >= LEASES_SECONDS:
                self._look_at_leases(process)
                looked = time.monotonic()
            self._look_after()
        return process.poll()

    def _look_at_leases(self, process: subprocess.Popen[bytes]) -> None:
        try:
            leases = self._queue.leases()
            self._watch.look(leases)
            hung = [lease.worker for lease in leases if self._take_back(lease)]
            self._locked_looks = 0
            self._trouble.passed()
        except GalleryError as error:  # a full or read-only disk is nobody's hang
            self._trouble.met("leases cannot be looked after now", error)
            self._watch.forgive()
            return
        except DBAPIError as error:
            # A process that hangs inside a transaction keeps the database locked for everybody, so
            # the leases cannot tell. The worker is the one other process that writes all the time.
            self._locked_looks += 1
            self._trouble.met("the database did not answer", error)
            hung = [self._worker] if self._locked_looks >= MOST_LOCKED_LOOKS else []
        if self._worker in hung:
            log.error("worker %s hangs; killing it", self._worker)
            process.kill()

    def _take_back(self, lease: Lease) -> bool:
        """Take back a job whose worker is dead, silent or overdue; returns whether that worker hangs."""
        limits = self._settings
        if is_dead(lease.worker):
            self._queue.reclaim(lease.token, "its process ended")
        elif self._watch.silent_seconds(lease) > limits.lease_seconds:
            return self._queue.reclaim(lease.token, f"it did not answer for {limits.lease_seconds:.0f} s")
        elif lease.lane == DRAW and self._watch.fruitless_seconds(lease) > limits.job_limit_seconds:
            return self._queue.fail_overdue(lease.token, limits.job_limit_seconds)
        return False

    def _reclaim_of(self, worker: str, reason: str) -> None:
        try:
            for lease in self._queue.leases():
                if lease.worker == worker:
                    self._queue.reclaim(lease.token, reason)
        except (DBAPIError, GalleryError):
            log.exception("jobs of %s could not be taken back yet", worker)

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
        if process.stdin is not None:
            process.stdin.close()
        self._reclaim_of(self._worker, "the studio was stopped")


def next_pause(before: float, *, lived_seconds: float, finished: int) -> float:
    """Seconds between the end of a worker and the start of the next: twice as long after each one that did nothing.

    Args:
        before: the pause before it started.
        finished: jobs that ended well in its life.
    """
    if lived_seconds > HEALTHY_SECONDS or finished > 0:
        return SHORTEST_PAUSE_SECONDS
    return min(before * 2, LONGEST_PAUSE_SECONDS)
