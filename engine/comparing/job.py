"""Jobs that compare translators and test them on pairs, on the device between drawings."""

from engine.comparing.comparison import Comparison
from engine.comparing.plan import COMPARED, TESTED, folder_of
from engine.comparing.request import CompareTranslators, TestOnPairs
from engine.comparing.testing import Test
from engine.jobs.context import JobContext
from engine.jobs.runner import Handler
from engine.jobs.space import require_space
from engine.jobs.workplace import Workplace


class Comparing:
    """Runs comparisons and tests; what they made is kept if they are stopped."""

    def __init__(self, place: Workplace):
        self._settings = place.settings
        self._queue = place.queue
        self._device = place.device
        self._make_room = place.make_room

    @property
    def handlers(self) -> dict[str, Handler]:
        """What this can do."""
        return {CompareTranslators.kind: self.compare, TestOnPairs.kind: self.test}

    def release(self) -> None:
        """Nothing stays warm."""

    def compare(self, context: JobContext) -> None:
        """Compare translators, or go on with it."""
        request: CompareTranslators = context.request
        folder = folder_of(self._settings, request)
        require_space(self._settings.home)
        if not (folder / COMPARED).exists():
            context.report("Looking at the pictures")
            self._make_room()
            with self._device.explaining_out_of_memory("Comparing translators", "Choose a smaller side."):
                Comparison(folder, request, self._settings, self._device, context.report, context.should_stop).run()
        self._queue.succeed(context.claim, context.progress)

    def test(self, context: JobContext) -> None:
        """Test a translator on pairs, or go on with it."""
        request: TestOnPairs = context.request
        folder = folder_of(self._settings, request)
        require_space(self._settings.home)
        if not (folder / TESTED).exists():
            context.report("Looking at the pictures")
            self._make_room()
            with self._device.explaining_out_of_memory("Testing a translator", "Choose a smaller side."):
                Test(folder, request, self._settings, self._device, context.report, context.should_stop).run()
        self._queue.succeed(context.claim, context.progress)
