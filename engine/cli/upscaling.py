"""The commands for making pictures larger."""

from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.app import Home, Json, copied, open_studio, print_json
from engine.cli.kept import kept_picture
from engine.cli.waiting import finished, require_success
from engine.errors import InvalidRequest, NotFound, PhotoRefused, Problem, StudioError
from engine.kept_photos import PhotoRef
from engine.picture_files import PHOTO_SUFFIXES, pictures_in
from engine.studio import Studio
from engine.upscaling.catalogue import own_folder
from engine.upscaling.request import (
    DEFAULT_UPSCALER,
    FACTORS,
    MOST_PICTURES,
    REDRAW_STRENGTH,
    WORDS,
    Upscale,
    drawing_of,
)
from gallery.errors import GalleryError
from gallery.metadata import MOST_IN_WORDS

commands = typer.Typer()


@commands.command()
def upscale(
    pictures: Annotated[
        list[Path], typer.Argument(help="PNG, JPEG, WebP or HEIC files, folders of them, or ids of the gallery.")
    ],
    factor: Annotated[
        int,
        typer.Option(
            help=f"{' or '.join(map(str, FACTORS))} times as wide and high; the result may have {MOST_IN_WORDS}."
        ),
    ] = FACTORS[0],
    upscaler: Annotated[str, typer.Option(help="Name of an upscaler; see `upscalers`.")] = DEFAULT_UPSCALER,
    redraw_strength: Annotated[
        float,
        typer.Option(
            help=f"A second pass draws it again in tiles, {REDRAW_STRENGTH}; 0 is none. At 4x, where the prompt names "
            f"things, a small model may draw them again in many tiles; {REDRAW_STRENGTH.low:g} and 2x are kinder."
        ),
    ] = 0.0,
    prompt: Annotated[
        str, typer.Option(help="Of the second pass; a picture of the gallery has its own recipe when left out.")
    ] = "",
    out: Annotated[Path | None, typer.Option(help="Also copy the pictures into this folder.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Make pictures larger; they are kept in the gallery like those of the page."""
    if prompt and not redraw_strength:
        said = f"--prompt is of a second pass, and none is asked for; got {prompt[:60]!r}. Add --redraw-strength "
        raise InvalidRequest([Problem("prompt", f"{said}{REDRAW_STRENGTH.low:g} or more, or leave it out.")])
    studio = open_studio(home)
    kept, refused = _all_kept(studio, pictures)
    for text in refused:
        typer.echo(text, err=True)
    asked = {"factor": factor, "upscaler": upscaler, "redraw_strength": redraw_strength}
    at_once = 1 if redraw_strength else MOST_PICTURES  # each has a recipe of its own
    for first in range(0, len(kept), at_once):
        some = tuple(kept[first : first + at_once])
        redraw = {"redraw": drawn_again(studio, some[0], prompt)} if redraw_strength else {}
        request = studio.request(Upscale.kind, {**asked, **redraw, "photos": some})
        job = finished(studio, studio.submit(request), quiet=as_json)
        for record in studio.gallery.of_job(job.id):
            path = copied(studio.gallery.path(record.id), out)
            facts = {"id": record.id, "picture": record.title, "path": str(path), "seconds": record.recipe.seconds}
            print_json({**facts, "width": record.width, "height": record.height}) if as_json else print(path)
        require_success(job, "job")
    if refused:
        raise StudioError(f"{len(refused)} of {len(kept) + len(refused)} pictures could not be used.")


@commands.command()
def upscalers(home: Home = None, as_json: Json = False) -> None:
    """List the upscalers: the one that ships, and .safetensors files in HOME/upscalers."""
    studio = open_studio(home)
    for info in studio.upscalers():
        if as_json:
            facts = ("name", "title", "architecture", "scale", "licence", "problem")
            print_json({fact: getattr(info, fact) for fact in facts})
        else:
            state = f"  [{info.problem}]" if info.problem else f"  {info.about}"
            print(f"{info.name:24} {info.title}  ({info.licence}){state}")
    if not as_json:
        print(f"Your own go into {own_folder(studio.settings)}")


def drawn_again(studio: Studio, photo: PhotoRef, prompt: str) -> dict[str, Any] | None:
    """What a second pass draws: by the picture's own recipe where it was drawn here; None where nobody knows.

    Args:
        prompt: in place of the recipe's; as everything that is typed it may have weights and templates. Empty is none.
    """
    recipe = studio.gallery.get(photo.image).recipe if photo.image else None
    own = drawing_of(recipe.request) if recipe else {}
    if prompt:
        own = {name: value for name, value in own.items() if name not in WORDS} | {"prompt": prompt}
    return own or None


def _all_kept(studio: Studio, given: list[Path]) -> tuple[list[PhotoRef], list[str]]:
    """The pictures that can be used, once each, and why the others cannot."""
    kept: dict[str, PhotoRef] = {}
    refused = []
    for each in given:
        try:
            for file in pictures_in(each, PHOTO_SUFFIXES) if each.is_dir() else [each]:
                photo = kept_picture(studio, str(file))
                kept.setdefault(photo.id, photo)
        except (PhotoRefused, NotFound, GalleryError) as error:
            refused.append(str(error))
    return list(kept.values()), refused
