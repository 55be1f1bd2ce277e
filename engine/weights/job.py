"""Download jobs: a model's weights from the hub into the studio folder."""

from engine.jobs.context import JobContext
from engine.jobs.queue import JobQueue
from engine.jobs.runner import Handler
from engine.settings import Settings
from engine.weights.hub import fetch
from engine.weights.models import Catalogue
from engine.weights.request import FetchModel

MB = 10**6  # progress is counted in megabytes: bytes of a model exceed 32-bit integers


class Fetching:
    """Runs download jobs."""

    def __init__(self, settings: Settings, queue: JobQueue):
        self._settings = settings
        self._queue = queue

    @property
    def handlers(self) -> dict[str, Handler]:
        """What this lane can do."""
        return {FetchModel.kind: self.fetch}

    def fetch(self, context: JobContext) -> None:
        """Download what is missing; an interrupted download continues where it was."""
        request: FetchModel = context.request
        info = Catalogue(self._settings).get(request.model)
        context.report(f"Asking the model hub about {info.title}")

        def report(done_bytes: int, total_bytes: int, file: str) -> None:
            context.report(f"Downloading {info.title}", done_bytes // MB, max(total_bytes // MB, 1))

        folder = self._settings.home / "weights" / info.name
        fetch(info.hub_id, folder, report=report, should_stop=context.should_stop)
        self._queue.succeed(context.claim, context.progress)
