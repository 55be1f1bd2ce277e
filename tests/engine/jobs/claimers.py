"""Programs that the tests of the queue start: processes that race for its jobs, or are killed while they work."""

import os
import random
import signal
import sys
import time
from pathlib import Path

from engine.jobs.queue import JobQueue
from engine.jobs.records import Progress
from engine.jobs.schema import DRAW
from engine.kinds import KINDS
from engine.settings import Settings
from gallery.database import Database


def race(home: Path, claimers: int) -> None:
    """Claimers at once; fails if one of them fails."""
    children = [_fork(home, number) for number in range(claimers)]
    sys.exit(max(os.waitpid(child, 0)[1] for child in children))


def kill(home: Path, claimers: int) -> None:
    """One claimer after another: each is killed at a random moment, only the last goes on to the end.

    Each has ended a job before it is killed, however slow the machine is: a job that is killed three times fails.
    """
    moments = random.Random(3)
    for number in range(claimers):
        begun, tell = os.pipe()
        child = _fork(home, number, tell)
        os.close(tell)
        if number < claimers - 1:
            os.read(begun, 1)
            time.sleep(moments.random() * 0.1)
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(begun)
        _reclaim(home)


def _fork(home: Path, number: int, tell: int | None = None) -> int:
    """Start a claimer without the imports of a process of its own; what it opens, it opens itself."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        _claim_all(_queue(home), number, tell)
        code = 0
    finally:
        os._exit(code)


def _queue(home: Path) -> JobQueue:
    settings = Settings(home=home)
    return JobQueue(Database(settings.database_url), settings, KINDS)


def _claim_all(queue: JobQueue, number: int, tell: int | None) -> None:
    """Claim jobs until none is left for a while; some are given back, the ids of the others are printed."""
    chance, idle = random.Random(number), 0
    while idle < 20:
        claim = queue.claim(f"worker-{number}", DRAW)
        if claim is None:
            idle += 1
            time.sleep(0.02)
            continue
        idle = 0
        queue.beat(claim, Progress(step=1, steps=2))
        if chance.random() < 0.2:
            queue.release(claim)
        else:
            queue.succeed(claim, Progress(step=2, steps=2))
            os.write(1, f"{claim.job.id}\n".encode())
            if tell is not None:
                os.write(tell, b"!")


def _reclaim(home: Path) -> None:
    """Take back what a killed claimer held; nothing stays open for the next fork."""
    settings = Settings(home=home)
    database = Database(settings.database_url)
    queue = JobQueue(database, settings, KINDS)
    for lease in queue.leases():
        queue.reclaim(lease.token, "killed")
    database.dispose()


if __name__ == "__main__":
    name, home, count = sys.argv[1:]
    {"race": race, "kill": kill}[name](Path(home), int(count))
