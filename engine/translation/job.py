"""Translation jobs: from kept photos through the warm translator to the gallery."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from math import isfinite
from typing import Any, cast

from PIL import Image
from torch import Tensor

from engine import __version__
from engine.computing.names import TITLES, CannotCompute, computed_by
from engine.errors import Cancelled, ImageShapeError, InvalidRequest, ModelUnavailable, StudioError
from engine.images import from_png, to_pil
from engine.jobs.context import JobContext
from engine.jobs.runner import Handler
from engine.jobs.space import require_space
from engine.jobs.status import WORKING, EngineStatus
from engine.jobs.workplace import Workplace
from engine.kept_photos import PhotoRef
from engine.rules import rough_duration
from engine.settings import OPENVINO, TORCH
from engine.translation.admission import estimate_here
from engine.translation.backends.choosing import Quick
from engine.translation.backends.names import OTHER_SOLVER
from engine.translation.catalogue import PAINTER, Translator, translator
from engine.translation.networks.ode import Solver
from engine.translation.pace import Asked, size_of_photo
from engine.translation.painting import VERSION as PAINTER_VERSION
from engine.translation.request import Translate
from engine.translation.running import LoadedTranslator, Options
from engine.translation.solver_names import Method
from engine.weights.licensing.licences import known
from gallery.errors import ImageDamaged, ImageMissing, ImageRefused
from gallery.photos import Photos
from gallery.recipe import Recipe

# What is wrong with one photo alone; anything else would meet the next one too.
PHOTO_ERRORS = (ImageDamaged, ImageMissing, ImageRefused, ImageShapeError, InvalidRequest)
PREVIEW_SIDE = 384  # pixels of the longer side; larger ones only cost time to write
MOST_EARLIER_JOBS = 50  # that are looked at for how long photos take here
PARTS = 100  # of each of several photos on the progress bar; how many tiles one has is known only once it is read


class Translating:
    """Runs translation jobs; the last translator stays warm."""

    def __init__(self, place: Workplace):
        self._settings = place.settings
        self._queue = place.queue
        self._gallery = place.gallery
        self._photos = Photos(place.gallery.files)
        self._device = place.device
        self._quick = Quick(place.settings, place.device)
        self._warm: LoadedTranslator | None = None

    @property
    def handlers(self) -> dict[str, Handler]:
        """What this can do."""
        return {Translate.kind: self.translate}

    def translate(self, context: JobContext) -> None:
        """Translate the photos of a job that are not in the gallery yet, saving each when it is finished."""
        request: Translate = context.request
        require_space(self._settings.home)
        context.report("Loading the translator")
        info = translator(self._settings, request.translator)
        model = self._loaded(info)
        self._engage(context, model)
        kept = {record.job_index for record in self._gallery.of_job(context.job.id, with_deleted=True)}
        open_ones = [index for index in range(len(request.photos)) if index not in kept]
        about = self._about(info, request, open_ones)
        options, failed = self._options(request, model), []
        for index in open_ones:
            try:
                self._one_and_save(context, index, model, options, about if index == open_ones[0] else "")
            except PHOTO_ERRORS as error:  # one photo is no reason to leave the others
                failed.append(f"{request.photos[index].name}: {error}")
        if failed:
            raise StudioError("\n".join(failed))
        self._queue.succeed(context.claim, context.progress)

    def release(self) -> None:
        """Give the device's memory to other work."""
        self._warm = None

    def _engage(self, context: JobContext, model: LoadedTranslator) -> None:
        """Have OpenVINO compute where it was asked for; where it cannot, PyTorch does, with a note."""
        request: Translate = context.request
        if request.backend == TORCH:
            model.quick = None
            return
        try:
            if request.solver:
                raise CannotCompute(OTHER_SOLVER)
            if model.quick is None or model.quick.failed:
                model.quick = self._quick.of(model.info, model.generator(), context.report)
        except CannotCompute as error:
            model.quick = None
            context.note(_gave_up(error))

    def _about(self, info: Translator, request: Translate, open_ones: list[int]) -> str:
        """How long the photos take that are still to do, as the page promised it; empty where nothing tells."""
        sizes = [size_of_photo(self._photos.path(request.photos[index].id)) for index in open_ones]
        asked = Asked(
            request.long_side, request.style_steps, request.solver, request.solver_steps, request.backend or None
        )
        jobs = self._queue.list(kind=Translate.kind, limit=MOST_EARLIER_JOBS)
        here = EngineStatus(WORKING, self._device.name, self._device.is_cuda)
        known = [size for size in sizes if size]
        found = estimate_here(info, known, asked, self._settings, here, jobs, self._gallery)
        return f" (about {rough_duration(found.seconds)} in all)" if found and known else ""

    def _one_and_save(
        self, context: JobContext, index: int, model: LoadedTranslator, options: Options, about: str
    ) -> None:
        if context.should_stop():
            raise Cancelled("The translation was stopped.")
        started = time.monotonic()
        fake = self._one(context, index, model, options, about)
        self._save(context, index, fake, model, options, time.monotonic() - started)

    def _loaded(self, info: Translator) -> LoadedTranslator:
        if info.problem:
            raise ModelUnavailable(info.problem)
        if self._warm is None or self._warm.info != info:
            self._warm = None  # the old one's memory first
            self._warm = LoadedTranslator(info, self._device)
        return self._warm

    def _options(self, request: Translate, model: LoadedTranslator) -> Options:
        solver = Solver(cast(Method, request.solver), request.solver_steps) if request.solver else model.solver
        styles = tuple(self._photo(style.id) for style in _styles(request))
        how = (request.style_steps, request.styling, request.painting)
        return Options(request.strength, request.long_side, solver, styles, *how)

    def _photo(self, photo_id: str) -> Tensor:
        return from_png(self._photos.png(photo_id))

    def _one(self, context: JobContext, index: int, model: LoadedTranslator, options: Options, about: str) -> Tensor:
        request: Translate = context.request
        photo = self._photo(request.photos[index].id)
        side = model.long_side(options)
        if request.long_side != side and max(photo.shape[-2:]) > side:
            context.note(f"{model.info.title} works at {side} pixels on the longer side at most.")
        report = partial(_report, context, index, len(request.photos), about)
        report(0, 0)  # at once: what comes first, such as reading a network, may take longer than all the rest
        doing = f"Translating {photo.shape[-1]}x{photo.shape[-2]} pixels"
        with self._device.explaining_out_of_memory(doing, "Choose a smaller long side."):
            return model(photo, options, report=report, should_stop=context.should_stop)

    def _save(
        self, context: JobContext, index: int, fake: Tensor, model: LoadedTranslator, options: Options, seconds: float
    ) -> None:
        request: Translate = context.request
        require_space(self._settings.home)
        (picture,) = to_pil(fake)
        if model.quick is not None and model.quick.failed:
            context.note(_gave_up(model.quick.failed))
            model.quick = None
        photos = len(request.photos)
        steps = PARTS * photos if photos > 1 else context.progress.steps
        context.report(context.progress.stage, steps * (index + 1) // photos, steps)
        context.keep(
            self._gallery,
            picture,
            self._recipe(request.of(index), index, model, options, seconds, tuple(context.notes)),
            index,
            also=lambda session: self._queue.record(session, context.claim, context.progress, last=False),
        )

    def _recipe(
        self,
        request: Translate,
        index: int,
        model: LoadedTranslator,
        options: Options,
        seconds: float,
        notes: tuple[str, ...],
    ) -> Recipe:
        backend = OPENVINO if model.quick is not None else TORCH
        facts: dict[str, Any] = {
            "software": _software(model.info),
            "environment": self._device.environment(),
        }
        return Recipe(
            kind=request.kind,
            request=replace(request, backend=backend).to_dict(),
            image_index=index,
            model=_facts(model, options),
            parents=tuple(
                photo.parent(role)
                for role, photo in (("photo", request.photos[0]), *(("style", style) for style in _styles(request)))
            ),
            device=self._device.name,
            dtype="float32",
            seconds=round(seconds, 3),
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            notes=notes,
            **computed_by(backend, facts),
        )


def _gave_up(why: object) -> str:
    return f"{TITLES[TORCH]} computed this, because {TITLES[OPENVINO]} could not: {why}"


def _styles(request: Translate) -> tuple[PhotoRef, ...]:
    return (request.style, *request.styling.more_styles) if request.style else ()


def _report(
    context: JobContext, index: int, photos: int, about: str, done: int, parts: int, pixels: Tensor | None = None
) -> None:
    """`about` is said until something is done; then the pace tells.

    One photo's own steps or tiles are counted, if it has several; of many photos, each one's hundred parts.
    """
    preview = None if pixels is None else partial(_small, pixels)
    if photos > 1:
        stage = f"Translating photo {index + 1} of {photos}{'' if done else about}"
        context.report(stage, PARTS * index + PARTS * done // max(1, parts), PARTS * photos, preview)
    elif parts > 1:
        context.report(f"Translating photo{'' if done else about}", done, parts, preview)
    else:
        context.report(f"Translating photo{'' if done else about}")


def _small(pixels: Tensor) -> Image.Image:
    """What pixels that are being optimized show so far; those that are not finite show as grey."""
    (picture,) = to_pil(pixels.nan_to_num(0.0).clamp(-1, 1).cpu())
    picture.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    return picture


def _software(info: Translator) -> dict[str, Any]:
    """Versions of all that pixels depend on."""
    found: dict[str, Any] = {"studio": __version__, "torch": version("torch"), "torchdiffeq": version("torchdiffeq")}
    return {**found, "painter": PAINTER_VERSION} if info.architecture == PAINTER else found


def _facts(model: LoadedTranslator, options: Options) -> dict[str, Any]:
    info, solver = model.info, options.solver
    return {
        "name": info.name,
        "title": info.title,
        "architecture": info.architecture,
        "licence": info.licence,
        "commercial_use": known(info.licence, info.non_commercial).commercial_use,
        "sha256": info.sha256 or None,
        "solver": {"method": solver.method, "steps": None if solver.adaptive else solver.steps} if solver else None,
        "nfe": model.nfe,
        "losses": {name: round(value, 6) for name, value in model.losses.items() if isfinite(value)} or None,
        "refinement": model.refinement.values if model.refinement else None,
    }
