"""What the work of one worker process has in common: where it reads and writes, its device, and room on it."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Protocol, TypeVar, cast, runtime_checkable

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


@runtime_checkable
class Resting(Protocol):
    """Work that gets things ready beside everything else, and begins with it while nothing waits."""

    def rest(self) -> bool:
        """Begin the next such thing, or look how far it is, without waiting; returns whether there is more to come."""
        ...


@runtime_checkable
class Aside(Protocol):
    """Work that is asked for beside the queue, and is done while no job waits."""

    def between(self, should_stop: Callable[[], bool]) -> bool:
        """Do one such thing; returns whether there was any. `should_stop` says that a job waits."""
        ...


W = TypeVar("W", bound=Work)


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
        self._works: dict[Callable[[Workplace], Work], Work] = {}

    def furnish(self, works: Iterable[Callable[["Workplace"], Work]]) -> dict[str, Handler]:
        """Bring works here; returns the handlers of all their kinds."""
        for work in works:
            self.one(work)
        return {name: handler for work in self._works.values() for name, handler in work.handlers.items()}

    def handler(self, kind: str) -> Handler:
        """Who works on jobs of that kind here. Raises KeyError where nobody does."""
        return next(work.handlers[kind] for work in self._works.values() if kind in work.handlers)

    def one(self, work: Callable[["Workplace"], W]) -> W:
        """The one work of that kind here, brought now if it is not here yet; so works can use one another's models."""
        if work not in self._works:
            self._works[work] = work(self)
        return cast(W, self._works[work])

    def rest(self) -> bool:
        """Have the works get things ready, one after another; returns at once, and whether there is more to come."""
        return any(work.rest() for work in self._works.values() if isinstance(work, Resting))

    def between(self, should_stop: Callable[[], bool]) -> bool:
        """Have the works do what is asked of them beside the queue, one thing; returns whether there was anything."""
        return any(work.between(should_stop) for work in self._works.values() if isinstance(work, Aside))

    def make_room(self) -> None:
        """Have every work give back the device's memory, before one that needs all of it."""
        for work in self._works.values():
            work.release()
