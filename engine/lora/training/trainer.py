"""Train a LoRA: put one on a model, do the steps, leave when it is time."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from engine.datasets.pictures import CaptionedPicture
from engine.diffusion.loading import LoadedModel
from engine.errors import InvalidRequest, OutOfMemory, Problem
from engine.lora.runs.checkpoints import CHECKPOINTS, LAST
from engine.lora.runs.computing import Computing, as_begun
from engine.lora.runs.config import Config
from engine.lora.runs.progress import History, Report
from engine.lora.training.adapter import Adapter, lora_on
from engine.lora.training.data import Deck, Encoder
from engine.lora.training.learner import Learner, learning_rates
from engine.lora.training.objective import objective_of
from engine.lora.training.processes import accelerator_of
from engine.lora.training.validation import HeldOut, validation_prompt
from engine.lora.training.watch import TensorBoard, Watch
from engine.training import loop
from engine.training.parallel import Ranks

SAVE_SECONDS = 60.0  # between the states that a killed run goes on from
MOMENTUM = 0.9  # of SGD
SMOOTH = 20  # steps at least that the average loss looks back on; few pictures make short passes


@dataclass(frozen=True)
class Outcome:
    """Where a run stands when it leaves off; of several processes, the first one's tells the losses.

    Attributes:
        step, steps: done and wanted.
        stopped_early: the held-out loss no longer fell.
        held_out_before: held-out loss of the model without the LoRA; None without held-out pictures.
        best_step, best_held_out: when it was lowest; step 0 means that the training did not help.
    """

    step: int
    steps: int
    stopped_early: bool
    held_out_before: float | None
    best_step: int | None
    best_held_out: float | None

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do; otherwise the run can go on."""
        return self.stopped_early or self.step >= self.steps


def require_usable(
    loaded: LoadedModel,
    config: Config,
    pictures: Sequence[CaptionedPicture],
    held_out: Sequence[CaptionedPicture] = (),
) -> None:
    """Refuse what cannot be trained before anything is changed.

    Raises:
        InvalidRequest: no pictures, or settings that the model or the pictures do not allow.
        OutOfMemory: the model only fits its device part by part.
    """
    problems = []
    if not pictures:
        problems.append(Problem("pictures", "A training needs one picture or more; got none. Add some."))
    if config.patience and not held_out:
        problems.append(
            Problem("patience", "Stopping early needs held-out pictures; got none. Hold some out, or unset patience.")
        )
    resolution, multiple = config.resolution or loaded.info.native_size, loaded.info.size_multiple
    if resolution % multiple:
        problems.append(
            Problem(
                "resolution",
                f"The resolution must be a multiple of {multiple} for {loaded.info.title}; got {resolution}. "
                f"Use {resolution - resolution % multiple} or {resolution - resolution % multiple + multiple}.",
            )
        )
    if problems:
        raise InvalidRequest(problems)
    if loaded.offloaded:
        raise OutOfMemory(
            f"{loaded.info.title} must lie whole on {loaded.device.name} to be trained; there is too little memory "
            "free. Close other programs, or choose a smaller model."
        )


def optimizer_of(config: Config, parameters: Iterable[Tensor]) -> torch.optim.Optimizer:
    """The optimizer that the settings name, one of `OPTIMIZERS`; what they do not name is as torch has it."""
    shared = {"lr": config.learning_rate, "weight_decay": config.weight_decay}
    makers: dict[str, Callable[..., torch.optim.Optimizer]] = {
        "adamw": torch.optim.AdamW,
        "adafactor": torch.optim.Adafactor,
        "sgd": partial(torch.optim.SGD, momentum=MOMENTUM),
    }
    return makers[config.optimizer](parameters, **shared)


def learner_of(
    ranks: Ranks,
    config: Config,
    loaded: LoadedModel,
    adapter: Adapter,
    pictures: Sequence[CaptionedPicture],
    computing: Computing | None = None,
) -> Learner:
    """What does the steps of a training of `adapter`, a LoRA that is on the model; `computing` as for `run`."""
    accelerator = accelerator_of(loaded.device, config.gradient_accumulation)
    optimizer = optimizer_of(config, adapter.parameters())
    return Learner(
        config=config,
        computing=computing or as_begun(config),
        pipeline=loaded.pipeline,
        adapter=adapter,
        deck=Deck(pictures, config.seed),
        encoder=Encoder(loaded.pipeline, config.augmentation(loaded.info.native_size), config.varies),
        objective=objective_of(loaded.pipeline.scheduler, config),
        accelerator=accelerator,
        optimizer=accelerator.prepare_optimizer(optimizer),
        ranks=ranks,
        rate=learning_rates(config),
    )


def _watch(
    folder: Path,
    loaded: LoadedModel,
    learner: Learner,
    held_out: Sequence[CaptionedPicture],
    report: Callable[[Report], None],
) -> Watch:
    """Everything that looks at the run."""
    pictures, looks, processes = learner.deck.pictures, learner.deck.size, learner.ranks.size
    config = learner.config.in_steps(looks, processes)
    steps_per_pass = looks // (config.pictures_per_step * processes)
    at_once = learner.computing.pictures(config)
    measured = HeldOut(held_out, learner.encoder, learner.objective, at_once) if held_out else None
    return Watch(
        folder=folder,
        loaded=loaded,
        config=config,
        learner=learner,
        held_out=measured,
        prompt=validation_prompt(config, [*held_out, *pictures]),
        history=History(window=max(SMOOTH, steps_per_pass)),
        log=TensorBoard(folder, quiet=not learner.ranks.first),
        report=report,
        epochs_per_step=config.pictures_per_step * processes / looks,
    )


def _steps(watch: Watch, should_stop: Callable[[], bool], save_seconds: float) -> None:
    learner, ranks = watch.learner, watch.learner.ranks

    def step(number: int) -> dict[str, float]:
        if ranks.first:
            watch.before(number)
        started = time.monotonic()
        loss = learner.step(number)
        if ranks.first:
            watch.after(number + 1, loss, time.monotonic() - started)
        else:
            watch.history.add_loss(number + 1, loss)
        return {}

    state: dict[str, loop.Stateful] = {
        "adapter": learner.adapter,
        "optimizer": learner.optimizer,
        "history": watch.history,
    }
    if learner.accelerator.scaler is not None:
        state["scaler"] = learner.accelerator.scaler
    settings = {**learner.config.to_dict(), "ranks": ranks.size, "pictures": len(learner.deck.pictures)}
    loop.train(
        watch.folder / CHECKPOINTS,
        learner.config.steps,
        state,
        settings,
        step,
        ranks=ranks,
        log=watch.log,
        save_seconds=save_seconds,
        should_stop=lambda: should_stop() or watch.no_longer_better(),
    )
    if ranks.first:
        watch.keep(LAST, watch.history.step)
        watch.keep_timing()
        watch.log.close()


def run(
    ranks: Ranks,
    config: Config,
    folder: Path,
    loaded: LoadedModel,
    pictures: Sequence[CaptionedPicture],
    held_out: Sequence[CaptionedPicture] = (),
    *,
    computing: Computing | None = None,
    report: Callable[[Report], None] = lambda report: None,
    should_stop: Callable[[], bool] = lambda: False,
    save_seconds: float = SAVE_SECONDS,
) -> Outcome:
    """Train a LoRA inside `loaded`, or go on with the run in `folder`.

    Args:
        ranks: of the processes that train together, see `own_ranks`.
        folder: gets progress.jsonl, logs, samples, and checkpoints: `step-<n>`, `best` and `last` as LoRA files.
        loaded: on this process's device, and nobody else's meanwhile; the LoRA is taken off again.
        computing: how steps are computed; None takes one batch at a time, as the settings say.
        should_stop: asked before every step; the run then saves and leaves.
        save_seconds: between the states that a killed run goes on from.

    Raises:
        InvalidRequest: settings or pictures that do not fit the model, or others than the run began with.
        OutOfMemory: the device is too small.
        StudioError: the loss is no longer a number.
    """
    require_usable(loaded, config, pictures, held_out)
    doing = f"Training a LoRA of {loaded.info.title}"
    advice = "Lower the resolution, batch size or rank, or turn on gradient checkpointing."
    computing = computing or as_begun(config)
    with (
        loaded.device.explaining_out_of_memory(doing, advice),
        lora_on(loaded.pipeline, config, computing.gradient_checkpointing) as adapter,
    ):
        learner = learner_of(ranks, config, loaded, adapter, pictures, computing)
        watch = _watch(folder, loaded, learner, held_out, report)
        _steps(watch, should_stop, save_seconds)
    history = watch.history
    return Outcome(
        history.step, config.steps, watch.no_longer_better(), history.baseline, history.best_step, history.best
    )
