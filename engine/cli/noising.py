"""The command that shows a picture under noise, and denoised again."""

from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.app import Home, Json, copied, open_studio, print_json
from engine.cli.kept import kept_picture
from engine.cli.waiting import done
from engine.noising.request import LEVEL, LEVELS, NoiseAndDenoise

commands = typer.Typer()


@commands.command()
def noise_and_denoise(
    picture: Annotated[str, typer.Argument(help="A PNG, JPEG, WebP or HEIC file, or an id of the gallery.")],
    prompt: Annotated[str, typer.Option(help="What the model is told that it shows.")],
    level: Annotated[
        list[float] | None,
        typer.Option(
            help=f"A noise level, {LEVEL}; may be given several times. {', '.join(f'{n:g}' for n in LEVELS)}."
        ),
    ] = None,
    model: Annotated[str | None, typer.Option(help="Name of a model; see `models`.")] = None,
    steps: Annotated[
        int | None, typer.Option(help="Denoising steps from pure noise; the model's when left out.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of the noise; random when left out.")] = None,
    out: Annotated[Path | None, typer.Option(help="Also copy the sheet into this folder.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Noise a picture by the model's own schedule and denoise it, in full and in one step; level 0 has no noise."""
    studio = open_studio(home)
    given: dict[str, Any] = {"model": model, "num_inference_steps": steps, "seed": seed}
    values: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    values |= {"prompt": prompt, "image": kept_picture(studio, picture), "levels": tuple(level or LEVELS)}
    job = done(studio, studio.request(NoiseAndDenoise.kind, values), "sheet", quiet=as_json)
    (record,) = studio.gallery.of_job(job.id)
    path = copied(studio.gallery.path(record.id), out)
    print_json({"id": record.id, "path": str(path), "seed": record.seed}) if as_json else print(path)
