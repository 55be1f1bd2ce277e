"""The command that draws grids."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.app import Home, Json, copied, open_studio, print_json
from engine.cli.drawing import lora_from, require_picture
from engine.cli.kept import kept_picture
from engine.cli.waiting import finished, require_success
from engine.diffusion.request import GUIDANCE_SCALE, SCHEDULERS, SEED, STEPS, TextToImage
from engine.errors import InvalidRequest, Problem
from engine.grids.admission import seconds_of
from engine.grids.axes import AXES, axis_from
from engine.grids.request import MOST_CELLS, Grid
from engine.image_to_image.request import FITS, STRENGTH, ImageToImage
from engine.rules import counted, rough_duration

commands = typer.Typer()

_EXAMPLES = "; ".join(f"{name}={what.example}" for name, what in AXES.items())


@commands.command()
def grid(
    prompt: Annotated[str, typer.Argument(help="What to draw.")],
    x: Annotated[str, typer.Option(help=f"What changes across: NAME=VALUE,VALUE. {_EXAMPLES}.")],
    y: Annotated[str | None, typer.Option(help="What changes down.")] = None,
    z: Annotated[str | None, typer.Option(help="What changes from sheet to sheet.")] = None,
    negative: Annotated[str, typer.Option(help="What to avoid.")] = "",
    seed: Annotated[int | None, typer.Option(help=f"{SEED}; the same for all pictures. Random when left out.")] = None,
    steps: Annotated[int | None, typer.Option(help=f"Denoising steps, {STEPS}.")] = None,
    guidance: Annotated[float | None, typer.Option(help=f"Guidance scale, {GUIDANCE_SCALE}.")] = None,
    width: Annotated[int | None, typer.Option(help="Pixels; the model's own size when left out.")] = None,
    height: Annotated[int | None, typer.Option(help="Pixels; the model's own size when left out.")] = None,
    model: Annotated[str | None, typer.Option(help="Name of a model; see `models`.")] = None,
    lora: Annotated[list[str] | None, typer.Option(help="NAME or NAME:WEIGHT; may be given several times.")] = None,
    style: Annotated[list[str] | None, typer.Option(help="A saved style; may be given several times.")] = None,
    scheduler: Annotated[str | None, typer.Option(help=", ".join(SCHEDULERS))] = None,
    variation_seed: Annotated[int | None, typer.Option(help=f"{SEED}; its noise is mixed in.")] = None,
    variation_strength: Annotated[
        float | None, typer.Option(help="0 (the seed's picture) to 1 (the variation seed's); 0 when left out.")
    ] = None,
    image: Annotated[str | None, typer.Option(help="Begin with this picture: a file, or an id of the gallery.")] = None,
    strength: Annotated[float | None, typer.Option(help=f"How much of it is given up, {STRENGTH}.")] = None,
    fit: Annotated[str | None, typer.Option(help=f"How it is brought to width and height: {', '.join(FITS)}.")] = None,
    out: Annotated[Path | None, typer.Option(help="Also copy the pictures into this folder, sheets first.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Draw one picture over and over with single values changed, and lay them out on labelled sheets."""
    studio = open_studio(home)
    if z and not y:
        raise InvalidRequest([Problem("axes", "A third axis needs a second one. Add --y.")])
    if not image:
        require_picture(strength=strength, fit=fit)
    axes = [axis_from(text) for text in (x, y, z) if text]
    base = {
        "prompt": prompt,
        "negative_prompt": negative,
        "seed": seed,
        "num_inference_steps": steps,
        "guidance_scale": guidance,
        "width": width,
        "height": height,
        "model": model,
        "loras": [lora_from(text) for text in lora or ()],
        "styles": tuple(style or ()) or None,
        "scheduler": scheduler,
        "variation_seed": variation_seed,
        "variation_strength": variation_strength,
        "strength": strength,
        "fit": fit,
        "image": kept_picture(studio, image) if image else None,
    }
    kind = ImageToImage.kind if image else TextToImage.kind
    given = {name: value for name, value in base.items() if value is not None}
    request = studio.request(Grid.kind, {"base_kind": kind, "base": given, "axes": axes})
    if not as_json:
        about = seconds_of(request, studio.gallery.page(limit=200).images)
        takes = f"; about {rough_duration(about)} here" if about else ""
        print(f"{counted(request.count, 'picture')} of at most {MOST_CELLS}{takes}.", file=sys.stderr)
    job = finished(studio, studio.submit(request), quiet=as_json)
    records = studio.gallery.of_job(job.id)
    for record in sorted(records, key=lambda record: (record.kind != Grid.kind, record.job_index or 0)):
        path = copied(studio.gallery.path(record.id), out)
        facts = {"id": record.id, "kind": record.kind, "path": str(path), "seed": record.seed}
        print_json({**facts, "width": record.width, "height": record.height}) if as_json else print(path)
    require_success(job, "job")
