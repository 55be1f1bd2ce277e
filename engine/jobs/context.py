"""What a handler sees of the job it works on."""

import time
from collections.abc import Callable
from copy import copy
from pathlib import Path
from typing import Any

from PIL import Image

from engine.jobs.heartbeat import INTERVAL_SECONDS, Heartbeat
from engine.jobs.records import Claim, Job, Progress
from gallery.recipe import Recipe
from gallery.store import Also, Gallery

Instead = Callable[["JobContext", Image.Image, Recipe, Also], None]


class JobContext:
    """Progress out, stop signals in, for one attempt at one job.

    Args:
        must_leave: given the seconds that the job still needs (None: unknown), whether the worker
            has to stop before that.
    """

    def __init__(self, claim: Claim, heartbeat: Heartbeat, must_leave: Callable[[float | None], bool]):
        self.claim = claim
        self.notes: list[str] = []
        self._heartbeat = heartbeat
        self._must_leave = must_leave
        self._progress = Progress()
        self._started: float | None = None
        self._before = 0
        self._shown = 0.0
        self._other: Any = None
        self._instead: Instead | None = None

    @property
    def job(self) -> Job:
        """The job as it was when it was claimed."""
        return self.claim.job

    @property
    def request(self) -> Any:
        """What the job asks for, of the kind that its handler is for."""
        return self._other or self.job.request

    def working_on(self, request: Any, instead: Instead) -> "JobContext":
        """This attempt as the handler of another kind sees it.

        Args:
            request: what that is asked for.
            instead: takes each picture in place of the gallery, with what is to be written in one transaction.
        """
        other = copy(self)
        other._other, other._instead = request, instead
        return other

    def keep(self, gallery: Gallery, image: Image.Image, recipe: Recipe, index: int, *, also: Also) -> None:
        """Keep a finished picture as the job's result of that index; arguments and errors as of `Gallery.save`."""
        if self._instead:
            self._instead(self, image, recipe, also)
            return
        gallery.save(image, recipe, owner=self.job.owner, job_id=self.job.id, job_index=index, also=also)

    @property
    def progress(self) -> Progress:
        """The progress reported last."""
        return self._progress

    def report(self, stage: str, step: int = 0, steps: int = 0, preview: Callable | None = None) -> None:
        """Report where the work is.

        Args:
            step, steps: over the whole job; the clock starts at the first report with `steps`.
            preview: makes a small picture; called a few times a second at most.
        """
        moment = time.monotonic()
        if steps and self._started is None:
            self._started, self._before = moment, step
        seconds = moment - self._started if self._started is not None else 0.0
        done = step - self._before
        left = seconds / done * (steps - step) if done > 0 else None
        self._progress = Progress(step, steps, seconds, left, stage, tuple(self.notes))
        self._heartbeat.progress = self._progress
        if preview is not None and moment - self._shown >= INTERVAL_SECONDS:
            self._heartbeat.show(preview())
            self._shown = moment

    def note(self, text: str) -> None:
        """Add a sentence that the artist should read beside the result."""
        if text not in self.notes:
            self.notes.append(text)

    def should_stop(self) -> bool:
        """Whether to stop at this step: cancelled, owned by another, to make room, or the worker must leave."""
        gone = self._heartbeat.lost.is_set() or self._heartbeat.cancelled.is_set()
        return gone or self._heartbeat.make_room or self._must_leave(self._progress.seconds_left)


def preview_file(home: Path, job_id: str) -> Path:
    """Where the preview of a running job lies."""
    return home / "previews" / f"{job_id}.jpg"
