"""The commands that make the small model: its scenes, its training, what it draws."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.app import Home, open_studio, settings_of
from engine.diffusion.request import GUIDANCE_SCALE, SCHEDULERS, STEPS
from engine.errors import NotFound
from engine.mini.stage_names import STAGE_NAMES
from engine.scenes.scene import LANDMARKS
from engine.settings import PROJECT

commands = typer.Typer()


@commands.command()
def scenes(
    count: Annotated[int, typer.Option(help="Number of pictures.")],
    out: Annotated[Path, typer.Option(help="Folder; what an earlier run wrote there is kept and continued.")],
    seed: Annotated[int, typer.Option(help="Picture i shows the scene of seed + i.")] = 0,
    size: Annotated[int, typer.Option(help="Pixels of each side.")] = 256,
    look: Annotated[str, typer.Option(help="painterly, ink, cel or mono.")] = "painterly",
    time: Annotated[
        str | None, typer.Option(help="dawn, day, sunset, dusk, night or aurora in all; drawn for each when left out.")
    ] = None,
    landmark: Annotated[str | None, typer.Option(help=f"In all: {', '.join(LANDMARKS)}; drawn when left out.")] = None,
    labels: Annotated[bool, typer.Option("--labels", help="Write the pictures of their label maps instead.")] = False,
) -> None:
    """Paint landscapes with captions without any model: training data that needs no download."""
    from engine.scenes import write_dataset  # here: no other command needs it

    show = sys.stderr.isatty()

    def report(done: int, total: int) -> None:
        if show:
            typer.echo(f"\r\x1b[K{done}/{total}" if done < total else "\r\x1b[K", nl=False, err=True)

    done = write_dataset(
        out, count, seed=seed, size=size, look=look, time=time, landmark=landmark, labels=labels, report=report
    )
    print(f"{done.written} pictures were written, {done.kept} were in {done.folder} already.")


@commands.command()
def train_mini(
    stage: Annotated[str, typer.Argument(help=f"One of {', '.join(STAGE_NAMES)}, in this order.")],
    folder: Annotated[
        Path | None, typer.Option(help="Where the stages read and write; HOME/training when left out.")
    ] = None,
    pictures: Annotated[int, typer.Option(min=256, help="Scenes to train on.")] = 16384,
    processes: Annotated[int, typer.Option(min=1, help="With one thread each; as many as there are cores.")] = 2,
    steps: Annotated[int | None, typer.Option(min=1, help="Optimizer steps, in place of the stage's own.")] = None,
    device: Annotated[str, typer.Option(help="cpu, or cuda to train on a GPU.")] = "cpu",
    home: Home = None,
) -> None:
    """Train the model that ships, stage by stage; a stage that was stopped goes on where it was."""
    if stage not in STAGE_NAMES:
        raise NotFound(f"A stage must be one of {', '.join(STAGE_NAMES)}; got {stage!r}.")
    if device not in ("cpu", "cuda"):
        raise NotFound(f"A device must be cpu or cuda; got {device!r}.")
    from engine.mini.stages import STAGES, Workshop  # here: seconds of imports

    folder = folder or settings_of(home).home / "training"
    STAGES[stage](Workshop(folder, pictures, processes=processes, steps=steps, device=device))


@commands.command()
def evaluate_mini(
    model: Annotated[Path, typer.Option(help="Folder of the model, in diffusers layout.")] = PROJECT / "weights/mini",
    count: Annotated[int, typer.Option(help="Held-out prompts; 500 give trustworthy numbers.")] = 500,
    steps: Annotated[int, typer.Option(help="Denoising steps.")] = STEPS.default,
    guidance: Annotated[float, typer.Option(help=f"Guidance scale, {GUIDANCE_SCALE}.")] = GUIDANCE_SCALE.default,
    scheduler: Annotated[str, typer.Option(help=f"One of {', '.join(SCHEDULERS)}.")] = SCHEDULERS[0],
    lora: Annotated[Path | None, typer.Option(help="File of a LoRA that is applied, at weight 1.")] = None,
    sweep: Annotated[bool, typer.Option(help="Also compare guidance 1, 3, 5, 7.5 and 10.")] = True,
    data: Annotated[Path | None, typer.Option(help="Rendered scenes; HOME/training/scenes when left out.")] = None,
    out: Annotated[Path | None, typer.Option(help="For pictures and report; HOME/evaluation when left out.")] = None,
    home: Home = None,
) -> None:
    """Measure what the small model draws from prompts it never saw; a stopped run goes on."""
    from engine.mini.evaluation import Config, evaluate  # here: imports torch

    settings = open_studio(home).settings
    config = Config(count=count, steps=steps, guidance=guidance, scheduler=scheduler)
    config = config if sweep else replace(config, guidances=())
    scenes, folder = data or settings.home / "training" / "scenes", out or settings.home / "evaluation"
    evaluate(
        model, folder, scenes, config, report=lambda line: typer.echo(line, err=True), device=settings.device, lora=lora
    )
    print((folder / "report.md").read_text())
