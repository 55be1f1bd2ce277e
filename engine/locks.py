"""Who is at work on a studio folder: the studio that serves it, and worker processes, also of one that was killed.

Each holds the lock of a file for as long as it lives, however it ends. What counts is the lock: a file may lie there
without its process, and a process id may be another's by now.
"""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from secrets import token_hex

from filelock import FileLock, Timeout

from engine.errors import StudioBusy

SUPERVISOR = "worker.lock"
WORKERS = "workers"
LOOK_SECONDS = 0.2


def supervisor_lock(home: Path) -> FileLock:
    """The lock of the one supervisor that serves a folder."""
    return FileLock(home / SUPERVISOR)


@contextmanager
def worker_at_work(home: Path) -> Iterator[None]:
    """While a worker process lives. A folder that may only be read takes no lock; nobody can replace its database."""
    file = home / WORKERS / f"{os.getpid()}-{token_hex(4)}.lock"  # two machines may give out the same process id
    with ExitStack() as held:
        with suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            held.enter_context(FileLock(file))
            held.callback(file.unlink, missing_ok=True)
        yield


@contextmanager
def alone(home: Path, what: str = "replaced", patience: float = 0.0) -> Iterator[None]:
    """While nobody works on a studio folder.

    Args:
        what: is to become of the database; for the error's words.
        patience: seconds to wait for those who do work on it.

    Raises:
        StudioBusy: somebody still does.
    """
    home.mkdir(parents=True, exist_ok=True)
    give_up = time.monotonic() + patience
    try:
        lock = supervisor_lock(home).acquire(timeout=patience, poll_interval=LOOK_SECONDS)
    except Timeout:
        raise StudioBusy(
            f"The studio in {home} is running, so its database cannot be {what} now. "
            "Stop it (Ctrl+C where it was started), and run this again."
        ) from None
    with lock:
        _without_workers(home, what, give_up)
        yield


def _without_workers(home: Path, what: str, give_up: float) -> None:
    while process := living_worker(home):
        if time.monotonic() >= give_up:
            raise StudioBusy(
                f"The studio in {home} was killed, and its worker (process {process}) is still at work, so the "
                f"database cannot be {what} now. It leaves by itself within a minute; run this again then. If it "
                f"hangs, end it (`kill -9 {process}`)."
            )
        time.sleep(LOOK_SECONDS)


def living_worker(home: Path) -> str:
    """The process id of one that lives, empty where there is none; what dead ones left is removed."""
    living = ""
    for file in sorted((home / WORKERS).glob("*.lock")):
        try:
            with FileLock(file).acquire(timeout=0):
                file.unlink(missing_ok=True)
        except Timeout:
            living = file.name.partition("-")[0]
        except OSError:  # a folder that may only be read
            continue
    return living
