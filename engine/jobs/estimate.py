"""About how long jobs take, by how long earlier ones of their kind took."""

from statistics import median

from engine.jobs.queue import JobQueue
from engine.jobs.records import Job
from engine.jobs.schema import RUNNING, SUCCEEDED

LOOKED_AT = 30  # newest jobs of a kind


class Estimates:
    """Reads the earlier jobs of each kind once; make a new one for every look."""

    def __init__(self, queue: JobQueue):
        self._queue = queue
        self._rates: dict[str, float | None] = {}

    def seconds(self, job: Job) -> float | None:
        """Of work that is left; None while nothing tells."""
        if job.state == RUNNING or (job.claims and job.seconds_left is not None):  # the latter made room
            return job.seconds_left
        pictures = self._queue.kinds[job.kind].pictures(job.request) if job.request else 0
        rate = self._rate(job.kind) if pictures else None
        return None if rate is None else rate * pictures

    def _rate(self, kind: str) -> float | None:
        """Seconds for a picture."""
        if kind not in self._rates:
            earlier = [_rate_of(job, self._queue) for job in self._queue.list(kind=kind, limit=LOOKED_AT)]
            known = [rate for rate in earlier if rate]
            self._rates[kind] = median(known) if known else None
        return self._rates[kind]


def _rate_of(job: Job, queue: JobQueue) -> float | None:
    pictures = queue.kinds[job.kind].pictures(job.request) if job.request else 0
    whole = job.state == SUCCEEDED and job.attempt == 1 and job.claims <= 1
    if not (pictures and whole and job.started_at and job.finished_at):
        return None
    return (job.finished_at - job.started_at) / pictures
