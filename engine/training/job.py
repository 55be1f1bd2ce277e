"""What the jobs of trainings have in common: one at a time, with the device's memory for itself, paused and gone on."""

from typing import ClassVar

from engine.errors import Cancelled
from engine.jobs.context import JobContext
from engine.jobs.runner import Handler
from engine.jobs.space import require_space
from engine.jobs.workplace import Workplace


class TrainingWork:
    """Runs the trainings of one kind.

    Attributes:
        kind: of its jobs.
        doing, advice: said where the memory is too small, see `Device.explaining_out_of_memory`.
    """

    kind: ClassVar[str]
    doing: ClassVar[str]
    advice: ClassVar[str]

    def __init__(self, place: Workplace):
        self._settings = place.settings
        self._queue = place.queue
        self._device = place.device
        self._make_room = place.make_room

    @property
    def handlers(self) -> dict[str, Handler]:
        """What this can do."""
        return {self.kind: self.train}

    def release(self) -> None:
        """Nothing stays warm."""

    def train(self, context: JobContext) -> None:
        """Train, or go on.

        Raises:
            Cancelled: it was paused.
        """
        require_space(self._settings.home)
        context.report("Looking at the pictures")
        self._make_room()
        with self._device.explaining_out_of_memory(self.doing, self.advice):
            finished = self._trained(context)
        if not finished:
            raise Cancelled("The training was paused. It can go on from where it is.")
        self._queue.succeed(context.claim, context.progress)

    def _trained(self, context: JobContext) -> bool:
        """Train until the end, and put what came of it where it is used; False where it was told to stop before."""
        raise NotImplementedError
