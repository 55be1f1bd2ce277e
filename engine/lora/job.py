"""Jobs about LoRAs, on the device between drawings: training, evaluation, grids of checkpoints, promotion."""

import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from engine.diffusion.loading import load
from engine.diffusion.text_to_image import StepReport
from engine.errors import Cancelled, NotFound
from engine.files import replacing, write_json
from engine.jobs.context import JobContext
from engine.jobs.runner import Handler
from engine.jobs.space import require_space
from engine.jobs.workplace import Workplace
from engine.lora.by_eye.drawing import draw
from engine.lora.by_eye.request import JudgeByEye
from engine.lora.by_eye.rounds import is_made, make_study
from engine.lora.evaluation.evaluation import evaluate
from engine.lora.evaluation.grid import draw_grid
from engine.lora.preparing import held_out_sha256
from engine.lora.requests import EvaluateLora, LoraGrid, PromoteLora, TrainLora
from engine.lora.runs.epochs import short
from engine.lora.runs.listing import INSTALLED, installed_name
from engine.lora.runs.plan import read_plan
from engine.lora.runs.progress import Report
from engine.lora.runs.versions import RESULT, SUFFIXES, keep_changes
from engine.lora.training.run import export, start
from engine.weights.hashes import tensor_sha256
from engine.weights.loras import list_loras
from engine.weights.models import Catalogue, require_available


class Training:
    """Runs LoRA trainings and evaluations; each has the device's memory for itself."""

    def __init__(self, place: Workplace):
        self._settings = place.settings
        self._queue = place.queue
        self._device = place.device
        self._make_room = place.make_room

    @property
    def handlers(self) -> dict[str, Handler]:
        """What this can do."""
        return {
            TrainLora.kind: self.train,
            EvaluateLora.kind: self.evaluate,
            LoraGrid.kind: self.grid,
            JudgeByEye.kind: self.by_eye,
            PromoteLora.kind: self.promote,
        }

    def release(self) -> None:
        """Nothing stays warm."""

    def train(self, context: JobContext) -> None:
        """Train, or go on; a finished LoRA goes to the artist's own, where the picker finds it.

        A LoRA of the run that stands there already stays, with what the artist changed of its notes.
        """
        request: TrainLora = context.request
        folder = self._settings.runs_dir / request.run
        require_space(self._settings.home)
        plan = read_plan(folder)
        context.report(f"Loading {plan.model.title}")
        self._make_room()
        outcome = start(
            folder,
            plan,
            device=self._device,
            report=lambda done: _report(context, done),
            drawing=lambda done: _report_preview(context, done),
            should_stop=context.should_stop,
        )
        if not outcome.finished:
            raise Cancelled("The training was paused. It can go on from where it is.")
        if not is_installed(folder, plan.name, self._settings.lora_folders[0]):
            install(folder, plan.name, self._settings.lora_folders[0])
        self._queue.succeed(context.claim, context.progress)

    def evaluate(self, context: JobContext) -> None:
        """Draw and measure with and without a LoRA."""
        request: EvaluateLora = context.request
        require_space(self._settings.home)
        lora = next((info for info in list_loras(self._settings.lora_folders) if info.name == request.lora), None)
        if lora is None:
            raise NotFound(f"A LoRA must be on this machine to be used; {request.lora!r} is not.")
        info = require_available(Catalogue(self._settings).get(request.model))
        context.report(f"Loading {info.title}")
        self._make_room()
        evaluate(
            self._settings.evaluations_dir / request.evaluation,
            load(info, self._device),
            lora,
            request,
            chosen_on=held_out_sha256(self._settings, lora.name),
            report=context.report,
            should_stop=context.should_stop,
        )
        self._queue.succeed(context.claim, context.progress)

    def grid(self, context: JobContext) -> None:
        """Draw and measure a run's checkpoints at several weights."""
        request: LoraGrid = context.request
        require_space(self._settings.home)
        run = self._settings.runs_dir / request.run
        model = read_plan(run).model
        context.report(f"Loading {model.title}")
        self._make_room()
        draw_grid(
            self._settings.evaluations_dir / request.evaluation,
            run,
            load(model, self._device),
            request,
            report=context.report,
            should_stop=context.should_stop,
        )
        self._queue.succeed(context.claim, context.progress)

    def by_eye(self, context: JobContext) -> None:
        """Draw checkpoints from the same prompts and seeds, and make a study of them; after a crash it is made once."""
        request: JudgeByEye = context.request
        require_space(self._settings.home)
        drawings = self._settings.evaluations_dir / request.study
        if not is_made(self._settings.home, request):
            run = self._settings.runs_dir / request.run
            model = read_plan(run).model
            context.report(f"Loading {model.title}")
            self._make_room()
            loaded = load(model, self._device)
            drawn = draw(drawings, run, loaded, request, report=context.report, should_stop=context.should_stop)
            make_study(self._settings.home, request, drawn)
        shutil.rmtree(drawings, ignore_errors=True)  # the study has its own
        self._queue.succeed(context.claim, context.progress)

    def promote(self, context: JobContext) -> None:
        """Put a checkpoint into the picker in the place of what its run put there before.

        Asked again after a crash anywhere on the way, it comes to the same end.
        """
        request: PromoteLora = context.request
        folder, loras = self._settings.runs_dir / request.run, self._settings.lora_folders[0]
        require_space(self._settings.home)
        plan = read_plan(folder)
        context.report(f"Loading {plan.model.title}")
        self._make_room()
        loaded = load(plan.model, self._device)
        if context.should_stop():
            raise Cancelled("The promotion was stopped. The picker has what it had.")
        context.report("Drawing its preview")
        if own := installed_name(folder):  # before the result is put away, so that both are kept together
            keep_changes(folder, loras / f"{own}.safetensors")
        export(
            folder,
            request.checkpoint,
            step=request.step,
            weight=request.weight,
            loaded=loaded,
            report=lambda done: _report_preview(context, done),
            should_stop=context.should_stop,
        )
        install(folder, plan.name, loras)
        self._queue.succeed(context.claim, context.progress)


def install(run: Path, name: str, loras: Path) -> Path:
    """Copy a run's LoRA with its notes and its preview to the artist's own.

    The run remembers under which name, so that a job that is run again replaces its own LoRA and no other. What the
    artist changed of that one is kept in the run.

    Returns:
        The .safetensors file, under a name of its own where the name is taken.
    """
    loras.mkdir(parents=True, exist_ok=True)
    earlier = installed_name(run)
    own = earlier
    if own is not None:
        keep_changes(run, loras / f"{own}.safetensors")
    else:
        own = next(stem for stem in _names(name) if not (loras / f"{stem}.safetensors").exists())
        write_json(run / INSTALLED, {"name": own})
    for suffix in SUFFIXES:
        source = run / RESULT / f"{name}{suffix}"
        if source.exists():
            with replacing(loras / f"{own}{suffix}") as file:
                file.write(source.read_bytes())
        elif earlier:  # a preview of earlier weights would show another LoRA
            (loras / f"{own}{suffix}").unlink(missing_ok=True)
    return loras / f"{own}.safetensors"


def is_installed(run: Path, name: str, loras: Path) -> bool:
    """Whether the run's result stands among the artist's own, whatever they changed of its notes and its preview."""
    own, result = installed_name(run), run / RESULT / f"{name}.safetensors"
    if own is None or not (loras / f"{own}.safetensors").exists():
        return False
    return tensor_sha256(loras / f"{own}.safetensors") == tensor_sha256(result)


def _names(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}-{number}" for number in count(2))


def _report_preview(context: JobContext, done: StepReport) -> None:
    """A sign of life: on a slow device this takes longer than a job may be silent."""
    shown = context.progress
    context.report(f"Drawing its preview, step {done.step} of {done.steps}", shown.step, shown.steps)


def _report(context: JobContext, done: Report) -> None:
    words = "Measuring the start"
    if done.average_loss is not None:
        words = f"Training, epoch {short(done.epoch)} of {short(done.epochs)}, loss {done.average_loss:.4f}"
    if done.held_out_loss is not None:
        words = f"{words}, held out {done.held_out_loss:.4f}"
    context.report(words[:64], done.step, done.steps)
