"""The command for recipes in pictures of any tool."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.app import Json, print_json
from engine.errors import NotFound, StudioError
from engine.picture_files import SUFFIXES
from engine.rules import counted
from gallery.errors import UnreadableImage
from gallery.foreign.reading import read_foreign
from gallery.foreign.recipe import ForeignLora, ForeignRecipe

commands = typer.Typer()


@commands.command()
def recipe(
    files: Annotated[list[Path], typer.Argument(help="PNG, JPEG or WebP files of any tool, or folders of them.")],
    as_json: Json = False,
) -> None:
    """Say how pictures were made, as the tools that made them wrote it into their files."""
    paths, failures = _files(files), 0
    for path in paths:
        try:
            found = read_foreign(path)
        except UnreadableImage as error:
            failures += 1
            typer.echo(str(error), err=True)
            if as_json:
                print_json({**_facts(path, None), "notes": [], "error": str(error)})
            continue
        print_json(_facts(path, found)) if as_json else print(_words(path, found))
    if failures:
        raise StudioError(f"{counted(failures, 'file')} of {len(paths)} could not be read as pictures.")


def _files(given: list[Path]) -> list[Path]:
    """The files, and the pictures in the folders."""
    found: list[Path] = []
    for path in given:
        if path.is_dir():
            pictures = (file for file in path.iterdir() if file.suffix.lower() in SUFFIXES and file.name[0] != ".")
            found += sorted(pictures)
        else:
            found.append(path)
    if not found:
        raise NotFound(f"There must be a picture; {', '.join(map(str, given))} holds none.")
    return found


def _facts(path: Path, found: ForeignRecipe | None) -> dict[str, Any]:
    if found is None:
        nothing = asdict(ForeignRecipe("", notes=("The file holds no recipe that is known.",)))
        return {"file": str(path), **nothing, "tool": None}
    return {"file": str(path), **asdict(found)}


def _words(path: Path, found: ForeignRecipe | None) -> str:
    if found is None:
        return f"{path}: no recipe that is known."
    size = f"{found.width}x{found.height}" if found.width and found.height else ""
    said = {
        "prompt": found.prompt,
        "negative prompt": found.negative_prompt,
        "seed": found.seed,
        "steps": found.steps,
        "sampler": " ".join(filter(None, (found.sampler, found.schedule))),
        "guidance": found.guidance,
        "size": size,
        "model": " ".join(filter(None, (found.model, found.model_hash and f"({found.model_hash})"))),
        "LoRAs": ", ".join(map(_lora, found.loras)),
        "embeddings": ", ".join(_with_hash(each.name, each.hash) for each in found.embeddings),
        "clip skip": found.clip_skip,
        "strength": found.strength,
        "not understood": ", ".join(found.not_understood),
        "note": " ".join(found.notes),
    }
    lines = [f"  {name}: {_plain(value)}" for name, value in said.items() if value not in ("", None)]
    return "\n".join([f"{path}: {_plain(found.tool)}", *lines])


def _plain(value: object) -> str:
    """On one line, without the characters that would steer a terminal."""
    return " ".join("".join(each if each.isprintable() else " " for each in str(value)).split())


def _lora(lora: ForeignLora) -> str:
    weight = "" if lora.weight is None else f" {lora.weight:g}"
    return _with_hash(f"{lora.name}{weight}", lora.hash)


def _with_hash(name: str, digits: str) -> str:
    return f"{name} ({digits})" if digits else name
