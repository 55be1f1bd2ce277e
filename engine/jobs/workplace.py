"""What the work of one worker process has in common: where it reads and writes, its device, and room on it."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

from engine.jobs.queue import JobQueue
from engine.jobs.runner import Handler
from engine.settings import Settings
from gallery.store import Gallery

if TYPE_CHECKING:
    from engine.device import Device  # imports torch


class Work(Protocol):
    """What a feature's `job.py` brings: it lives as long as the process, so that models can stay warm in it."""

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """A handler for each of its kinds."""
        ...

    def release(self) -> None:
        """Give the device's memory to other work; what is needed again is read again."""
        ...


class Workplace:
    """Of one worker process; the works share it.

    Args:
        warm: whether to load ahead what the first job will likely need.
    """

    def __init__(self, settings: Settings, queue: JobQueue, gallery: Gallery, device: "Device", warm: bool = False):
        self.settings = settings
        self.queue = queue
        self.gallery = gallery
        self.device = device
        self.warm = warm
        self._works: list[Work] = []

    def furnish(self, works: Iterable[Callable[["Workplace"], Work]]) -> dict[str, Handler]:
        """Bring works here; returns the handlers of all their kinds."""
        self._works += [work(self) for work in works]
        return {name: handler for work in self._works for name, handler in work.handlers.items()}

    def make_room(self) -> None:
        """Have every work give back the device's memory, before one that needs all of it."""
        for work in self._works:
            work.release()
