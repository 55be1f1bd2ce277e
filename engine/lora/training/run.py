"""A LoRA run as a folder: all that was asked, all that was made, and how to go on after a stop or a crash.

    run.json        settings whole, model, pictures with their hashes, versions; see lora_plan
    computing.json  how many pictures are computed together, chosen by the memory there was; see `Computing`
    timing.json     how long its parts took, for later estimates; see `Timing`
    progress.jsonl  the losses, a line for each step; see lora_progress
    checkpoints/    the state to go on from; LoRA files of every so many steps, `best` and `last`
    samples/        validation pictures
    logs/           for TensorBoard
    outcome.json    where the run stands, written whenever it leaves off
    result/         the finished LoRA; see engine.weights.lora_export
    versions/       what stood there before a checkpoint was promoted; see lora_versions

A run goes on only with what it began with: the same settings, model and pictures, byte for byte. On several GPUs:

    accelerate launch -m engine.lora.training.run STUDIO_HOME/runs/RUN
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from safetensors import safe_open

from engine.device import Device
from engine.diffusion.loading import LoadedModel, load
from engine.diffusion.text_to_image import StepReport
from engine.errors import OutOfMemory, StudioError
from engine.files import read_json, write_json
from engine.lora.runs.checkpoints import BEST, CHECKPOINTS, LAST, checkpoint_compared
from engine.lora.runs.computing import (
    Computing,
    as_begun,
    choose_computing,
    computing_of,
    keep_computing,
    read_computing,
)
from engine.lora.runs.memory import estimate_memory, require_memory
from engine.lora.runs.plan import RunPlan, begin, model_sha256, read_plan, read_record
from engine.lora.runs.progress import Report, read_progress
from engine.lora.runs.versions import RESULT, replaced_result
from engine.lora.training import trainer
from engine.lora.training.processes import is_first, own_device, own_ranks
from engine.lora.training.trainer import Outcome
from engine.lora.training.validation import draw_sample, validation_prompt
from engine.rules import finite
from engine.training.loop import asked_to_stop
from engine.weights.lora_export import STEP, ExportedLora, export_lora
from engine.weights.lora_metadata import LoraCard
from engine.weights.loras import list_loras

OUTCOME = "outcome.json"


def start(
    folder: Path,
    plan: RunPlan,
    *,
    device: Device | None = None,
    report: Callable[[Report], None] = lambda report: None,
    drawing: Callable[[StepReport], None] = lambda done: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Begin a run, or go on with it when the folder holds the same one; at its end its best LoRA is exported.

    A run that has a result already keeps it: it was exported before, or a checkpoint was promoted while it was paused.

    Args:
        folder: of this run alone; made if it is missing.
        device: None takes the studio's choice, with several processes one GPU for each.
        report: called before the first step and after every step.
        drawing: called after every step of the preview's drawing, at the end.
        should_stop: asked before every step; the run then saves and leaves, and can go on later.

    Raises:
        InvalidRequest: the folder holds another run, or something does not fit.
        OutOfMemory: the device is too small.
        StudioError: the loss is no longer a number, or another process is training in the folder.
    """
    if is_first():
        begin(folder, plan, time.time())
    device = device or own_device()
    require_memory(estimate_memory(plan.model, plan.config, device.is_cuda), device.total_memory(), device.name)
    computing = _computing(folder, plan, device)
    loaded, ranks = load(plan.model, device), own_ranks(device)
    what = (plan.config, folder, loaded, plan.pictures, plan.held_out)
    train = partial(trainer.run, ranks, *what, report=report, should_stop=should_stop)
    try:
        outcome = train(computing=computing)
    except OutOfMemory:
        least = choose_computing(plan.model, plan.config, 0, device.is_cuda)
        if computing == least or ranks.size > 1:
            raise
        keep_computing(folder, least)  # the estimate was too low: it goes on from its last state with less
        outcome = train(computing=least)
    if is_first():
        write_json(folder / OUTCOME, asdict(outcome) | {"finished": outcome.finished, "left_at": time.time()})
        if outcome.finished and not (folder / RESULT).exists():
            export(folder, loaded=loaded, report=drawing)
    return outcome


def _computing(folder: Path, plan: RunPlan, device: Device) -> Computing:
    """How this run is computed, by the memory that is free before its model is loaded; kept from its first start on."""
    computing = computing_of(folder, plan.model, plan.config, device.free_memory(), device.is_cuda)
    if is_first() and read_computing(folder) != computing:
        keep_computing(folder, computing)
    return computing


def resume(
    folder: Path,
    *,
    device: Device | None = None,
    report: Callable[[Report], None] = lambda report: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Go on with the run in a folder; see `start`.

    Raises:
        NotFound: there is no run.
    """
    return start(folder, read_plan(folder), device=device, report=report, should_stop=should_stop)


def export(
    folder: Path,
    which: str = BEST,
    *,
    step: int | None = None,
    weight: float | None = None,
    loaded: LoadedModel | None = None,
    device: Device | None = None,
    report: Callable[[StepReport], None] = lambda done: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> ExportedLora:
    """Write a checkpoint of a run as a finished LoRA into its folder `result`, with a preview that it drew.

    What was there before is kept under `versions`.

    Args:
        which: "best" (the last one where none was better than the model alone), "last" or "step-000200".
        step: that the checkpoint must be of; None takes any.
        weight: that suits it, for its notes; None takes the plan's.
        loaded: the run's model, to draw the preview; None loads it.
        report: called after every step of the preview's drawing.
        should_stop: asked between these steps.

    Raises:
        NotFound: there is no such checkpoint.
        Cancelled: `should_stop` said so; the result is as it was.
    """
    plan = read_plan(folder)
    plan = plan if weight is None else replace(plan, preferred_weight=weight)
    tensors, settings, step = read_checkpoint(folder, which, step)
    loaded = loaded or load(plan.model, device or own_device())
    card = _card(folder, plan, step, loaded.device)
    with replaced_result(folder) as fresh:
        exported = export_lora(fresh, tensors, settings, card)
        if preview := _preview(loaded, plan, exported.kohya, report, should_stop):
            exported = export_lora(fresh, tensors, settings, card, preview)
    return exported.moved(folder / RESULT)


def read_checkpoint(
    folder: Path, which: str, step: int | None = None
) -> tuple[dict[str, np.ndarray], dict[str, Any], int]:
    """A LoRA of the run as it was kept: tensors, peft's settings, and its step. Raises as `export`."""
    if which == BEST and not (folder / CHECKPOINTS / f"{BEST}.safetensors").is_file():
        which = LAST
    with safe_open(checkpoint_compared(folder, which, step).path, "np") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    return tensors, json.loads(metadata["lora_adapter_metadata"]), int(metadata[STEP])


def _card(folder: Path, plan: RunPlan, step: int, device: Device) -> LoraCard:
    config, looks = plan.config, sum(picture.repeats for picture in plan.pictures)
    held_out = {line.step: line.held_out for line in read_progress(folder)}
    computing = read_computing(folder) or as_begun(config)
    return LoraCard(
        name=plan.name,
        model=plan.model,
        model_sha256=model_sha256(plan.model) if plan.model.single_file else "",
        rank=config.rank,
        alpha=config.lora_alpha,
        settings=config.to_dict() | {"gradient_checkpointing": computing.gradient_checkpointing},
        steps=step,
        passes=step * config.pictures_per_step / looks,
        resolution=config.resolution or plan.model.native_size,
        captions=[picture.caption for picture in plan.pictures for _ in range(picture.repeats)],
        held_out_pictures=len(plan.held_out),
        mixed_precision="fp16" if device.is_cuda else "no",
        started_at=read_record(folder)["created_at"],
        finished_at=_left_at(folder),
        trigger_words=plan.trigger_words,
        about=plan.about,
        preferred_weight=plan.preferred_weight,
        results={
            "held_out_before": held_out.get(0),
            "held_out_after": held_out.get(step),
            "held_out_at_weight": 1.0,
        },
    )


def _left_at(folder: Path) -> float:
    """When the training was left, also where a checkpoint is exported later; seconds since 1970."""
    try:
        left_at = finite(read_json(folder / OUTCOME).get("left_at"))
    except (OSError, ValueError):
        left_at = None
    return time.time() if left_at is None else left_at


def _preview(
    loaded: LoadedModel,
    plan: RunPlan,
    file: Path,
    report: Callable[[StepReport], None],
    should_stop: Callable[[], bool],
) -> Image.Image | None:
    """What the finished file draws, applied as the studio applies any LoRA."""
    prompt = validation_prompt(plan.config, [*plan.held_out, *plan.pictures])
    (info,) = (info for info in list_loras([file.parent]) if info.path == file)
    if not prompt:
        return None
    loras = [(info, plan.preferred_weight)]
    return draw_sample(loaded, plan.config, prompt, loras, report=report, should_stop=should_stop)


def main() -> None:
    """Begin or go on with the run in the folder that is named; SIGTERM and Ctrl+C pause it."""
    try:
        with asked_to_stop() as stop:
            outcome = resume(Path(sys.argv[1]), should_stop=stop)
    except (StudioError, IndexError) as error:
        sys.exit(str(error) if isinstance(error, StudioError) else "Name the folder of a run.")
    if is_first():
        print(f"Step {outcome.step} of {outcome.steps}.")


if __name__ == "__main__":
    main()
