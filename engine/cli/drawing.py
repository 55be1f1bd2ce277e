"""The command that draws."""

import hashlib
import io
import sys
from pathlib import Path
from typing import Annotated

import typer
from PIL import Image

from engine.cli.app import Home, Json, copied, open_studio, print_json
from engine.cli.waiting import finished, require_success
from engine.diffusion.notes import request_notes
from engine.diffusion.request import GUIDANCE_SCALE, NUM_IMAGES, SCHEDULERS, SEED, STEPS, TextToImage
from engine.jobs.records import Job
from engine.studio import Studio

commands = typer.Typer()


@commands.command()
def generate(
    prompt: Annotated[str, typer.Argument(help="What to draw.")],
    negative: Annotated[str, typer.Option(help="What to avoid.")] = "",
    seed: Annotated[int | None, typer.Option(help=f"{SEED}; image i uses seed + i. Random when left out.")] = None,
    steps: Annotated[int, typer.Option(help=f"Denoising steps, {STEPS}.")] = STEPS.default,
    guidance: Annotated[
        float, typer.Option(help=f"Guidance scale, {GUIDANCE_SCALE}; 0 and 1 both draw without guidance.")
    ] = GUIDANCE_SCALE.default,
    width: Annotated[int | None, typer.Option(help="Pixels; the model's own size when left out.")] = None,
    height: Annotated[int | None, typer.Option(help="Pixels; the model's own size when left out.")] = None,
    count: Annotated[int, typer.Option(help=f"Number of images, {NUM_IMAGES}.")] = NUM_IMAGES.default,
    model: Annotated[str | None, typer.Option(help="Name of a model; see `models`.")] = None,
    lora: Annotated[list[str] | None, typer.Option(help="NAME or NAME:WEIGHT; may be given several times.")] = None,
    scheduler: Annotated[str, typer.Option(help=", ".join(SCHEDULERS))] = SCHEDULERS[0],
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
    job = studio.submit(request)
    told = _told_before(studio, job.request)
    job = finished(studio, job, quiet=as_json)
    for note in job.notes:
        if note not in told:
            print(note, file=sys.stderr)
    _print_images(studio, job, out, as_json)
    require_success(job, "job")


def lora_from(text: str) -> tuple[str, float]:
    """NAME:WEIGHT, or NAME alone with weight 1; a name may hold colons."""
    name, _, weight = text.rpartition(":")
    try:
        return (name, float(weight)) if name else (text, 1.0)
    except ValueError:
        return text, 1.0


def _told_before(studio: Studio, request: TextToImage) -> list[str]:
    """Say what speaks against words or size while there is time to stop."""
    names = {lora.name for lora in request.loras}
    loras = [lora for lora in studio.loras() if lora.name in names] if names else []
    told = request_notes(request, studio.model(request.model), loras)
    for text in told:
        print(text, file=sys.stderr)
    return told


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
