"""Jobs that bring networks which measure pictures."""

from pathlib import Path

from engine.jobs.context import JobContext
from engine.jobs.queue import JobQueue
from engine.jobs.runner import Handler
from engine.measuring.request import FetchNetwork
from engine.metrics.published.catalogue import network_named
from engine.metrics.published.fetching import Access, copy_from, require

MB = 10**6  # progress is counted in megabytes: bytes exceed 32-bit integers


class Measuring:
    """Brings networks, beside what has the device."""

    def __init__(self, queue: JobQueue):
        self._queue = queue

    @property
    def handlers(self) -> dict[str, Handler]:
        """What this can do."""
        return {FetchNetwork.kind: self.fetch}

    def fetch(self, context: JobContext) -> None:
        """Download what is missing, or copy it; an interrupted download continues where it was."""
        request: FetchNetwork = context.request
        network = network_named(request.network)
        stage = f"{'Copying' if request.folder else 'Downloading'} {network.title}"

        def report(done_bytes: int, total_bytes: int) -> None:
            context.report(stage, done_bytes // MB, max(total_bytes // MB, 1))

        context.report(stage)
        access = Access(True, context.should_stop, report)
        if request.folder:
            copy_from(Path(request.folder).expanduser(), network.files, network.place, access)
        require(network.measures, network.files, network.place, access)
        self._queue.succeed(context.claim, context.progress)
