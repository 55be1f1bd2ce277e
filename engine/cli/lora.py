"""The commands for LoRAs: train one on one's own captioned pictures, and measure whether it helps."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from ulid import ULID

from engine.cli.app import Home, Json, open_studio, print_json
from engine.cli.lora_settings import lora_config
from engine.cli.waiting import done, finished, require_success
from engine.datasets.findings import Finding
from engine.datasets.pictures import open_picture
from engine.diffusion.request import GUIDANCE_SCALE, LORA_WEIGHT, STEPS
from engine.errors import NotFound
from engine.files import read_json, replacing
from engine.lora import preparing
from engine.lora.admission import training_time
from engine.lora.evaluations import HELD_OUT
from engine.lora.pace import planned_with
from engine.lora.preparing import PreparedRun, RunSettings
from engine.lora.requests import SEEDS, EvaluateLora, TrainLora
from engine.lora.runs.config import PRESETS
from engine.lora.runs.epochs import epoch_at, looks_of, run_in_words
from engine.lora.runs.held_out import REPORT
from engine.lora.runs.listing import run_info
from engine.lora.runs.progress import read_progress
from engine.lora.verdicts import answer, gain, headline
from engine.rules import counted
from engine.studio import Studio
from engine.weights.models import require_available
from engine.weights.safetensors_file import MAX_LORA_RANK

commands = typer.Typer()


@commands.command()
def train_lora(
    dataset: Annotated[Path | None, typer.Argument(help="Folder or ZIP of captioned pictures.")] = None,
    name: Annotated[str | None, typer.Option(help="Of the LoRA; the folder's name when left out.")] = None,
    model: Annotated[str | None, typer.Option(help="Name of a model; see `models`.")] = None,
    preset: Annotated[str, typer.Option(help=f"One of {', '.join(PRESETS)}.")] = "recommended",
    steps: Annotated[int | None, typer.Option(help="Optimizer steps, in place of the preset's.")] = None,
    rank: Annotated[int | None, typer.Option(help=f"1 to {MAX_LORA_RANK}.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Of the optimizer, at its highest.")] = None,
    resolution: Annotated[int | None, typer.Option(help="Pixels; the model's native size when left out.")] = None,
    text_encoder: Annotated[bool | None, typer.Option(help="Train the text encoder too.")] = None,
    patience: Annotated[int | None, typer.Option(help="End early after so many measurements without a gain.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of everything random, the split included.")] = None,
    prompt: Annotated[str | None, typer.Option("--validation-prompt", help="Drawn on the way, to compare.")] = None,
    config: Annotated[Path | None, typer.Option(help="JSON with settings that differ from the preset.")] = None,
    change: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any setting, such as batch_size=2 or validation_every=null; may be repeated."),
    ] = None,
    trigger: Annotated[str, typer.Option(help="Word put in front of every caption.")] = "",
    enrich: Annotated[bool, typer.Option(help="Extend captions by the keyword rules.")] = False,
    rules: Annotated[Path | None, typer.Option(help="TOML file of rules to extend captions by.")] = None,
    share: Annotated[float, typer.Option(help="Of the pictures that is held out, 0 to 0.5.")] = 0.2,
    check: Annotated[bool, typer.Option("--check", help="Only look at the pictures; train nothing.")] = False,
    resume: Annotated[str | None, typer.Option(help="Name of a run to go on with.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Train a LoRA on captioned pictures; it then stands in the picker, and in result/ of its run."""
    studio = open_studio(home)
    if resume:
        _train(studio, TrainLora(run=resume, name=preparing.plan_of(studio.settings, resume).name), as_json)
        return
    if dataset is None:
        raise NotFound("A data set must be named: a folder or a ZIP of captioned pictures, or --resume RUN.")
    changes: dict[str, Any] = {"steps": steps, "rank": rank, "learning_rate": learning_rate, "resolution": resolution}
    changes |= {"text_encoder": text_encoder, "patience": patience, "seed": seed, "validation_prompt": prompt}
    info = studio.model(model) if model else studio.default_model()
    settings = lora_config(preset, config, change or (), changes)
    order = RunSettings(name or dataset.stem, info, settings, trigger, enrich or bool(rules), share)
    order = replace(order, rules=rules or order.rules)
    folder = preparing.dataset_folder(studio.settings, dataset)
    prepared = preparing.prepare(folder, order, on_gpu=studio.engine().accelerated)
    _say(studio, prepared, order)
    if check:
        _end_check(prepared, order, as_json)
        return
    run = preparing.begin_run(studio.settings, prepared, order)
    _train(studio, TrainLora(run=run, name=order.name), as_json)


def _end_check(prepared: PreparedRun, order: RunSettings, as_json: bool) -> None:
    """Raises typer.Exit with code 1 where something blocks training."""
    if as_json:
        print_json(
            {
                "can_train": not prepared.check_up.blocks,
                "pictures": len(prepared.train),
                "held_out": len(prepared.held_out),
                "summary": prepared.dataset.report.summary,
                "memory": prepared.memory.in_words(),
                "settings": order.config.to_dict(),
                "epochs": epoch_at(order.config, order.config.steps, looks_of(prepared.train)),
                "findings": [asdict(finding) for finding in _findings(prepared)],
            }
        )
    if prepared.check_up.blocks:
        raise typer.Exit(1)


def _train(studio: Studio, request: TrainLora, as_json: bool) -> None:
    """Train a run to its end; where it waits in the queue already, or is at work, wait for that."""
    waiting = [job for job in studio.jobs(kind=TrainLora.kind, active=True, limit=None) if job.request == request]
    typer.echo(f"Run {request.run}; an interrupted run goes on with --resume {request.run}", err=True)
    job = finished(studio, waiting[0] if waiting else studio.submit(request), quiet=as_json)
    require_success(job, "training")
    _say_result(studio, request.run, as_json)


@commands.command()
def evaluate(
    lora: Annotated[str, typer.Option(help="Name of a LoRA; see `loras`.")],
    dataset: Annotated[
        Path | None,
        typer.Option(help="Folder of captioned pictures; what the run held out when left out."),
    ] = None,
    model: Annotated[str | None, typer.Option(help="Name of a model; see `models`.")] = None,
    weight: Annotated[float, typer.Option(help=f"Of the LoRA, {LORA_WEIGHT}.")] = LORA_WEIGHT.default,
    seeds: Annotated[int, typer.Option(help=f"Pictures for each caption, {SEEDS}.")] = SEEDS.default,
    steps: Annotated[int, typer.Option(help="Denoising steps.")] = STEPS.default,
    guidance: Annotated[float, typer.Option(help="Guidance scale.")] = GUIDANCE_SCALE.default,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Draw held-out captions with and without a LoRA, and say with intervals whether it came nearer to the pictures."""
    studio = open_studio(home)
    folder = preparing.dataset_folder(studio.settings, dataset) if dataset else None
    held_out = preparing.held_out_for(studio.settings, lora, folder)
    request = EvaluateLora(
        lora=lora,
        evaluation=str(ULID()),
        model=(studio.model(model) if model else studio.default_model()).name,
        weight=weight,
        num_inference_steps=steps,
        guidance_scale=guidance,
        seeds=seeds,
    )
    source = str(dataset.absolute()) if dataset else HELD_OUT
    place = studio.settings.evaluations_dir / request.evaluation
    preparing.begin_evaluation(studio.settings, request.evaluation, held_out, source)
    done(studio, request, "evaluation", quiet=as_json)
    report = read_json(place / REPORT)
    if as_json:
        print_json({"folder": str(place), "answer": headline(report)} | report)
        return
    print(headline(report))
    for line in _table(report["changes"]):
        print(f"  {line}")
    for note in report["notes"]:
        print(f"  {note}")
    print(f"Pictures and tables: {place}")


def _table(changes: Sequence[dict[str, Any]]) -> list[str]:
    """A line for each measure: without, with, and the gain, which is better above 0 whatever the measure."""
    rows = [("measure", "without", "with", "gain", "better")]
    for change in changes:
        gained = gain(change)
        interval = f"{_number(gained['value'])} ({_number(gained['low'])} to {_number(gained['high'])})"
        values = (_number(change[side]["value"]) for side in ("base", "tuned"))
        rows.append((change["base"]["name"], *values, interval, answer(change)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _number(value: float | str) -> str:
    """So many digits; texts stand for numbers that JSON does not know."""
    return value if isinstance(value, str) else f"{value:.4g}"


@commands.command()
def noising(
    picture: Annotated[Path, typer.Argument(help="A PNG, JPEG or WebP picture.")],
    out: Annotated[Path, typer.Option(help="The sheet, a PNG file.")],
    prompt: Annotated[str, typer.Option(help="What the model is told that it shows.")] = "",
    model: Annotated[str | None, typer.Option(help="Name of a model; see `models`.")] = None,
    home: Home = None,
) -> None:
    """Show a picture at noise 0, 0.5 and 1, and what the model makes of each in one step."""
    from engine.device import choose  # here: imports torch
    from engine.diffusion.loading import load
    from engine.lora.training.noising import noising_sheet

    studio = open_studio(home)
    info = require_available(studio.model(model) if model else studio.default_model())
    sheet = noising_sheet(load(info, choose(studio.settings.device)), open_picture(picture), prompt)
    with replacing(out) as file:
        sheet.save(file, "PNG")
    print(out)


def _say(studio: Studio, prepared: PreparedRun, order: RunSettings) -> None:
    report = prepared.dataset.report
    typer.echo(report.summary, err=True)
    for finding in _findings(prepared):
        typer.echo(_line(finding), err=True)
    typer.echo(f"{counted(len(prepared.train), 'picture')} to train on, {len(prepared.held_out)} held out.", err=True)
    planned = planned_with(order.config, order.model, prepared.train, prepared.held_out)
    time = training_time(studio.settings, planned, studio.jobs(kind=TrainLora.kind), studio.engine(), studio.gallery)
    run = run_in_words(order.config, looks_of(prepared.train))
    typer.echo(f"{run}, on {order.model.title}. {prepared.memory.in_words()} {time}", err=True)


def _findings(prepared: PreparedRun) -> list[Finding]:
    return [*prepared.dataset.report.findings, *prepared.check_up.findings]


def _line(finding: Finding) -> str:
    return f"[{finding.severity}] {finding.message}"


def _say_result(studio: Studio, run: str, as_json: bool) -> None:
    folder = studio.settings.runs_dir / run
    measured = [(line.step, line.held_out) for line in read_progress(folder) if line.held_out is not None]
    facts: dict[str, Any] = {"run": run, "folder": str(folder), "result": str(folder / "result")}
    if measured:
        best = min(measured, key=lambda each: each[1])
        facts |= {"held_out_before": measured[0][1], "held_out_best": best[1], "best_step": best[0]}
    if as_json:
        print_json(facts)
        return
    if measured:
        at = run_info(folder).at(best[0])
        print(f"Held-out loss: {facts['held_out_before']:.4f} before, {best[1]:.4f} at {at}.")
    print(folder / "result")
