"""Which leases are silent, and which jobs bring nothing for too long: judged by this process's own steady clock.

The clock of the wall may jump (time servers, a laptop that sleeps); a steady clock does not, and on
Linux it stands still while the machine sleeps.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from engine.jobs.records import Lease


@dataclass(slots=True)
class _Seen:
    until: float
    changed: float
    pictures: int
    brought: float


class LeaseWatch:
    """Remembers when each lease last changed and when its job last brought a picture; first seen counts as both.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._seen: dict[str, _Seen] = {}

    def look(self, leases: Iterable[Lease]) -> None:
        """Take note of the leases as they are now."""
        moment, before = self._clock(), self._seen
        self._seen = {}
        for lease in leases:
            seen = before.get(lease.token) or _Seen(lease.until, moment, lease.pictures, moment)
            if seen.until != lease.until:
                seen.until, seen.changed = lease.until, moment
            if seen.pictures != lease.pictures:
                seen.pictures, seen.brought = lease.pictures, moment
            self._seen[lease.token] = seen

    def forgive(self) -> None:
        """Count every silence anew: nobody could write, so none of them is a worker's fault."""
        for seen in self._seen.values():
            seen.changed = self._clock()

    def silent_seconds(self, lease: Lease) -> float:
        """How long this lease was seen without a beat."""
        return self._clock() - self._seen[lease.token].changed

    def fruitless_seconds(self, lease: Lease) -> float:
        """How long this lease was seen since it began, or since its job brought a picture."""
        return self._clock() - self._seen[lease.token].brought
