"""Keeping what was found in a network; trainings are in `engine.explorers.job`."""

import time
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np
from PIL import Image

from engine import __version__
from engine.errors import Cancelled
from engine.jobs.context import JobContext
from engine.jobs.queue import JobQueue
from engine.jobs.runner import Handler
from engine.jobs.space import require_space
from engine.jobs.workplace import Workplace
from engine.latent.catalogue import Explorer, explorer
from engine.latent.exploring import load_space, strip, walk
from engine.latent.requests import STRIP, Explored
from engine.settings import Settings
from engine.weights.hashes import file_sha256
from engine.weights.licensing.licences import known
from gallery.recipe import Recipe
from gallery.store import Gallery


class Exploring:
    """Draws what was found in a network, and keeps it; NumPy alone, so it needs no device."""

    def __init__(self, settings: Settings, queue: JobQueue, gallery: Gallery):
        self._settings = settings
        self._queue = queue
        self._gallery = gallery

    @classmethod
    def at(cls, place: Workplace) -> "Exploring":
        """Beside what has the device, so that a recipe can be run again there."""
        return cls(place.settings, place.queue, place.gallery)

    @property
    def handlers(self) -> dict[str, Handler]:
        """What this can do."""
        return {Explored.kind: self.keep}

    def release(self) -> None:
        """Nothing stays warm."""

    def keep(self, context: JobContext) -> None:
        """Draw the picture and keep it, unless it is in the gallery already."""
        request: Explored = context.request
        require_space(self._settings.home)
        if not self._gallery.of_job(context.job.id, with_deleted=True):
            started = time.monotonic()
            context.report("Drawing", 0, 1)
            info = explorer(self._settings, request.explorer)
            space = load_space(info)
            begin = np.asarray(request.begin, np.float32)
            if request.form == STRIP:
                picture = strip(space.pictures(walk(space, begin, np.asarray(request.end, np.float32), request.frames)))
            else:
                picture = space.picture(begin)
            if context.should_stop():
                raise Cancelled("Nothing was kept.")
            context.report("Keeping it", 1, 1)
            self._save(context, picture, info, time.monotonic() - started)
        self._queue.succeed(context.claim, context.progress)

    def _save(self, context: JobContext, picture: Image.Image, info: Explorer, seconds: float) -> None:
        context.keep(
            self._gallery,
            picture,
            _recipe(context.request, info, seconds),
            0,
            also=lambda session: self._queue.record(session, context.claim, context.progress, last=False),
        )


def _recipe(request: Explored, info: Explorer, seconds: float) -> Recipe:
    assert info.about is not None
    return Recipe(
        kind=request.kind,
        request=request.to_dict(),
        parents=tuple(photo.parent("original") for photo in request.photos),
        model=_facts(info),
        software={"studio": __version__, "numpy": version("numpy")},
        device="the CPU",
        dtype="float32",
        seconds=round(seconds, 3),
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _facts(info: Explorer) -> dict[str, Any]:
    assert info.about is not None
    return {
        "name": info.name,
        "title": info.title,
        "family": info.about.family,
        "licence": info.about.licence,
        "commercial_use": known(info.about.licence).commercial_use,
        "sha256": file_sha256(info.path),
    }
