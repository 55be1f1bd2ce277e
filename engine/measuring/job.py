"""Jobs that bring networks which measure pictures, and compare folders with them."""

from pathlib import Path

from engine.jobs.context import JobContext
from engine.jobs.queue import JobQueue
from engine.jobs.runner import Handler
from engine.jobs.space import require_space
from engine.jobs.workplace import Workplace
from engine.measuring.folders import compare_folders
from engine.measuring.reports import keep_report
from engine.measuring.request import CompareFolders, FetchNetwork
from engine.metrics.networks import load_networks
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


class Comparing:
    """Compares folders, on the device between drawings."""

    def __init__(self, place: Workplace):
        self._place = place

    @property
    def handlers(self) -> dict[str, Handler]:
        """What this can do."""
        return {CompareFolders.kind: self.compare}

    def release(self) -> None:
        """Nothing stays warm."""

    def compare(self, context: JobContext) -> None:
        """Measure, and keep the report."""
        request: CompareFolders = context.request
        settings, device = self._place.settings, self._place.device
        require_space(settings.home)
        context.report("Loading the networks")
        self._place.make_room()
        one, other = Path(request.one), Path(request.other)
        with device.explaining_out_of_memory("Comparing folders", "Close other programs."):
            found = compare_folders(
                one,
                other,
                load_networks(device=device.torch_device),
                leave_out_broken=request.leave_out_broken,
                report=lambda name, done, total: context.report(f"Looking at {name}", done, total),
                should_stop=context.should_stop,
            )
        keep_report(settings, request, found.to_dict())
        self._place.queue.succeed(context.claim, context.progress)
