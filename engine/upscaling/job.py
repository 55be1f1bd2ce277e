"""Upscaling jobs: from kept pictures through the warm network to the gallery."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np
from PIL import Image

from engine import __version__
from engine.computing.names import TITLES, computed_by, openvino_version, threads
from engine.diffusion.enlarging import Enlarger
from engine.diffusion.job import Drawing
from engine.diffusion.request import SEEDS
from engine.diffusion.starting import Start
from engine.errors import Cancelled, ImageFailed, InvalidRequest, OutOfMemory, StudioError
from engine.jobs.context import JobContext
from engine.jobs.runner import Handler
from engine.jobs.space import require_space
from engine.jobs.workplace import Workplace
from engine.picture_files import pixels_of
from engine.settings import OPENVINO, TORCH
from engine.upscaling import redrawing
from engine.upscaling.catalogue import SHIPPED, Upscaler, file_state, upscaler
from engine.upscaling.loading import LoadedUpscaler
from engine.upscaling.request import Upscale
from engine.upscaling.running import PARTS, enlarged
from engine.upscaling.tiles import Report
from engine.weights.licensing.licences import known
from gallery.errors import ImageDamaged, ImageMissing, ImageRefused
from gallery.photos import Photos
from gallery.recipe import Recipe

FIRST_PASS = 0.1  # of the work where there is a second one
# What is wrong with one picture alone; anything else would meet the next one too.
PICTURE_ERRORS = (ImageDamaged, ImageFailed, ImageMissing, ImageRefused, InvalidRequest, OutOfMemory)


class Upscaling:
    """Runs upscaling jobs; the last upscaler stays warm."""

    def __init__(self, place: Workplace):
        self._settings = place.settings
        self._queue = place.queue
        self._gallery = place.gallery
        self._photos = Photos(place.gallery.files)
        self._device = place.device
        self._drawing = place.one(Drawing)
        self._drawing.enlarge_with(self.enlarger)
        self._warm: dict[str, LoadedUpscaler] = {}  # of one upscaler, by the backend that was asked for

    @property
    def handlers(self) -> dict[str, Handler]:
        """What this can do."""
        return {Upscale.kind: self.upscale}

    def upscale(self, context: JobContext) -> None:
        """Enlarge the pictures of a job that are not in the gallery yet, saving each when it is finished."""
        request: Upscale = context.request
        require_space(self._settings.home)
        context.report("Loading the upscaler")
        model = self._loaded(upscaler(self._settings, request.upscaler))
        kept = {record.job_index for record in self._gallery.of_job(context.job.id, with_deleted=True)}
        failed = []
        for index in (index for index in range(len(request.photos)) if index not in kept):
            if context.should_stop():
                raise Cancelled("Upscaling was stopped.")
            try:
                self._one(context, index, model)
            except PICTURE_ERRORS as error:  # one picture is no reason to leave the others
                failed.append(f"{request.photos[index].name}: {error}")
        if failed:
            raise StudioError("\n".join(failed))
        self._queue.succeed(context.claim, context.progress)

    def enlarger(self, backend: str | None) -> Enlarger:
        """The upscaler that ships, for pictures that are enlarged as soon as they are drawn.

        Args:
            backend: of the drawing; None leaves it to the settings.

        Raises:
            ModelUnavailable, ModelBroken: its file is not there, or damaged.
        """
        model = self._loaded(upscaler(self._settings, SHIPPED), backend)

        def enlarge(picture: Image.Image, times: int, should_stop: Callable[[], bool]) -> Image.Image:
            return Image.fromarray(enlarged(model, np.asarray(picture), times, should_stop=should_stop))

        return Enlarger(partial(_facts, model), enlarge)

    def release(self) -> None:
        """Give the device's memory to other work."""
        self._warm.clear()

    def _loaded(self, info: Upscaler, backend: str | None = None) -> LoadedUpscaler:
        backend = backend or self._settings.backend
        if not all(_is_of(warm, info) for warm in self._warm.values()):
            self._warm.clear()  # the old one's memory first
        if backend not in self._warm:
            self._warm[backend] = LoadedUpscaler(info, self._device, backend)
        return self._warm[backend]

    def _one(self, context: JobContext, index: int, model: LoadedUpscaler) -> None:
        request: Upscale = context.request
        started = time.monotonic()
        picture = pixels_of(self._photos.png(request.photos[index].id))
        report = partial(_report, context, index, len(request.photos))
        report(0, PARTS)
        height, width = picture.shape[:2]
        with self._device.explaining_out_of_memory(f"Enlarging {width}x{height} pixels", "Choose a smaller picture."):
            share = FIRST_PASS if request.redraw_strength else 1.0
            notes: list[str] = []
            backend = TORCH
            large = enlarged(model, picture, request.factor, partial(_share, report, 0, share), context.should_stop)
            if request.redraw_strength:
                large, notes, backend = self._redrawn(context, large, partial(_share, report, share, 1 - share))
        self._save(context, index, large, model, time.monotonic() - started, tuple(notes), backend)

    def _redrawn(
        self, context: JobContext, large: np.ndarray, report: redrawing.Report
    ) -> tuple[np.ndarray, list[str], str]:
        """The second pass, its notes, and the backend that drew all of it.

        Each tile has its own seed, so that nothing repeats from tile to tile.
        """
        notes: dict[str, None] = {}  # in their order, once each
        backends: set[str] = set()
        request: Upscale = context.request
        assert request.redraw is not None
        assert request.redraw.seed is not None
        drawing, first = request.redraw.of_image(0), request.redraw.seed

        def redraw(tile: int, picture: Image.Image, within: redrawing.Report) -> Image.Image:
            own = replace(drawing, seed=(first + tile) % SEEDS, num_images=1, variation_strength=0.0)
            start = Start(picture, request.redraw_strength)
            # A tile may take long on a slow CPU: without its steps it would look as if it hung.
            drawn = self._drawing.part(own, start, lambda each: within(each.step, each.steps), context.should_stop)
            notes.update(dict.fromkeys(drawn.notes))
            backends.add(drawn.backend)
            for note in drawn.notes:
                context.note(note)
            return drawn.image

        size = (drawing.width, drawing.height)
        whole = redrawing.redrawn(large, size, redraw, report, context.should_stop)
        return whole, list(notes), OPENVINO if backends == {OPENVINO} else TORCH

    def _save(
        self,
        context: JobContext,
        index: int,
        large: np.ndarray,
        model: LoadedUpscaler,
        seconds: float,
        notes: tuple[str, ...],
        backend: str,
    ) -> None:
        request: Upscale = context.request
        require_space(self._settings.home)
        _report(context, index, len(request.photos), PARTS, PARTS)
        context.keep(
            self._gallery,
            Image.fromarray(large),
            self._recipe(_drawn_by(request.of(index), backend), index, model, seconds, notes),
            index,
            also=lambda session: self._queue.record(session, context.claim, context.progress, last=False),
        )

    def _recipe(
        self, request: Upscale, index: int, model: LoadedUpscaler, seconds: float, notes: tuple[str, ...]
    ) -> Recipe:
        drawing = request.redraw if request.redraw_strength else None
        facts = (
            computed_by(drawing.backend, self._drawing.facts(drawing))
            if drawing
            else {"model": None, "loras": (), "embeddings": (), "software": {}}
        )
        return Recipe(
            kind=request.kind,
            request=request.to_dict(),
            image_index=index,
            parents=tuple(photo.parent("original") for photo in request.photos),
            model=_facts(model) | {"redrawn_by": facts["model"]},
            seed=drawing.seed if drawing else None,
            loras=facts["loras"],
            embeddings=facts["embeddings"],
            software=facts["software"] | _software(model),
            device=self._device.name,
            environment=facts.get("environment", self._device.environment() | _threads(model)),
            dtype=str(model.network.dtype).removeprefix("torch."),
            seconds=round(seconds, 3),
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            notes=notes,
        )


def _facts(model: LoadedUpscaler) -> dict[str, Any]:
    """What a recipe says of an upscaler."""
    info = model.info
    return {
        "name": info.name,
        "title": info.title,
        "architecture": model.architecture,
        "scale": model.network.scale,
        "licence": info.licence,
        "commercial_use": known(info.licence).commercial_use,
        "sha256": model.sha256,
        "computed_by": TITLES[model.backend],
    }


def _software(model: LoadedUpscaler) -> dict[str, str]:
    """Versions of what computes an upscaler."""
    own = {"openvino": openvino_version()} if model.backend == OPENVINO else {}
    return {"studio": __version__, "torch": version("torch"), "spandrel": version("spandrel"), **own}


def _threads(model: LoadedUpscaler) -> dict[str, int]:
    """Of OpenVINO, where that computes an upscaler."""
    return {"threads": threads()} if model.backend == OPENVINO else {}


def _drawn_by(request: Upscale, backend: str) -> Upscale:
    """The request with what really computed its second pass."""
    return replace(request, redraw=replace(request.redraw, backend=backend)) if request.redraw else request


def _is_of(warm: LoadedUpscaler, info: Upscaler) -> bool:
    """Whether a loaded network is the one that the catalogue has now; its file may have been replaced."""
    same = replace(warm.info, scale=info.scale, architecture=info.architecture) == info
    return same and warm.state == file_state(info.path)


def _share(report: Report, begin: float, share: float, done: float, parts: int) -> None:
    report(round(PARTS * (begin + share * done / parts)), PARTS)


def _report(context: JobContext, index: int, pictures: int, done: int, parts: int) -> None:
    stage = f"Enlarging picture {index + 1} of {pictures}" if pictures > 1 else "Enlarging the picture"
    context.report(stage, parts * index + done, parts * pictures)
