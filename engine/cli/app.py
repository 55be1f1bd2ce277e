"""The commands that draw, and those that list what there is to draw with."""

import hashlib
import io
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from PIL import Image

from engine.cli.waiting import finished
from engine.diffusion.request import SCHEDULERS, TextToImage
from engine.errors import NotFound, StudioError
from engine.jobs.records import Job
from engine.jobs.schema import SUCCEEDED
from engine.settings import PROJECT, Settings
from engine.studio import Studio
from engine.training import STAGE_NAMES
from engine.weights.request import FetchModel

cli = typer.Typer(
    help="Niji Studio without the browser.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Home = Annotated[Path | None, typer.Option(help="Studio folder; the default is STUDIO_HOME or ./studio-home.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for other programs, one object a line.")]


@cli.command()
def generate(
    prompt: Annotated[str, typer.Argument(help="What to draw.")],
    negative: Annotated[str, typer.Option(help="What to avoid.")] = "",
    seed: Annotated[int | None, typer.Option(help="Image i uses seed + i; random when left out.")] = None,
    steps: Annotated[int, typer.Option(help="Denoising steps, 1 to 150.")] = 25,
    guidance: Annotated[float, typer.Option(help="Guidance scale, 1 to 30.")] = 7.5,
    width: Annotated[int | None, typer.Option(help="Pixels; the model's own size when left out.")] = None,
    height: Annotated[int | None, typer.Option(help="Pixels; the model's own size when left out.")] = None,
    count: Annotated[int, typer.Option(help="Number of images, 1 to 8.")] = 1,
    model: Annotated[str | None, typer.Option(help="Name of a model; see `models`.")] = None,
    lora: Annotated[list[str] | None, typer.Option(help="NAME or NAME:WEIGHT; may be given several times.")] = None,
    scheduler: Annotated[str, typer.Option(help=", ".join(SCHEDULERS))] = "DDIM",
    out: Annotated[Path | None, typer.Option(help="Also copy the images into this folder.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Draw images from a prompt; they are kept in the gallery like those of the pages."""
    values = {
        "prompt": prompt,
        "negative_prompt": negative,
        "seed": seed,
        "num_inference_steps": steps,
        "guidance_scale": guidance,
        "width": width,
        "height": height,
        "num_images": count,
        "model": model,
        "loras": [lora_from(text) for text in lora or ()],
        "scheduler": scheduler,
    }
    studio = open_studio(home)
    request = studio.request(TextToImage.kind, {name: value for name, value in values.items() if value is not None})
    job = finished(studio, studio.submit(request), quiet=as_json)
    for note in job.notes:
        print(note, file=sys.stderr)
    _print_images(studio, job, out, as_json)
    require_success(job, "job")


@cli.command()
def models(home: Home = None, as_json: Json = False) -> None:
    """List the models, also those whose weights are not on this machine."""
    for info in open_studio(home).models():
        if as_json:
            facts = ("name", "title", "available", "problem", "base", "native_size", "licence", "size_bytes", "hub_id")
            print_json({**{fact: getattr(info, fact) for fact in facts}, "path": str(info.path)})
        else:
            state = "ready" if info.available else info.problem or "not on this machine"
            print(f"{info.name:16} {info.title}  [{state}]")


@cli.command()
def add_model(
    source: Annotated[str, typer.Argument(help="A diffusers folder, a .safetensors file, or a hub id.")],
    name: Annotated[str | None, typer.Option(help="How to call it; made from the source when left out.")] = None,
    home: Home = None,
) -> None:
    """Remember a model that is on this machine, or on the model hub."""
    info = open_studio(home).add_model(source, name)
    print(f"{info.name}: {info.title}" + (f"  [{info.problem}]" if info.problem else ""))


@cli.command()
def remove_model(name: str, home: Home = None) -> None:
    """Forget a model that was added; its files stay where they are."""
    open_studio(home).remove_model(name)


@cli.command()
def fetch_model(name: str, home: Home = None) -> None:
    """Download a model's weights; an interrupted download continues."""
    studio = open_studio(home)
    require_success(finished(studio, studio.submit(FetchModel(model=name))), "download")
    print(f"{studio.model(name).title} is ready.")


@cli.command()
def loras(home: Home = None, as_json: Json = False) -> None:
    """List the LoRAs with base model, rank and trigger words."""
    for lora in open_studio(home).loras():
        if as_json:
            facts = ("name", "base", "rank", "trigger_words", "problem")
            print_json({**{fact: getattr(lora, fact) for fact in facts}, "path": str(lora.path)})
        else:
            words = f"  trigger words: {', '.join(lora.trigger_words)}" if lora.trigger_words else ""
            state = f"  [{lora.problem}]" if lora.problem else ""
            print(f"{lora.name}  for {lora.base}, rank {lora.rank}{words}{state}")


@cli.command()
def jobs(home: Home = None, as_json: Json = False) -> None:
    """List the newest jobs."""
    studio = open_studio(home)
    for job in studio.jobs():
        if as_json:
            print_json(_job_facts(job))
        else:
            text = studio.title(job)
            print(f"{job.id}  {job.state:10} {job.step}/{job.steps}  {' '.join(text.split())}")


@cli.command()
def cancel(job_id: str, home: Home = None) -> None:
    """Stop a job; what it finished stays."""
    open_studio(home).cancel(job_id)


@cli.command()
def scenes(
    count: Annotated[int, typer.Option(help="Number of pictures.")],
    out: Annotated[Path, typer.Option(help="Folder; what an earlier run wrote there is kept and continued.")],
    seed: Annotated[int, typer.Option(help="Picture i shows the scene of seed + i.")] = 0,
    size: Annotated[int, typer.Option(help="Pixels of each side.")] = 256,
    look: Annotated[str, typer.Option(help="painterly, ink, cel or mono.")] = "painterly",
) -> None:
    """Paint landscapes with captions without any model: training data that needs no download."""
    from engine.scenes import write_dataset  # here: no other command needs it

    show = sys.stderr.isatty()

    def report(done: int, total: int) -> None:
        if show:
            typer.echo(f"\r\x1b[K{done}/{total}" if done < total else "\r\x1b[K", nl=False, err=True)

    done = write_dataset(out, count, seed=seed, size=size, look=look, report=report)
    print(f"{done.written} pictures were written, {done.kept} were in {done.folder} already.")


@cli.command()
def train_mini(
    stage: Annotated[str, typer.Argument(help=f"One of {', '.join(STAGE_NAMES)}, in this order.")],
    folder: Annotated[Path, typer.Option(help="Where the stages read and write.")] = Path("studio-home/training"),
    pictures: Annotated[int, typer.Option(min=256, help="Scenes to train on.")] = 16384,
    processes: Annotated[int, typer.Option(min=1, help="With one thread each; as many as there are cores.")] = 2,
    steps: Annotated[int | None, typer.Option(min=1, help="Optimizer steps, in place of the stage's own.")] = None,
    device: Annotated[str, typer.Option(help="cpu, or cuda to train on a GPU.")] = "cpu",
) -> None:
    """Train the model that ships, stage by stage; a stage that was stopped goes on where it was."""
    if stage not in STAGE_NAMES:
        raise NotFound(f"A stage must be one of {', '.join(STAGE_NAMES)}; got {stage!r}.")
    if device not in ("cpu", "cuda"):
        raise NotFound(f"A device must be cpu or cuda; got {device!r}.")
    from engine.mini.stages import STAGES, Workshop  # here: seconds of imports

    STAGES[stage](Workshop(folder, pictures, processes=processes, steps=steps, device=device))


@cli.command()
def evaluate_mini(
    model: Annotated[Path, typer.Option(help="Folder of the model, in diffusers layout.")] = PROJECT / "weights/mini",
    count: Annotated[int, typer.Option(help="Held-out prompts; 500 give trustworthy numbers.")] = 500,
    steps: Annotated[int, typer.Option(help="Denoising steps, DDIM.")] = 25,
    guidance: Annotated[float, typer.Option(help="Guidance scale, 1 to 30.")] = 7.5,
    sweep: Annotated[bool, typer.Option(help="Also compare guidance 1, 3, 5, 7.5 and 10.")] = True,
    data: Annotated[Path | None, typer.Option(help="Rendered scenes; HOME/training/scenes when left out.")] = None,
    out: Annotated[Path | None, typer.Option(help="For pictures and report; HOME/evaluation when left out.")] = None,
    home: Home = None,
) -> None:
    """Measure what the small model draws from prompts it never saw; a stopped run goes on."""
    from engine.mini.evaluation import Config, evaluate  # here: imports torch

    settings = open_studio(home).settings
    config = Config(count=count, steps=steps, guidance=guidance)
    config = config if sweep else replace(config, guidances=())
    scenes, folder = data or settings.home / "training" / "scenes", out or settings.home / "evaluation"
    evaluate(model, folder, scenes, config, report=lambda line: typer.echo(line, err=True), device=settings.device)
    print((folder / "report.md").read_text())


def open_studio(home: Path | None) -> Studio:
    """The studio of the environment's settings, or the one in `home` with everything of its own inside it."""
    settings = Settings.from_environment()
    return Studio(replace(settings, home=home, database_url="", lora_dir=None) if home else settings)


def print_json(facts: dict[str, Any]) -> None:
    """One object on one line."""
    print(json.dumps(facts, ensure_ascii=False))


def lora_from(text: str) -> tuple[str, float]:
    """NAME:WEIGHT, or NAME alone with weight 1; a name may hold colons."""
    name, _, weight = text.rpartition(":")
    try:
        return (name, float(weight)) if name else (text, 1.0)
    except ValueError:
        return text, 1.0


def _print_images(studio: Studio, job: Job, out: Path | None, as_json: bool) -> None:
    """The images of a job, also of one that ended early: their paths, or one JSON object for each."""
    for record in studio.gallery.of_job(job.id):
        path = copied(studio.gallery.path(record.id), out)
        if not as_json:
            print(path)
            continue
        facts = {
            "id": record.id,
            "path": str(path),
            "seed": record.seed,
            "width": record.width,
            "height": record.height,
            "sha256": _pixel_sha256(studio.gallery.png(record.id)),
            "file_sha256": record.sha256,
            "seconds": record.recipe.seconds,
        }
        print_json(facts)


def _pixel_sha256(png: bytes) -> str:
    """Of the RGB bytes, row by row: the same for the same picture, whatever is written beside it."""
    with Image.open(io.BytesIO(png)) as picture:
        return hashlib.sha256(picture.convert("RGB").tobytes()).hexdigest()


def copied(path: Path, folder: Path | None) -> Path:
    """The path of a picture's copy in the folder, or its own path where there is no folder."""
    if folder is None:
        return path
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / path.name
    target.write_bytes(path.read_bytes())
    return target


def require_success(job: Job, what: str) -> None:
    """Raise StudioError with the reason unless the job succeeded."""
    if job.state != SUCCEEDED:
        raise StudioError(job.error or f"The {what} was {job.state}.")


def _job_facts(job: Job) -> dict[str, Any]:
    facts = ("id", "kind", "state", "step", "steps", "seconds", "error", "notes")
    return {
        **{fact: getattr(job, fact) for fact in facts},
        "request": job.request.to_dict() if job.request else None,
    }
