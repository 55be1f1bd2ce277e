"""The commands for the checkpoints of a LoRA's training: compare them at several weights, and promote one."""

from pathlib import Path
from typing import Annotated

import typer
from ulid import ULID

from engine.cli.app import Home, Json, open_studio, print_json
from engine.cli.waiting import done
from engine.diffusion.request import GUIDANCE_SCALE, LORA_WEIGHT, STEPS
from engine.errors import NotFound
from engine.files import read_json
from engine.lora import preparing
from engine.lora.by_eye.request import OFFERED_CHECKPOINTS, OFFERED_PROMPTS, PICTURES, ROUNDS, JudgeByEye
from engine.lora.evaluations import HELD_OUT
from engine.lora.requests import CAPTIONS, MOST_CHECKPOINTS, WEIGHTS, LoraGrid, PromoteLora
from engine.lora.runs.checkpoints import checkpoints_of
from engine.lora.runs.held_out import GRID, usable
from engine.rules import counted
from engine.studio import Studio

commands = typer.Typer()

Trained = Annotated[str, typer.Argument(help="Name of a LoRA that was trained here, or of its run.")]


@commands.command()
def lora_grid(
    lora: Trained,
    checkpoint: Annotated[
        list[str] | None,
        typer.Option(help=f"Such as step-000200, several times if need be. The last {MOST_CHECKPOINTS} when left out."),
    ] = None,
    weight: Annotated[list[float] | None, typer.Option(help="May be given several times; 0 is always there.")] = None,
    captions: Annotated[int, typer.Option(help=f"Held-out captions to draw, {CAPTIONS}.")] = CAPTIONS.default,
    steps: Annotated[int, typer.Option(help="Denoising steps.")] = STEPS.default,
    guidance: Annotated[float, typer.Option(help="Guidance scale.")] = GUIDANCE_SCALE.default,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Draw and measure the checkpoints of a training at several weights, from the same seeds."""
    studio = open_studio(home)
    run = _run(studio, lora)
    plan = preparing.plan_of(studio.settings, run)
    kept = [each.name for each in checkpoints_of(studio.settings.runs_dir / run)][-MOST_CHECKPOINTS:]
    request = LoraGrid(
        run=run,
        name=plan.name,
        evaluation=str(ULID()),
        checkpoints=tuple(checkpoint or kept),
        weights=tuple(weight or WEIGHTS),
        captions=captions,
        num_inference_steps=steps,
        guidance_scale=guidance,
    )
    preparing.begin_evaluation(studio.settings, request.evaluation, plan.held_out, HELD_OUT)
    done(studio, request, "grid", quiet=as_json)
    say_grid(studio.settings.evaluations_dir / request.evaluation, as_json)


@commands.command()
def lora_by_eye(
    lora: Trained,
    prompt: Annotated[
        list[str] | None, typer.Option(help="May be given several times; the held-out captions when left out.")
    ] = None,
    checkpoint: Annotated[
        list[str] | None, typer.Option(help="Such as step-000200, several times if need be. The last 4 when left out.")
    ] = None,
    weight: Annotated[float, typer.Option(help=f"Of the LoRA, {LORA_WEIGHT}.")] = LORA_WEIGHT.default,
    seeds: Annotated[int, typer.Option(help=f"Pictures for each prompt, {PICTURES}.")] = PICTURES.default,
    alone: Annotated[bool, typer.Option(help="Hide the model without the LoRA among them.")] = True,
    rounds: Annotated[str, typer.Option(help=f"One of {', '.join(ROUNDS)}.")] = next(iter(ROUNDS)),
    steps: Annotated[int, typer.Option(help="Denoising steps.")] = STEPS.default,
    guidance: Annotated[float, typer.Option(help="Guidance scale.")] = GUIDANCE_SCALE.default,
    home: Home = None,
) -> None:
    """Draw checkpoints from the same prompts and seeds, to be judged blind on the Studies page."""
    studio = open_studio(home)
    run = _run(studio, lora)
    plan = preparing.plan_of(studio.settings, run)
    captions = dict.fromkeys(each.caption.strip() for each in usable(plan.held_out)[:OFFERED_PROMPTS])
    request = JudgeByEye(
        run=run,
        name=plan.name,
        study=str(ULID()),
        checkpoints=tuple(
            checkpoint or [each.name for each in checkpoints_of(studio.settings.runs_dir / run)][-OFFERED_CHECKPOINTS:]
        ),
        prompts=tuple(prompt or captions),
        seeds=seeds,
        weight=weight,
        alone=alone,
        rounds=rounds,
        num_inference_steps=steps,
        guidance_scale=guidance,
    )
    done(studio, request, "drawing")
    them = "it" if request.questions == 1 else "them"
    asked = counted(request.questions, "question")
    print(f"{request.study}  {asked}; judge {them} on the Studies page, under {plan.name} by eye.")


@commands.command()
def promote_lora(
    lora: Trained,
    checkpoint: Annotated[str, typer.Argument(help='Such as step-000200, "best" or "last".')],
    weight: Annotated[float, typer.Option(help=f"That the picker suggests, {LORA_WEIGHT}.")] = LORA_WEIGHT.default,
    home: Home = None,
) -> None:
    """Make a checkpoint the LoRA in the picker; what its training gave before is kept in the run."""
    studio = open_studio(home)
    run = _run(studio, lora)
    name = preparing.plan_of(studio.settings, run).name
    request = PromoteLora(run=run, name=name, checkpoint=checkpoint, weight=weight)
    done(studio, request, "promotion")
    print(studio.settings.runs_dir / run / "result")


def _run(studio: Studio, lora: str) -> str:
    """The run behind a LoRA's name, or the run of that name itself."""
    if lora in preparing.runs(studio.settings):
        return lora
    run = preparing.run_behind(studio.settings, lora)
    if run is None:
        known = ", ".join(preparing.runs(studio.settings)) or "none"
        raise NotFound(f"Checkpoints are known of LoRAs that were trained here; {lora!r} was not. Runs are: {known}.")
    return run


def say_grid(folder: Path, as_json: bool) -> None:
    """Print what a finished grid found, as JSON or a line for each figure."""
    grid = read_json(folder / GRID)
    if as_json:
        print_json({"folder": str(folder)} | grid)
        return
    print(grid["headline"])
    for cell in grid["cells"]:
        for change in cell["changes"]:
            print(f"  {cell['label']}, weight {cell['weight']:g}: {change['verdict']}")
    for note in grid["notes"]:
        print(f"  {note}")
    print(f"Pictures and tables: {folder}")
