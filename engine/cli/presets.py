"""The commands about presets: settings saved under a name, for `generate --preset` and the page."""

import json
import sys
from collections.abc import Collection
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.app import Home, Json, open_studio, print_json
from engine.diffusion.request import TextToImage
from engine.diffusion.templating import FIELDS
from engine.errors import NotFound, ShelfRefused
from engine.files import read_json
from engine.grids.request import Grid
from engine.image_to_image.request import ImageToImage
from engine.inpainting.request import Inpaint
from engine.prompting.parsing import literal
from engine.prompting.presets import PICTURES, preset_of, presets_of, read_preset, used
from engine.studio import Studio

Values = dict[str, Any]

KINDS = {kind.kind: {spec.name for spec in fields(kind)} for kind in (TextToImage, ImageToImage, Inpaint)}

commands = typer.Typer(help="Settings saved under a name, for `generate --preset`.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Of the preset.")]


@commands.command("list")
def list_presets(home: Home = None, as_json: Json = False) -> None:
    """List the presets."""
    for name, entry in presets_of(open_studio(home).settings.home).all().items():
        print_json({"name": name, "values": entry}) if as_json else print(f"{name}  {_in_short(entry)}")


@commands.command()
def show(name: Name, home: Home = None) -> None:
    """Print what a preset holds as JSON, as `presets save --file` reads it."""
    presets = presets_of(open_studio(home).settings.home)
    used(presets, name)
    print(json.dumps(presets.all()[name], indent=2, ensure_ascii=False))


@commands.command()
def save(
    name: Name,
    picture: Annotated[str | None, typer.Option("--from", help="The settings of this picture, by its id.")] = None,
    file: Annotated[Path | None, typer.Option(help="The values in this JSON file; see `presets show`.")] = None,
    words: Annotated[bool, typer.Option(help="With prompts and styles.")] = True,
    start: Annotated[bool, typer.Option(help="With the picture that it starts from.")] = True,
    seed: Annotated[bool, typer.Option(help="With its seed, else every drawing has one of its own.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="In place of the preset of that name.")] = False,
    home: Home = None,
) -> None:
    """Save settings under a name: those of a picture, or of a file."""
    if (picture is None) == (file is None):
        raise typer.BadParameter("Name a picture with --from, or a --file; not both.")
    studio = open_studio(home)
    values = _of_picture(studio, picture) if picture is not None else _of_file(file, name)
    if not seed:
        values = {field: value for field, value in values.items() if field not in ("seed", "variation_seed")}
    entry = preset_of(values, words=words, start=start)
    if not entry:
        raise ShelfRefused(f"{file} has no settings that a preset keeps. `presets show` prints what one looks like.")
    print(presets_of(studio.settings.home).save(name, entry, instead_of=name if replace else None))


@commands.command()
def remove(name: Name, home: Home = None) -> None:
    """Delete a preset."""
    presets_of(open_studio(home).settings.home).delete(name)


def filled(studio: Studio, name: str, instead: Collection[str]) -> Values:
    """The values of a preset, with its pictures; one that is gone is said on standard error and left out.

    Args:
        instead: fields that are given beside it; their values in the preset are not looked at.

    Raises:
        NotFound: there is no such preset.
        ShelfRefused: it cannot be read.
    """
    values = {
        field: value for field, value in used(presets_of(studio.settings.home), name).items() if field not in instead
    }
    for field in PICTURES:
        if field not in values:
            continue
        photo = studio.again_here(values[field])
        if photo is None:
            what = "picture to start from" if field == "image" else "mask"
            gone = values.pop(field)
            print(f"The preset's {what}, {gone.name}, is not here any more; the rest applies.", file=sys.stderr)
        else:
            values[field] = photo
    return values


def _of_picture(studio: Studio, image_id: str) -> Values:
    """The settings of a picture; its words as they were typed, where they came of a template."""
    record = studio.gallery.get(image_id)
    request = studio.kinds.read(record.kind, record.recipe.request)
    own = not isinstance(request, Grid)
    request = request if own else request.base
    if not isinstance(request, TextToImage):
        raise NotFound(f"The picture {image_id} was not drawn from words, so a preset has nothing of it.")
    typed = {field: getattr(request, f"{field}_template") for field in FIELDS}
    values = {"kind": request.kind, **request.to_dict(), "seed": record.seed if own else request.seed}
    if not any(typed.values()):
        values["styles"] = []  # they are in the words already
    return values | {field: literal(values[field]) if typed[field] is None else typed[field] for field in FIELDS}


def _of_file(file: Path | None, name: str) -> Values:
    assert file is not None
    try:
        return read_preset(read_json(file), name)
    except OSError as error:
        raise NotFound(f"{file} cannot be read: {error.strerror}. Check its place and its name.") from None
    except ValueError as error:
        raise ShelfRefused(f"{file} must be a JSON object as `presets show` prints it; got: {error}.") from None


def _in_short(entry: Values) -> str:
    """The words, else what else it holds, on one line."""
    words = entry.get("prompt") or ", ".join(f"{name} {value}" for name, value in entry.items() if name != "kind")
    return " ".join(str(words).split())[:200]
