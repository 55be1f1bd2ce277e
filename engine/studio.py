"""The one door to the engine for pages and the command line: ask, watch, cancel, list."""

import logging
import shutil
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from engine.datasets.pictures import CaptionedPicture
from engine.diffusion.request import FetchModel, LoraWeight, TextToImage, loras_from, text_to_image_problems
from engine.errors import InvalidRequest, ModelUnavailable, NotFound, Problem
from engine.files import printable
from engine.jobs.context import preview_file
from engine.jobs.queue import JobQueue
from engine.jobs.records import Job
from engine.jobs.status import EngineStatus, read_status
from engine.jobs.supervisor import Supervisor
from engine.lora.preparing import begin_evaluation
from engine.lora.requests import EvaluateLora, LoraGrid, PromoteLora, TrainLora
from engine.lora.runs.checkpoints import checkpoint_compared, checkpoints_named
from engine.safety.photos import plain_photo
from engine.settings import EMBEDDED_MODEL, LARGE_MODEL, Settings
from engine.translation.catalogue import NEURAL_STYLE, NIJIGAN, Translator, translators
from engine.translation.request import PhotoRef, Translate
from engine.weights.loras import LoraInfo, list_loras
from engine.weights.models import Catalogue, ModelInfo, require_available, size_problems
from gallery.database import Database
from gallery.photos import Photos
from gallery.store import Gallery

log = logging.getLogger(__name__)

MAX_NAME = 200  # characters of a photo's name


class Studio:
    """Everything the studio can do, without torch: the work itself happens in the worker process.

    Attributes:
        settings: as given.
        gallery: what was made.
        photos: what it was made from.
        queue: the jobs behind `submit`, `job` and `jobs`.
    """

    def __init__(self, settings: Settings):
        settings.home.mkdir(parents=True, exist_ok=True)
        own_loras, _ = settings.lora_folders
        own_loras.mkdir(parents=True, exist_ok=True)
        self.settings = settings
        self.database = Database(settings.database_url)
        self.database.migrate()
        self.gallery = Gallery(self.database, settings.home)
        self.photos = Photos(self.gallery.files)
        self.queue = JobQueue(self.database, settings)
        self._catalogue = Catalogue(settings)

    # -- asking

    def request(self, values: Mapping[str, Any]) -> TextToImage:
        """Build a request from a form's values and check it against the model and its LoRAs.

        Args:
            values: fields of `TextToImage`; those left out take the model's own defaults.

        Raises:
            InvalidRequest: carries every problem of every field at once.
        """
        values = {"model": self.default_model().name, **values, "loras": loras_from(values.get("loras"))}
        model = next((info for info in self.models() if info.name == values["model"]), None)
        native = model.native_size if model and model.native_size else 512  # unknown: reported just below
        values = {"prompt": "", "width": native, "height": native, **values}
        defaults = {name: spec.default for name, spec in TextToImage.__dataclass_fields__.items()}
        problems = self._model_problems(values["model"]) + text_to_image_problems({**defaults, **values})
        if model and not any(problem.field in ("width", "height", "model") for problem in problems):
            problems += size_problems(model, values["width"], values["height"])
        problems += self._lora_problems(values["loras"], model)
        if problems:
            raise InvalidRequest(problems)
        return TextToImage(**values)

    def submit(self, request: TextToImage, *, key: str | None = None, owner: str = "artist") -> Job:
        """Queue a request; an open seed is drawn now, so that every attempt draws the same pixels.

        Args:
            key: the same key always gives the same job; None makes a new one.

        Raises:
            InvalidRequest: the model or a LoRA cannot take it.
            StudioBusy: the queue is full.
        """
        checked = self.request(request.to_dict())
        return self.queue.submit(checked.with_seed(), key=key, owner=owner)

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

    def photo(self, beginning: str) -> PhotoRef | None:
        """The kept photo whose id begins so; None where there is none."""
        found = self.photos.find(beginning)
        return PhotoRef(*found) if found else None

    def translate(self, request: Translate, *, key: str | None = None, owner: str = "artist") -> Job:
        """Queue the translation of photos.

        Args:
            key: the same key always gives the same job; None makes a new one.

        Raises:
            InvalidRequest: the translator is not there or cannot be used, or a photo is not kept.
            StudioBusy: the queue is full.
        """
        problems = [*self._translator_problems(request), *self._photo_problems(request)]
        if problems:
            raise InvalidRequest(problems)
        return self.queue.submit(request, key=key, owner=owner)

    def train_lora(self, request: TrainLora, *, key: str | None = None, owner: str = "artist") -> Job:
        """Queue a training run, or one that goes on; see `engine.lora.preparing` for how runs are prepared.

        Raises:
            InvalidRequest: no run of that name is here, or it is queued or running already.
            StudioBusy: the queue is full.
        """
        if not (self.settings.runs_dir / request.run / "run.json").is_file():
            text = f"A training run must be prepared first; there is none named {request.run!r}."
            raise InvalidRequest([Problem("run", text)])
        self._require_idle(request.run, request.name)
        return self.queue.submit(request, key=key, owner=owner)

    def evaluate_lora(
        self,
        request: EvaluateLora,
        held_out: Sequence[CaptionedPicture] | None = None,
        source: str = "",
        *,
        key: str | None = None,
        owner: str = "artist",
    ) -> Job:
        """Queue an evaluation.

        Args:
            held_out: the pictures to judge by; None goes on with an evaluation that has its own.
            source: where they come from, for people.

        Raises:
            InvalidRequest: the model or the LoRA cannot be used, or too few pictures have a caption.
            StudioBusy: the queue is full.
        """
        model = next((info for info in self.models() if info.name == request.model), None)
        problems = self._model_problems(request.model)
        problems += self._lora_problems([LoraWeight(request.lora, request.weight)], model)
        if problems:
            raise InvalidRequest(problems)
        return self._measure(request, held_out, source, key, owner)

    def lora_grid(
        self,
        request: LoraGrid,
        held_out: Sequence[CaptionedPicture] | None = None,
        source: str = "",
        *,
        key: str | None = None,
        owner: str = "artist",
    ) -> Job:
        """Queue a grid of checkpoints and weights.

        Args:
            held_out, source: as of `evaluate_lora`.

        Raises:
            NotFound: a checkpoint is not there.
            InvalidRequest: too few pictures have a caption.
            StudioBusy: the queue is full.
        """
        checkpoints_named(self.settings.runs_dir / request.run, request.checkpoints)
        return self._measure(request, held_out, source, key, owner)

    def promote_lora(self, request: PromoteLora, *, owner: str = "artist") -> Job:
        """Queue the promotion of a checkpoint to the LoRA that the picker shows; the same that waits is returned.

        Raises:
            NotFound: the checkpoint is not there, or not the one that was compared.
            InvalidRequest: the run is being trained.
            StudioBusy: the queue is full.
        """
        checkpoint_compared(self.settings.runs_dir / request.run, request.checkpoint, request.step)
        self._require_idle(request.run, request.name)
        return self._once(request, owner)

    def fetch_model(self, name: str, *, owner: str = "artist") -> Job:
        """Start downloading a model's weights; a download that is under way is returned instead.

        Raises:
            NotFound: no such model.
            ModelUnavailable: nothing is known about where to get it.
        """
        info = self.model(name)
        if not info.hub_id:
            raise ModelUnavailable(f"{info.title} has no address on the model hub. Add its folder or file instead.")
        return self._once(FetchModel(model=name), owner)

    # -- watching

    def job(self, job_id: str) -> Job:
        """One job as it stands now. Raises NotFound."""
        return self.queue.get(job_id)

    def jobs(
        self,
        *,
        owner: str | None = None,
        active: bool = False,
        kind: str | None = None,
        oldest_first: bool = False,
        limit: int = 50,
    ) -> list[Job]:
        """Jobs, newest first unless told otherwise; `active` keeps those queued or running."""
        return self.queue.list(owner=owner, active=active, kind=kind, oldest_first=oldest_first, limit=limit)

    def ahead_of(self, job: Job) -> int:
        """How many unfinished jobs come before this one."""
        return self.queue.ahead_of(job)

    def cancel(self, job_id: str) -> None:
        """Stop a job: at once when it waits, at its next step when it runs. Raises NotFound."""
        self.queue.cancel(job_id)

    def preview(self, job_id: str) -> bytes | None:
        """A small JPEG of the picture being drawn, or None."""
        try:
            return preview_file(self.settings.home, job_id).read_bytes()
        except OSError:
            return None

    def engine(self) -> EngineStatus:
        """What the worker process is doing and on which device."""
        return read_status(self.settings.home)

    # -- models and LoRAs

    def models(self) -> list[ModelInfo]:
        """Every known model, also those whose weights are not here."""
        return self._catalogue.all()

    def model(self, name: str) -> ModelInfo:
        """One model. Raises NotFound naming the known ones."""
        return self._catalogue.get(name)

    def add_model(self, source: str, name: str | None = None) -> ModelInfo:
        """Remember a model by folder, .safetensors file or hub id. Raises StudioError with the reason."""
        return self._catalogue.add(source, name)

    def remove_model(self, name: str) -> None:
        """Forget an added model; its files stay. Raises StudioError when it was not added."""
        self._catalogue.remove(name)

    def default_model(self) -> ModelInfo:
        """The large model where it is here and a GPU draws it, else the embedded one, else any that is here.

        When none is here it is one that says why.
        """
        models = {info.name: info for info in self.models()}
        here = {name: info for name, info in models.items() if info.available}
        if LARGE_MODEL in here and self.engine().accelerated:
            return here[LARGE_MODEL]
        return here.get(EMBEDDED_MODEL) or next(iter(here.values()), None) or next(iter(models.values()))

    def loras(self) -> list[LoraInfo]:
        """Every LoRA file of the artist and of the studio, also those that cannot be used, with the reason."""
        return list_loras(self.settings.lora_folders)

    def translators(self) -> list[Translator]:
        """Every translator, also those that cannot be used, with the reason."""
        return translators(self.settings)

    # -- the worker's life

    def supervisor(self) -> Supervisor:
        """A supervisor for this studio's worker process; the web process starts and stops it."""
        return Supervisor(self.settings, self.queue)

    def _measure(
        self,
        request: EvaluateLora | LoraGrid,
        held_out: Sequence[CaptionedPicture] | None,
        source: str,
        key: str | None,
        owner: str,
    ) -> Job:
        """Queue it, its pictures written down before; where no job of it comes about, nothing is left."""
        if held_out is None:
            return self.queue.submit(request, key=key, owner=owner)
        begin_evaluation(self.settings, request.evaluation, held_out, source)
        job = None
        try:
            job = self.queue.submit(request, key=key, owner=owner)
            return job
        finally:
            if job is None or job.request != request:  # the queue is full, or a second press
                shutil.rmtree(self.settings.evaluations_dir / request.evaluation, ignore_errors=True)

    def _once(self, request: FetchModel | PromoteLora, owner: str) -> Job:
        """The unfinished job of the same request, or a new one."""
        earlier = [job for job in self.jobs(kind=request.kind, limit=500) if job.request == request]
        if earlier and not earlier[0].ended:
            return earlier[0]
        # The key follows from the last one that ended, so two presses at once make one job.
        words = f"{earlier[0].id if earlier else 'first'} {request.kind} {request.to_dict()}"
        return self.queue.submit(request, key=sha256(words.encode()).hexdigest(), owner=owner)

    def _require_idle(self, run: str, name: str) -> None:
        active = self.jobs(kind=TrainLora.kind, active=True, limit=500)
        if any(isinstance(job.request, TrainLora) and job.request.run == run for job in active):
            raise InvalidRequest([Problem("run", f"{name} is being trained already. Wait for its end.")])

    def _translator_problems(self, request: Translate) -> list[Problem]:
        known = {info.name: info for info in self.translators()}
        info = known.get(request.translator)
        if info is None:
            text = f"There is no translator named {request.translator!r}; known are: {', '.join(known)}."
            return [Problem("translator", text)]
        if info.problem:
            return [Problem("translator", f"{info.title} cannot be used: {info.problem}")]
        if request.solver and info.architecture != NIJIGAN:
            return [Problem("solver", f"{info.title} solves nothing, so it takes no solver; got {request.solver}.")]
        if info.architecture == NEURAL_STYLE and request.style is None:
            return [Problem("style", "Neural style takes its style from a picture. Choose one.")]
        return []

    def _photo_problems(self, request: Translate) -> list[Problem]:
        chosen = [*request.photos, *([request.style] if request.style else [])]
        gone = [photo.name for photo in chosen if not self.photos.path(photo.id).is_file()]
        return [Problem("photos", f"{name} is not kept here any more. Choose its file again.") for name in gone]

    def _model_problems(self, name: str) -> list[Problem]:
        try:
            require_available(self.model(name))
        except (NotFound, ModelUnavailable) as error:
            return [Problem("model", str(error))]
        return []

    def _lora_problems(self, loras: Sequence[LoraWeight], model: ModelInfo | None) -> list[Problem]:
        known = {lora.name: lora for lora in self.loras()} if loras else {}
        texts = (_lora_problem(chosen.name, known, model) for chosen in loras)
        return [Problem("loras", text) for text in texts if text]


def _lora_problem(name: str, known: Mapping[str, LoraInfo], model: ModelInfo | None) -> str:
    lora = known.get(name)
    if lora is None:
        return f"There is no LoRA named {name!r}; known are: {', '.join(known) or 'none'}."
    if lora.problem:
        return f"LoRA {name!r} cannot be used: {lora.problem}"
    if model and lora.cross_attention_dim and lora.cross_attention_dim != model.cross_attention_dim:
        return (
            f"A LoRA works with the base that it was made for; {name!r} is for {lora.base}, "
            f"but {model.title} is {model.base}. Choose another LoRA or another model."
        )
    return ""
