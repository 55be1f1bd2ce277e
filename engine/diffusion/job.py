"""Text-to-image jobs: from the request through the warm model to the gallery."""

import io
import logging
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from PIL import Image

from engine.computing.names import computed_by
from engine.diffusion.backends.choosing import Backends
from engine.diffusion.cache import ModelCache
from engine.diffusion.enlarging import Enlarger, LoadEnlarger, none_here, with_enlarger
from engine.diffusion.facts import facts_of
from engine.diffusion.loading import LoadedModel, load
from engine.diffusion.prompts.embeddings import Names
from engine.diffusion.request import TextToImage, prompts_of
from engine.diffusion.starting import Start
from engine.diffusion.text_to_image import GeneratedImage, Report, StepReport, generate, planned_steps
from engine.errors import NotFound, StudioError
from engine.jobs.context import JobContext
from engine.jobs.runner import Handler
from engine.jobs.space import require_space
from engine.jobs.workplace import Workplace
from engine.kept_photos import PhotoRef
from engine.picture_files import plain
from engine.settings import EMBEDDED_MODEL
from engine.weights.embeddings.listing import EmbeddingInfo, list_embeddings
from engine.weights.hashes import file_sha256
from engine.weights.loras import LoraInfo, list_loras
from engine.weights.models import Catalogue, ModelInfo, require_available
from gallery.photos import Photos
from gallery.recipe import Recipe

log = logging.getLogger(__name__)

BUDGET_SHARE = 0.5  # of the device's memory for warm models; the rest is for drawing


@dataclass(frozen=True)
class Beginning:
    """What a drawing from a picture has beside its request.

    Attributes:
        start: what it begins with.
        finish: makes the picture that is kept of the one that was drawn.
    """

    start: Start | None = None
    finish: Callable[[Image.Image], Image.Image] = lambda drawn: drawn


FROM_NOISE = Beginning()


def kept_picture(place: Workplace, photo: PhotoRef) -> Image.Image:
    """A kept photo as RGB. Raises GalleryError where it is gone or damaged."""
    with Image.open(io.BytesIO(Photos(place.gallery.files).png(photo.id)), formats=("PNG",)) as image:
        return plain(image)


class Drawing:
    """Runs text-to-image jobs, and for others draws what begins with a picture; models stay warm between them."""

    def __init__(self, place: Workplace):
        settings, device = place.settings, place.device
        budget = settings.memory_budget_gb * 1e9 or device.total_memory() * BUDGET_SHARE
        self._device = device
        self._settings = settings
        self._queue = place.queue
        self._gallery = place.gallery
        self._catalogue = Catalogue(settings)
        self._models = ModelCache(int(budget), partial(load, device=device))
        self._backends = Backends(settings)
        self._hashes = settings.home / "hashes.json"
        self._load_enlarger: LoadEnlarger = none_here
        if place.warm:
            self._warm_up(EMBEDDED_MODEL)

    @property
    def handlers(self) -> dict[str, Handler]:
        """What this can do."""
        return {TextToImage.kind: self.draw}

    def enlarge_with(self, load: LoadEnlarger) -> None:
        """From now on make pictures larger with this, where a request asks for it."""
        self._load_enlarger = load

    def _warm_up(self, name: str) -> None:
        """Load a model before anybody waits for it; what is wrong with it is said when it is asked for."""
        try:
            self._models.get(self._available(name))
        except StudioError:
            log.exception("%s could not be loaded ahead", name)

    def release(self) -> None:
        """Give the device's memory to other work; models are read again when they are needed."""
        self._backends.make_room()
        self._models.clear()

    def rest(self) -> bool:
        """Go on making warm models ready for a quicker backend; returns at once, and whether there is more to come."""
        return any(self._backends.make_ready(model) for model in self._models.all())

    def draw(self, context: JobContext, beginning: Beginning = FROM_NOISE) -> None:
        """Draw the images of a job that are not in the gallery yet, saving each when it is finished."""
        request: TextToImage = context.request
        require_space(self._settings.home)
        info = self._available(request.model)
        context.report(f"Loading {info.title}")
        model = self._models.get(info)
        backend = self._backends.of(request, context.report)
        loras = self._loras(request)
        embeddings = self._embeddings(request)
        enlarger = self._enlarger(request)
        facts = facts_of(model, loras, self._device, self._hashes)
        kept = {record.job_index for record in self._gallery.of_job(context.job.id, with_deleted=True)}
        first = next(index for index in range(request.num_images + 1) if index not in kept)
        if first == request.num_images:
            self._queue.succeed(context.claim, context.progress)
            return
        start = beginning.start
        per_image = planned_steps(request, model, start.strength if start else 1.0)
        report = partial(self._report, context, request.num_images, per_image)
        if start:
            request = replace(request, width=start.picture.width, height=start.picture.height)
        images = generate(
            model,
            request,
            loras,
            embeddings=list(embeddings),
            start=start,
            first=first,
            backend=backend,
            report=report,
            should_stop=context.should_stop,
        )
        with closing(images):  # an error while saving must also take the LoRAs off the model
            for image in images:
                image = replace(image, image=beginning.finish(image.image))
                image = self._enlarged(context, request, image, enlarger)
                self._save(
                    context, context.request, image, with_enlarger(facts, enlarger), embeddings, place=image.index
                )

    def draw_one(
        self, context: JobContext, request: TextToImage, beginning: Beginning, *, place: int, report: Report
    ) -> None:
        """Draw the first image of a request that is a part of another kind's job, and save it as that job's `place`."""
        require_space(self._settings.home)
        info = self._available(request.model)
        model = self._models.get(info)
        loras = self._loras(request)
        embeddings = self._embeddings(request)
        enlarger = self._enlarger(request)
        facts = facts_of(model, loras, self._device, self._hashes)
        images = generate(
            model,
            request,
            loras,
            embeddings=list(embeddings),
            start=beginning.start,
            backend=self._backends.of(request),
            report=report,
            should_stop=context.should_stop,
        )
        with closing(images):
            image = next(images)
            image = replace(image, image=beginning.finish(image.image))
            image = self._enlarged(context, request, image, enlarger)
            self._save(context, request, image, with_enlarger(facts, enlarger), embeddings, place=place)

    def part(
        self,
        request: TextToImage,
        start: Start | None = None,
        report: Report = lambda done: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> GeneratedImage:
        """Draw the first image of a request, and leave it to the caller: a part of another picture, or a draft."""
        model = self._models.get(self._available(request.model))
        images = generate(
            model,
            request,
            self._loras(request),
            embeddings=list(self._embeddings(request)),
            start=start,
            backend=self._backends.of(request),
            report=report,
            should_stop=should_stop,
        )
        with closing(images):
            return next(images)

    def model(self, name: str) -> LoadedModel:
        """A model, warm or read now. Raises StudioError where it is not here or broken."""
        return self._models.get(self._available(name))

    def facts(self, request: TextToImage) -> dict[str, Any]:
        """What a recipe says about the tools of a request: model, loras, embeddings, software, device, dtype."""
        facts = facts_of(self.model(request.model), self._loras(request), self._device, self._hashes)
        return facts | {"embeddings": tuple(self._embeddings(request).values())}

    def _enlarger(self, request: TextToImage) -> Enlarger | None:
        """Ready before anything is drawn, so that no finished drawing is lost to a file that is not there."""
        return self._load_enlarger(request.backend) if request.enlarged > 1 else None

    def _enlarged(
        self, context: JobContext, request: TextToImage, image: GeneratedImage, enlarger: Enlarger | None
    ) -> GeneratedImage:
        if enlarger is None:
            return image
        done = context.progress
        context.report("Making the picture larger", done.step, done.steps)
        with self._device.explaining_out_of_memory(
            f"Enlarging {request.width}x{request.height} pixels", "Lower width and height, or times as large."
        ):
            return enlarger.of(image, request.enlarged, context.should_stop)

    def _report(self, context: JobContext, images: int, per_image: int, done: StepReport) -> None:
        of_all = f" of {images}" if images > 1 else ""
        context.report(
            f"Drawing image {done.image_index + 1}{of_all}",
            done.image_index * per_image + done.step,
            images * per_image,
            done.preview,
        )

    def _save(
        self,
        context: JobContext,
        request: TextToImage,
        image: GeneratedImage,
        facts: dict[str, Any],
        embeddings: Mapping[EmbeddingInfo, dict[str, Any]],
        *,
        place: int,
    ) -> None:
        require_space(self._settings.home)
        for note in image.notes:
            context.note(note)
        context.report(context.progress.stage, context.progress.step, context.progress.steps)
        last = request is context.request and image.index == request.num_images - 1
        own = request.of_image(image.index)
        named = Names(embeddings).used(prompts_of(own), own.prompt_syntax)
        recipe = Recipe(
            kind=request.kind,
            request=replace(own, backend=image.backend).to_dict(),
            image_index=image.index,
            seed=image.seed,
            seconds=round(image.seconds, 3),
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            notes=image.notes,
            parents=tuple(request.parents()),
            embeddings=tuple(embeddings[info] for info in named),
            **computed_by(image.backend, facts),
        )
        context.keep(
            self._gallery,
            image.image,
            recipe,
            place,
            also=lambda session: self._queue.record(session, context.claim, context.progress, last=last),
        )

    def _available(self, name: str) -> ModelInfo:
        return require_available(self._catalogue.get(name))

    def _loras(self, request: TextToImage) -> list[tuple[LoraInfo, float]]:
        known = {lora.name: lora for lora in list_loras(self._settings.lora_folders)} if request.loras else {}
        missing = [chosen.name for chosen in request.loras if chosen.name not in known]
        if missing:
            raise NotFound(f"A LoRA must be on this machine to be used; missing: {', '.join(missing)}.")
        return [(known[chosen.name], chosen.weight) for chosen in request.loras]

    def _embeddings(self, request: TextToImage) -> dict[EmbeddingInfo, dict[str, Any]]:
        """Those that the prompts name, also of single images, each with what a recipe says of it: taken down before
        anything is drawn, since files may go meanwhile.
        """
        names = Names(list_embeddings(self._settings.embedding_folders))
        return {
            info: {
                "name": info.name,
                "sha256": file_sha256(info.path, self._hashes),
                "vectors": info.vectors,
                "base": info.base,
            }
            for info in names.used(prompts_of(request), request.prompt_syntax)
        }
