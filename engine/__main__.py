"""The command line: `python -m engine --help`."""

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.errors import InvalidRequest, StudioError
from engine.jobs.queue import Job
from engine.jobs.schema import SUCCEEDED
from engine.jobs.status import ABSENT
from engine.requests import SCHEDULERS
from engine.settings import Settings
from engine.studio import Studio
from gallery.errors import GalleryError

cli = typer.Typer(help="Niji Studio without the browser.", no_args_is_help=True, pretty_exceptions_enable=False)

Home = Annotated[Path | None, typer.Option(help="Studio folder; the default is STUDIO_HOME or ./studio-home.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object for other programs to read.")]

POLL_SECONDS = 0.1


@cli.command()
def generate(
    prompt: Annotated[str, typer.Argument(help="What to draw.")],
    negative_prompt: Annotated[str, typer.Option(help="What to avoid.")] = "",
    seed: Annotated[int | None, typer.Option(help="Image i uses seed + i; random when left out.")] = None,
    steps: Annotated[int, typer.Option(help="Denoising steps, 1 to 150.")] = 25,
    guidance: Annotated[float, typer.Option(help="Guidance scale, 1 to 30.")] = 7.5,
    width: Annotated[int | None, typer.Option(help="Pixels; the model's own size when left out.")] = None,
    height: Annotated[int | None, typer.Option(help="Pixels; the model's own size when left out.")] = None,
    images: Annotated[int, typer.Option(help="Number of images, 1 to 8.")] = 1,
    scheduler: Annotated[str, typer.Option(help=", ".join(SCHEDULERS))] = "DDIM",
    model: Annotated[str | None, typer.Option(help="Name of a model; see `models`.")] = None,
    lora: Annotated[list[str] | None, typer.Option(help="NAME or NAME:WEIGHT; may be given several times.")] = None,
    out: Annotated[Path | None, typer.Option(help="Also copy the images into this folder.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Draw images from a prompt; they are kept in the gallery like those of the pages."""
    values = {
        "prompt": prompt,
        "negative_prompt": negative_prompt,
        "seed": seed,
        "num_inference_steps": steps,
        "guidance_scale": guidance,
        "width": width,
        "height": height,
        "num_images": images,
        "scheduler": scheduler,
        "model": model,
        "loras": [_lora(text) for text in lora or ()],
    }
    with _texts_for_people():
        studio = _open(home)
        given = {name: value for name, value in values.items() if value is not None}
        job = _finished(studio, studio.submit(studio.request(given)), quiet=as_json)
        files = [_copied(studio, image.id, out) for image in studio.gallery.of_job(job.id)]
        if as_json:
            print(json.dumps(_job_facts(job) | {"files": [str(file) for file in files]}, ensure_ascii=False))
        else:
            for note in job.notes:
                print(note)
            for file in files:
                print(file)
        if job.state != SUCCEEDED:
            raise StudioError(job.error or f"The job was {job.state}.")


@cli.command()
def models(home: Home = None, as_json: Json = False) -> None:
    """List the models, also those whose weights are not on this machine."""
    with _texts_for_people():
        for info in _open(home).models():
            facts = {"name": info.name, "title": info.title, "available": info.available, "path": str(info.path)}
            state = "ready" if info.available else info.problem or "not on this machine"
            print(json.dumps(facts) if as_json else f"{info.name:16} {info.title}  [{state}]")


@cli.command()
def add_model(
    source: Annotated[str, typer.Argument(help="A diffusers folder, a .safetensors file, or a hub id.")],
    name: Annotated[str | None, typer.Option(help="How to call it; made from the source when left out.")] = None,
    home: Home = None,
) -> None:
    """Remember a model that is on this machine, or on the model hub."""
    with _texts_for_people():
        info = _open(home).add_model(source, name)
        print(f"{info.name}: {info.title}" + (f"  [{info.problem}]" if info.problem else ""))


@cli.command()
def fetch_model(name: str, home: Home = None) -> None:
    """Download a model's weights; an interrupted download continues."""
    with _texts_for_people():
        studio = _open(home)
        job = _finished(studio, studio.fetch_model(name))
        if job.state != SUCCEEDED:
            raise StudioError(job.error or f"The download was {job.state}.")
        print(f"{studio.model(name).title} is ready.")


@cli.command()
def loras(home: Home = None, as_json: Json = False) -> None:
    """List the LoRAs with base model, rank and trigger words."""
    with _texts_for_people():
        for lora in _open(home).loras():
            facts = {"name": lora.name, "base": lora.base, "rank": lora.rank, "trigger_words": lora.trigger_words}
            state = f"  [{lora.problem}]" if lora.problem else ""
            words = f"  trigger words: {', '.join(lora.trigger_words)}" if lora.trigger_words else ""
            print(json.dumps(facts) if as_json else f"{lora.name}  for {lora.base}, rank {lora.rank}{words}{state}")


@cli.command()
def jobs(home: Home = None, as_json: Json = False) -> None:
    """List the newest jobs."""
    with _texts_for_people():
        for job in _open(home).jobs():
            text = getattr(job.request, "prompt", job.kind)
            line = f"{job.id}  {job.state:10} {job.step}/{job.steps}  {text}"
            print(json.dumps(_job_facts(job)) if as_json else line)


@cli.command()
def cancel(job_id: str, home: Home = None) -> None:
    """Stop a job; what it finished stays."""
    with _texts_for_people():
        _open(home).cancel(job_id)


@cli.command()
def check_gallery(
    rebuild: Annotated[bool, typer.Option(help="Take files without a row into the gallery.")] = False,
    home: Home = None,
) -> None:
    """Compare the image files with the database; nothing is ever dropped."""
    with _texts_for_people():
        gallery = _open(home).gallery
        if rebuild:
            print(f"{gallery.rebuild()} images taken into the gallery.")
        print(gallery.sweep())


def _open(home: Path | None) -> Studio:
    settings = Settings.from_environment()
    return Studio(replace(settings, home=home, database_url="", lora_dir=None) if home else settings)


def _finished(studio: Studio, job: Job, quiet: bool = False) -> Job:
    """Wait for a job. The running studio's worker does it; without one, a worker is started for it."""
    supervisor = studio.supervisor() if studio.engine().state == ABSENT else None
    if supervisor:
        supervisor.start()
    try:
        while not job.ended:
            time.sleep(POLL_SECONDS)
            job = studio.job(job.id)
            if not quiet and job.steps:
                typer.echo(f"\r{job.stage}, {job.step}/{job.steps}   ", nl=False, err=True)
    except KeyboardInterrupt:
        studio.cancel(job.id)
        raise
    finally:
        if not quiet:
            typer.echo("", err=True)
        if supervisor:
            supervisor.stop()
    return job


def _copied(studio: Studio, image_id: str, out: Path | None) -> Path:
    source = studio.gallery.path(image_id)
    if out is None:
        return source
    out.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(source, out / source.name))


def _lora(text: str) -> tuple[str, float]:
    name, _, weight = text.rpartition(":")
    try:
        return (name, float(weight)) if name else (text, 1.0)
    except ValueError:
        return text, 1.0


def _job_facts(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "state": job.state,
        "error": job.error,
        "notes": job.notes,
        "seconds": job.seconds,
        "request": job.request.to_dict(),
    }


@contextmanager
def _texts_for_people() -> Iterator[None]:
    try:
        yield
    except InvalidRequest as error:
        _leave(*(problem.message for problem in error.problems))
    except (StudioError, GalleryError, ValueError) as error:
        _leave(str(error))


def _leave(*texts: str) -> None:
    for text in texts:
        typer.echo(text, err=True)
    raise typer.Exit(1)


if __name__ == "__main__":
    cli()
