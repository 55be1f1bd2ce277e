"""How long the parts of a run took, kept in timing.json whenever the run leaves off; no torch is loaded.

Later trainings are estimated by it, also where this one was stopped after a few steps.
"""

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from engine.files import read_json, write_json

FILE = "timing.json"
MOST_KEPT = 1000  # of each part, the last ones
STEP, FIRST_LOOK, HELD_OUT, SAMPLE = "step", "first look", "held out", "sample"


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds by the clock, medians.

    Attributes:
        device: its name.
        step: an optimizer step on pictures that were seen before, where there was one.
        held_out: one measurement on the held-out pictures; None where none was made.
        sample: one validation picture; None where none was drawn.
    """

    device: str
    step: float
    held_out: float | None = None
    sample: float | None = None


class Stopwatch:
    """Takes the time of parts by their names."""

    def __init__(self) -> None:
        self._seconds: dict[str, deque[float]] = {}

    @contextmanager
    def taking(self, part: str) -> Iterator[None]:
        """Around one of its turns; one that fails does not count."""
        started = time.monotonic()
        yield
        self.add(part, time.monotonic() - started)

    def add(self, part: str, seconds: float) -> None:
        """One turn took so long."""
        self._seconds.setdefault(part, deque(maxlen=MOST_KEPT)).append(seconds)

    def timing(self, device: str) -> Timing | None:
        """What it says so far; None before the first step."""
        step = self._median(STEP) or self._median(FIRST_LOOK)
        return None if step is None else Timing(device, step, self._median(HELD_OUT), self._median(SAMPLE))

    def _median(self, part: str) -> float | None:
        seconds = list(self._seconds.get(part, ()))
        return median(seconds) if seconds else None


def keep_timing(folder: Path, timing: Timing | None) -> None:
    """Write it beside the run's record; nothing where no step was done."""
    if timing is not None:
        write_json(folder / FILE, asdict(timing))


def read_timing(folder: Path) -> Timing | None:
    """None where nothing that can be read is kept."""
    try:
        timing = Timing(**read_json(folder / FILE))
    except (OSError, ValueError, TypeError):
        return None
    optional = [seconds for seconds in (timing.held_out, timing.sample) if seconds is not None]
    return timing if all(_is_time(seconds) for seconds in (timing.step, *optional)) else None


def _is_time(seconds: Any) -> bool:
    return isinstance(seconds, int | float) and 0 < seconds < 10**6
