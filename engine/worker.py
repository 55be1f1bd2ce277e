"""The process that owns torch, the device and every model: `python -m engine.worker`.

It draws one job at a time; downloads run beside that in a thread. It ends when told to (SIGTERM, or
its parent's end, seen as the end of standard input), finishing or giving back the job it works on.
"""

import gc
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from logging.handlers import RotatingFileHandler
from typing import TYPE_CHECKING

from engine.errors import StudioError
from engine.jobs.kind import Kinds
from engine.jobs.queue import JobQueue
from engine.jobs.runner import Handler, JobRunner, Poisoned
from engine.jobs.schema import DEVICE_LANES, DRAW, FETCH
from engine.jobs.status import (
    READY,
    STARTING,
    STOPPING,
    WORKING,
    EngineStatus,
    last_status,
    read_status,
    worker_name,
    write_status,
)
from engine.jobs.trouble import Trouble
from engine.jobs.workplace import Workplace
from engine.kinds import KINDS
from engine.locks import worker_at_work
from engine.settings import Settings
from gallery.database import Database
from gallery.store import Gallery

if TYPE_CHECKING:
    from engine.device import Device

log = logging.getLogger(__name__)

POLL_SECONDS = 0.01  # asking SQLite whether anything changed costs microseconds
SLOW_POLL_SECONDS = 0.25  # for other databases, which are really asked, and for downloads, which nobody watches begin
REST_SECONDS = 2.0  # without work, before something is made ready that the next job can do without
LOOK_SECONDS = 1.0  # look at the queue at least this often, changed or not
POISONED_EXIT = 70
OVERDUE_EXIT = 75

Tell = Callable[[str], None]
Rest = Callable[[], bool]
Between = Callable[[Callable[[], bool]], bool]


class PatientFile(RotatingFileHandler):
    """A log whose own failing fills no terminal: on a full disk it is said once, and once when it goes on."""

    _failing = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line; what cannot be written is lost."""
        self._failed_now = False
        super().emit(record)
        if self._failing and not self._failed_now:
            self._failing = False
            super().emit(logging.LogRecord(__name__, logging.WARNING, __file__, 0, "log lines were lost", (), None))

    def handleError(self, record: logging.LogRecord) -> None:
        """In place of a traceback for every line."""
        self._failed_now = True
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
        elif not self._failing:
            self._failing = True
            print(f"The log {self.baseFilename} cannot be written: {error.strerror}.", file=sys.stderr, flush=True)


class Worker:
    """Claims jobs of its lanes until it is told to stop."""

    def __init__(self, settings: Settings, database: Database, kinds: Kinds = KINDS):
        self.settings = settings
        self.name = worker_name()
        self.queue = JobQueue(database, settings, kinds)
        self._database = database
        self._stopping = threading.Event()
        self._runners: dict[str, JobRunner] = {}

    def serve(
        self,
        lanes: Sequence[str],
        handlers: dict[str, Handler],
        tell: Tell = lambda state: None,
        rest: Rest = lambda: False,
        between: Between = lambda should_stop: False,
    ) -> None:
        """Work on jobs until `stop`: those of the first lane first, unless another has its turn.

        Args:
            tell: called with WORKING before a job and READY after it.
            rest: called when nothing was to do for `REST_SECONDS`, again after every job and as long as it says that
                there is more to come; it must return at once, since a job waits for it.
            between: called whenever nothing is to do, with what says that this has changed, for short work that
                is asked for beside the queue; returns whether there was any.

        Raises:
            Poisoned: the device is broken for this process.
        """
        quick = DRAW in lanes and self._database.is_sqlite
        pause = POLL_SECONDS if quick else SLOW_POLL_SECONDS
        seen, looked = None, 0.0
        quiet: float | None = time.monotonic()  # since when nothing was to do; None where resting has no use
        trouble = Trouble(log)
        while not self._stopping.is_set():
            try:
                version = self._database.data_version()
                look = version != seen or time.monotonic() - looked >= LOOK_SECONDS
                if look and any(self.run_one(lane, handlers, tell) for lane in self.queue.lanes.in_turn(lanes)):
                    trouble.passed()
                    quiet = time.monotonic()
                    continue
                seen, looked = (version, time.monotonic()) if look else (seen, looked)
                if between(partial(self._is_wanted, lanes, version)):
                    quiet = time.monotonic()
                else:
                    if look and quiet is not None and looked - quiet > REST_SECONDS:
                        quiet = quiet if rest() else None
                    self._stopping.wait(pause)
                trouble.passed()
            except Poisoned:
                raise
            except Exception as error:  # a full disk, a locked database: it may pass, and the lane must live on
                trouble.met(f"the {lanes[0]} lane met an error", error)
                self._stopping.wait(LOOK_SECONDS)

    def _is_wanted(self, lanes: Sequence[str], seen: int) -> bool:
        """Whether a job waits; what others write into the database is mostly none."""
        return self.stopping or (self._database.data_version() != seen and self.queue.waits(lanes))

    def run_one(self, lane: str, handlers: dict[str, Handler], tell: Tell = lambda state: None) -> bool:
        """Work on the first waiting job of a lane; returns whether there was one."""
        runner = self._runners.setdefault(lane, JobRunner(self.queue, self.settings, handlers))
        claim = None if self._stopping.is_set() else self.queue.claim(self.name, lane)
        if claim is None:
            return False
        tell(WORKING)
        runner.run(claim)
        tell(READY)
        return True

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """Claim no more; finish or give back what runs."""
        if self.stopping:
            return
        self._stopping.set()
        for runner in list(self._runners.values()):
            runner.leave()
        # The last word, should a kernel or a disk never come back; the lease brings the job back.
        last = threading.Timer(self.settings.drain_seconds, os._exit, (OVERDUE_EXIT,))
        last.daemon = True
        last.start()


def main() -> None:
    """Run the worker until it is told to stop."""
    settings = Settings.from_environment()
    _log_to(settings)
    with worker_at_work(settings.home):
        # Before its lock was taken nobody could know of it, so from here the database may be opened, if anybody asks.
        if "--stop-with-stdin" in sys.argv[1:] and _is_at_end_of_stdin():
            log.info("the studio that started this worker is gone")
        else:
            _work(settings)


def _work(settings: Settings) -> None:
    database = Database(settings.database_url)
    worker = Worker(settings, database)
    _stop_on_signal(worker)
    if "--stop-with-stdin" in sys.argv[1:]:
        threading.Thread(target=_stop_at_end_of_stdin, args=(worker,), name="parent", daemon=True).start()
    before = last_status(settings.home)
    write_status(settings.home, EngineStatus(STARTING, before.device, before.accelerated, worker.name))

    fetching = threading.Thread(target=_fetch_lane, args=(worker, settings, database), name="fetch", daemon=True)
    fetching.start()
    try:
        _draw_lane(worker, settings, database)
    except StudioError as error:
        log.exception("worker %s cannot work", worker.name)
        write_status(settings.home, EngineStatus(STOPPING, worker=worker.name, problem=str(error)))
        sys.exit(1)
    except Poisoned:
        log.exception("the device is broken for this process; leaving")
        os._exit(POISONED_EXIT)
    fetching.join(settings.drain_seconds)
    log.info("worker %s left in order", worker.name)


def device_work(
    settings: Settings, queue: JobQueue, database: Database, warm: bool = False
) -> tuple["Device", dict[str, Handler]]:
    """Everything that needs the device: it, chosen by the settings, and who works on which kind of job."""
    place, handlers = device_place(settings, queue, database, warm)
    return place.device, handlers


def device_place(
    settings: Settings, queue: JobQueue, database: Database, warm: bool = False
) -> tuple[Workplace, dict[str, Handler]]:
    """The workplace on the device that the settings choose, and who works there on which kind of job."""
    # Seconds of imports: here, so that the process can already be told to stop.
    with uncollected():
        from engine.device import choose

        device = choose(settings.device)  # before the longer imports: a device that is not there is told soon

        from engine.captioning.job import Captioning
        from engine.comparing.job import Comparing
        from engine.cyclegan.job import CycleGanTraining
        from engine.diffusion.job import Drawing
        from engine.drafts.job import Drafting
        from engine.explorers.job import NetworkTraining
        from engine.grids.job import Grids
        from engine.image_to_image.job import Redrawing
        from engine.inpainting.job import Inpainting
        from engine.latent.job import Exploring
        from engine.lora.job import Training
        from engine.measuring.job import Comparing as ComparingFolders
        from engine.noising.job import Noising
        from engine.reproducing.job import Reproducing
        from engine.translation.job import Translating
        from engine.upscaling.job import Upscaling
        from engine.vqi2i.job import Vqi2iTraining

    place = Workplace(settings, queue, Gallery(database, settings.home, describe=queue.kinds.describe), device, warm)
    place.furnish([Drawing, Drafting, Redrawing, Inpainting, Grids, Translating, Upscaling, Noising, Exploring.at])
    place.furnish([Reproducing, Training, NetworkTraining, CycleGanTraining, Vqi2iTraining])
    return place, place.furnish([Comparing, ComparingFolders, Captioning])


@contextmanager
def uncollected() -> Iterator[None]:
    """Around imports: what modules make stays; looking through it for garbage, then and later, would take seconds."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collecting:
            gc.enable()


def fetch_work(settings: Settings, queue: JobQueue, database: Database) -> dict[str, Handler]:
    """What runs beside the device."""
    from engine.importing.job import Importing
    from engine.latent.job import Exploring
    from engine.measuring.job import Measuring
    from engine.weights.job import Fetching

    gallery = Gallery(database, settings.home, describe=queue.kinds.describe)
    brought = {**Fetching(settings, queue).handlers, **Importing(settings, queue, gallery).handlers}
    return {**brought, **Exploring(settings, queue, gallery).handlers, **Measuring(queue).handlers}


def _draw_lane(worker: Worker, settings: Settings, database: Database) -> None:
    place, handlers = device_place(settings, worker.queue, database, warm=True)
    device = place.device

    def tell(state: str) -> None:
        if read_status(settings.home).worker in ("", worker.name):  # a newer worker speaks for itself
            write_status(settings.home, EngineStatus(state, device.name, device.is_cuda, worker.name))

    tell(READY)
    log.info("worker %s is ready on %s", worker.name, device.name)
    worker.serve(DEVICE_LANES, handlers, tell, place.rest, place.between)
    tell(STOPPING)


def _fetch_lane(worker: Worker, settings: Settings, database: Database) -> None:
    worker.serve((FETCH,), fetch_work(settings, worker.queue, database))


def _stop_on_signal(worker: Worker) -> None:
    def stop(number: int, _frame: object) -> None:
        if worker.stopping:  # asked twice: go at once; the lease brings the job back
            os._exit(128 + number)
        worker.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def _is_at_end_of_stdin() -> bool:
    os.set_blocking(0, False)
    try:
        return not os.read(0, 1024)
    except BlockingIOError:
        return False
    finally:
        os.set_blocking(0, True)


def _stop_at_end_of_stdin(worker: Worker) -> None:
    # os.read, not sys.stdin: a thread inside a buffered reader aborts the interpreter at its end.
    while os.read(0, 1024):
        pass
    worker.stop()


def _log_to(settings: Settings) -> None:
    folder = settings.home / "logs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler: logging.Handler = PatientFile(folder / "worker.log", maxBytes=10_000_000, backupCount=5)
    except OSError as error:  # a folder that may only be read
        handler = logging.StreamHandler()
        print(
            f"The worker's log {folder} cannot be written: {error.strerror}. It goes to the terminal.", file=sys.stderr
        )
    logging.basicConfig(
        level=logging.INFO,
        handlers=[handler],
        format="%(asctime)s %(levelname)s %(process)d %(name)s %(message)s",
    )


if __name__ == "__main__":
    main()
