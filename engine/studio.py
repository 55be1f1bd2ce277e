"""The one door to the engine for pages and the command line: ask, watch, cancel, list."""

import errno
import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from hashlib import sha256
from pathlib import Path
from typing import Any

from engine import leftovers
from engine.diffusion.defaults import Defaults, Own, defaults_here
from engine.diffusion.request import LoraWeight
from engine.errors import PhotoRefused, StudioError
from engine.files import printable
from engine.health import Health
from engine.jobs.context import preview_file
from engine.jobs.kind import Here, Kinds, Request
from engine.jobs.queue import JobQueue
from engine.jobs.records import Job
from engine.jobs.schema import SUCCEEDED
from engine.jobs.status import EngineStatus, read_status
from engine.jobs.supervisor import Supervisor
from engine.kept_photos import PhotoRef
from engine.kinds import KINDS
from engine.locks import alone
from engine.prepared import adopt, discard
from engine.safety.photos import plain_photo
from engine.settings import Settings
from engine.storage import Storage
from engine.translation.catalogue import Translator, translators
from engine.upscaling.catalogue import Upscaler, upscalers
from engine.weights.checks import default_model
from engine.weights.embeddings.listing import EmbeddingInfo, list_embeddings
from engine.weights.loras import LoraInfo, list_loras
from engine.weights.models import Catalogue, ModelInfo
from gallery.database import Database
from gallery.errors import GalleryError, ImageDamaged, ImageMissing, ImageNotFound
from gallery.looks import filling
from gallery.mending import backups
from gallery.mending.repair import require_usable
from gallery.photos import Photos
from gallery.store import Gallery

log = logging.getLogger(__name__)

LEAVING_SECONDS = 5.0  # beyond the time that a worker has to finish its job
MAX_NAME = 200  # characters of a photo's name


class Studio:
    """Everything the studio can do, without torch: the work itself happens in the worker process.

    Attributes:
        settings: as given.
        gallery: what was made.
        photos: what it was made from.
        health: what keeps it from working as it should.
        kinds: what can be asked for.
        storage: what takes how much disk.
        queue: the jobs behind `submit`, `job` and `jobs`.
    """

    def __init__(self, settings: Settings, kinds: Kinds = KINDS):
        """Open the studio of these settings; its folder is made.

        Raises:
            DatabaseDamaged: its database cannot be used; the text says how to repair it.
            StorageFailed: the folder or the database cannot be used.
            StudioBusy: the database is of an earlier version, and another studio is at work on it.
        """
        settings.home.mkdir(parents=True, exist_ok=True)
        own_loras, _ = settings.lora_folders
        for folder in (own_loras, *settings.embedding_folders):
            _make(folder)
        self.settings = settings
        self.database = Database(settings.database_url)
        if self.database.file:
            require_usable(self.database.file)
        self.database.migrate(guard=self._as_the_only_one if self.database.file else nullcontext)
        self.gallery = Gallery(self.database, settings.home, describe=kinds.describe)
        self.health = Health(settings, self.gallery)
        self._started = False
        self.photos = Photos(self.gallery.files)
        self.kinds = kinds
        self.queue = JobQueue(self.database, settings, kinds)
        self.storage = Storage(settings, self.gallery, self.queue)
        self._catalogue = Catalogue(settings)

    def _as_the_only_one(self) -> AbstractContextManager[None]:
        """Waits for what is left of an earlier studio, whose worker may take its time to leave."""
        patience = self.settings.drain_seconds + LEAVING_SECONDS
        log.warning("the database is brought to this version as soon as no other studio is at work here")
        return alone(self.settings.home, "brought to this version", patience)

    # -- asking

    def request(self, kind: str, values: Mapping[str, Any]) -> Any:
        """Build a request of that kind from a form's values; what is left out takes its default.

        Raises:
            InvalidRequest: a rule is broken. It carries every problem of every field at once, also what `submit` would
                say of the others.
        """
        return self.kinds[kind].request(values, self._here())

    def submit(self, request: Request, *, key: str | None = None, owner: str = "artist") -> Job:
        """Queue a request, if it can be done here. What was prepared for it is adopted, or gone where no job comes.

        Args:
            key: the same key always gives the same job; None makes a new one.

        Raises:
            StudioError: it cannot be done here, in words; InvalidRequest where a field of it is to blame.
            StudioBusy: the queue is full.
        """
        kind = self.kinds[request.kind]
        place = kind.folder(self.settings, request)
        try:
            asked = kind.admitted(request, self._here())
            job = self._once(asked, owner) if kind.once else self.queue.submit(asked, key=key, owner=owner)
        except (StudioError, GalleryError):
            if place:
                discard(self.settings.home, place)
            raise
        if place and job.request == asked:
            adopt(self.settings.home, place)
        elif place:  # a second press of the same button, which prepared anew
            discard(self.settings.home, place)
        return job

    def _here(self) -> Here:
        def unfinished(kind: str) -> list[Any]:
            jobs = self.jobs(kind=kind, active=True, limit=None)
            return [job.request for job in jobs if job.request]

        return Here(self.settings, self.engine().accelerated, unfinished)

    def _once(self, request: Request, owner: str) -> Job:
        """The unfinished job of the same request, or a new one."""
        earlier = [job for job in self.jobs(kind=request.kind, limit=500) if job.request == request]
        if earlier and not earlier[0].ended:
            return earlier[0]
        # The key follows from the last one that ended, so two presses at once make one job.
        words = f"{earlier[0].id if earlier else 'first'} {request.kind} {request.to_dict()}"
        return self.queue.submit(request, key=sha256(words.encode()).hexdigest(), owner=owner)

    def add_photo(self, data: bytes, name: str) -> PhotoRef:
        """Keep a photo that can be translated.

        Args:
            data: a PNG, JPEG, WebP or HEIC file.
            name: the file's name, for people.

        Raises:
            PhotoRefused: it is none, or cannot be used; the text says why.
            StorageFailed: the disk did not take it.
        """
        name = printable(Path(name).name).strip()[:MAX_NAME] or "photo"
        return PhotoRef(self.photos.keep(plain_photo(data, name).png, name), name)

    def start_from(self, image_id: str, owner: str | None = None) -> PhotoRef:
        """A picture of the gallery as something to begin with: its pixels are kept, whatever becomes of it.

        Raises:
            GalleryError: there is none of that id, or its file is gone or damaged.
            StorageFailed: the disk did not take it.
        """
        record = self.gallery.get(image_id, owner)
        png = plain_photo(self.gallery.png(image_id, owner), record.title).png
        name = record.title.strip()[:MAX_NAME] or "picture"
        return PhotoRef(self.photos.keep(png, name), name, image_id)

    def photo(self, beginning: str) -> PhotoRef | None:
        """The kept photo whose id begins so; None where there is none."""
        found = self.photos.find(beginning)
        return PhotoRef(*found) if found else None

    def again_here(self, photo: PhotoRef, owner: str | None = None) -> PhotoRef | None:
        """A photo that something saved names: as it is kept, or kept anew from the gallery's picture that it was; None
        where both are gone.
        """
        if self.photos.find(photo.id):
            return photo
        try:
            return self.start_from(photo.image, owner) if photo.image else None
        except (ImageNotFound, ImageMissing, ImageDamaged, PhotoRefused):
            return None

    # -- watching

    def job(self, job_id: str) -> Job:
        """One job as it stands now. Raises NotFound."""
        return self.queue.get(job_id)

    def jobs(
        self,
        *,
        owner: str | None = None,
        active: bool = False,
        kind: str | Sequence[str] | None = None,
        running: bool = False,
        in_order: bool = False,
        limit: int | None = 50,
    ) -> list[Job]:
        """Jobs, newest first, see `JobQueue.list`; `active` keeps those queued or running, `running` the latter."""
        return self.queue.list(owner=owner, active=active, kind=kind, running=running, in_order=in_order, limit=limit)

    def title(self, job: Job) -> str:
        """What a job does, in words for people."""
        return self.kinds.title(job.kind, job.request)

    def ahead_of(self, job: Job) -> int:
        """How many unfinished jobs come before this one."""
        return self.queue.ahead_of(job)

    def cancel(self, job_id: str) -> None:
        """Stop a job: at once when it waits, at its next step when it runs. Raises NotFound."""
        self.queue.cancel(job_id)

    def again(self, job_id: str, *, new_seed: bool = False, key: str | None = None) -> Job:
        """Ask once more for what a job asked for: a new job of the same owner, at the end of the queue.

        Args:
            new_seed: draw other seeds; else they are the same, so the pictures are too.
            key: as for `submit`.

        Raises:
            NotFound: there is no such job.
            StudioError: it cannot be asked for again, or cannot be done here any more.
        """
        job = self.job(job_id)
        if job.request is None:
            raise StudioError(f"What the job {job_id} asks for cannot be read, so it cannot be asked for again.")
        kind, request = self.kinds[job.kind], job.request
        if new_seed and kind.afresh is None:
            raise StudioError(f"New seeds are for kinds of work that draw them; {self.title(job)!r} does not.")
        if new_seed and kind.afresh:
            request = kind.afresh(request, self._here())
        elif job.state == SUCCEEDED and kind.folder(self.settings, request):
            raise StudioError(
                f"{self.title(job)!r} has ended well, and its result is kept; nothing of it is left to do. "
                "Begin a new one on its page."
            )
        return self.submit(request, key=key, owner=job.owner)

    def preview(self, job_id: str) -> bytes | None:
        """A small JPEG of the picture being drawn, or None."""
        try:
            return preview_file(self.settings.home, job_id).read_bytes()
        except OSError:
            return None

    def engine(self) -> EngineStatus:
        """What the worker process is doing and on which device."""
        return read_status(self.settings.home)

    def is_empty(self) -> bool:
        """Whether the database knows no picture, in the trash neither."""
        return not self.gallery.count(at_most=1) and not self.gallery.count(trash=True, at_most=1)

    # -- models and LoRAs

    def models(self) -> list[ModelInfo]:
        """Every known model, also those whose weights are not here."""
        return self._catalogue.all()

    def model(self, name: str) -> ModelInfo:
        """One model. Raises NotFound naming the known ones."""
        return self._catalogue.get(name)

    def add_model(
        self, source: str, name: str | None = None, prediction_type: str | None = None, few_steps: str | None = None
    ) -> ModelInfo:
        """Remember a model by folder, .safetensors file or hub id; see `Catalogue.add`. Raises StudioError."""
        return self._catalogue.add(source, name, prediction_type, few_steps)

    def correct_model(self, name: str, prediction_type: str | None) -> ModelInfo:
        """Say what a single file predicts; None goes back to what it tells. Raises StudioError."""
        return self._catalogue.correct(name, prediction_type)

    def say_few_steps(self, name: str, few_steps: str | None) -> ModelInfo:
        """Say for how few steps a model was made; None goes back to what it tells. Raises StudioError."""
        return self._catalogue.say_few_steps(name, few_steps)

    def remove_model(self, name: str, delete_files: bool = False) -> None:
        """Forget an added model, with the files that were fetched for it if told so. Raises StudioError."""
        self._catalogue.remove(name, delete_files)

    def defaults(self, model: ModelInfo, loras: Iterable[LoraWeight] = ()) -> Defaults:
        """With which values a drawing with this model and these LoRAs begins. Raises ModelBroken."""
        return defaults_here(self.settings, model, loras)

    def save_defaults(self, name: str, values: Mapping[str, Any]) -> Defaults:
        """Remember steps, guidance scale and scheduler for a model. Raises StudioError."""
        return Own(self.settings).save(self.model(name).name, values)

    def forget_defaults(self, name: str) -> None:
        """Go back to what the model was made for. Raises StudioError."""
        Own(self.settings).forget(name)

    def default_model(self, models: Iterable[ModelInfo] | None = None) -> ModelInfo:
        """The large model where it is here and a GPU draws it, else the embedded one, else any that is here.

        Args:
            models: what `models` gave, where it was asked already.
        """
        return default_model(self.models() if models is None else models, self.engine().accelerated)

    def loras(self) -> list[LoraInfo]:
        """Every LoRA file of the artist and of the studio, also those that cannot be used, with the reason."""
        return list_loras(self.settings.lora_folders)

    def embeddings(self) -> list[EmbeddingInfo]:
        """Every embedding of the artist, also those that cannot be used, with the reason."""
        return list_embeddings(self.settings.embedding_folders)

    def translators(self) -> list[Translator]:
        """Every translator, also those that cannot be used, with the reason."""
        return translators(self.settings)

    def upscalers(self) -> list[Upscaler]:
        """Every upscaler, also those that cannot be used, with the reason."""
        return upscalers(self.settings)

    # -- the worker's life

    def supervisor(self) -> Supervisor:
        """A supervisor for this studio's worker process; the web process starts and stops it."""
        return Supervisor(self.settings, self.queue, upkeep=self._keep_up)

    def _keep_up(self) -> None:
        """At each start and every hour: a snapshot where one is due, and leftovers that nothing used for long."""
        file = self.database.file
        if file and not self._started:
            self._snapshot(file, backups.START)
        elif file and backups.is_due(file, backups.DAY_SECONDS):
            self._snapshot(file, backups.DAILY)
        self._started = True
        self.gallery.warm()
        if not self.health.unlisted():  # a database that was lost names nothing
            leftovers.sweep(self.gallery, self.settings.home)
        filling.fill(self.gallery)

    def _snapshot(self, file: Path, reason: str) -> None:
        """None of a database that was lost: ten of these would push out those with something in them."""
        if self.health.unlisted() and not self.gallery.count(at_most=1):
            return
        try:
            backups.snapshot(file, reason)
        except GalleryError as error:  # a full disk: the next hour may do; damage: every page says it
            log.error("no snapshot of the database was made: %s", error)


def _make(folder: Path) -> None:
    """Unless it may only be read there: what it holds can be looked at even so."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if error.errno not in (errno.EROFS, errno.EACCES):
            raise
